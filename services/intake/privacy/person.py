"""The personal part of a referral: what is sealed at the gate, and what of it may be released."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from contracts.agency import Caregiver, Contact, Submitted
from contracts.base import Value
from contracts.household_rules import PERSON
from contracts.profiles import Sealed
from contracts.words import PersonalField, Status
from services.chassis.encryption import seal

_IDENTITY = ("name", "case_code", "birth_date", "nationality", "status")
"""Fields that identify one person. The other fields say how to reach the household, or are about the need."""


class PersonalMember(Value):
    """A member of the household other than the person, as only intake can read it."""

    member: str
    name: str | None
    case_code: str | None
    relation: str | None
    birth_date: date | None
    nationality: str | None
    status: Status | None


class Personal(Value):
    """The person, as only intake can read it. `notes` are by the need's label."""

    name: str | None
    case_code: str | None
    birth_date: date | None
    nationality: str | None
    status: Status | None
    caregiver: Caregiver | None
    contact: Contact
    place: str | None
    notes: dict[str, str]
    household: tuple[PersonalMember, ...] = ()

    @classmethod
    def from_referral(cls, referral: Submitted) -> "Personal":
        """The personal part of a referral."""
        person = referral.person
        return cls(
            name=person.name,
            case_code=person.case_code,
            birth_date=person.birth_date,
            nationality=person.nationality,
            status=person.status,
            caregiver=person.caregiver,
            contact=person.contact,
            place=referral.location.place,
            notes={need.need: need.note for need in referral.needs if need.note is not None},
            household=tuple(PersonalMember(**each.model_dump(include=_MEMBER_FIELDS)) for each in referral.household),
        )

    def release(self, fields: Iterable[PersonalField], need: str, members: Sequence[str] = ()) -> dict[str, Any]:
        """The given fields as JSON values. "Do not contact" removes the contact, whatever was granted.

        `members` are the labels of the people that the need is for; without any it is for the person. Only these people
        are identified.
        """
        fields = list(fields)
        person = self.model_dump(mode="json")
        person["note"] = person.pop("notes").get(need)
        if not self.contact.may_contact:
            person["contact"] = None
        if members and PERSON not in members:
            person |= dict.fromkeys(_IDENTITY)
        released = {field.value: person[field.value] for field in fields if person[field.value] is not None}
        household = self._release_members(fields, members)
        return {**released, "household": household} if household else released

    def _release_members(self, fields: Sequence[PersonalField], members: Sequence[str]) -> list[dict[str, Any]]:
        """The members that the need is for. A relation is released with the name."""
        granted = ["member", *(field.value for field in fields if field.value in _IDENTITY)]
        if PersonalField.NAME in fields:
            granted.append("relation")
        return [
            {field: value for field in granted if (value := values[field]) is not None}
            for values in (member.model_dump(mode="json") for member in self.household)
            if values["member"] in members
        ]


_MEMBER_FIELDS = set(PersonalMember.model_fields)


def birth_dates_of(personal: Personal) -> dict[str, date]:
    """The birth dates that are known, by the member's label."""
    household = {member.member: member.birth_date for member in personal.household}
    known = {PERSON: personal.birth_date, **household}
    return {label: born for label, born in known.items() if born is not None}


def seal_personal(referral: str, key: bytes, personal: Personal) -> Sealed:
    """The personal part of a referral, encrypted with its data key, with a keyed digest of the plaintext."""
    # Without defaults, a person without household has the same plaintext as before there were households.
    plain = personal.model_dump_json(exclude_defaults=True).encode()
    digest = hashlib.blake2b(plain, key=key, digest_size=16).hexdigest()
    return Sealed(key_id=referral, box=seal(key, plain, purpose(referral)), digest=digest)


def purpose(referral: str) -> str:
    """The purpose that a sealed person is bound to: it cannot be opened as anything else."""
    return f"person/{referral}"
