"""What is sealed at the gate, and what of it may be released."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from contracts.agency import PERSON, Caregiver, Contact, Submitted
from contracts.base import Value
from contracts.intake import Sealed
from contracts.words import PersonalField, Status
from services.chassis.encryption import seal

_IDENTITY = ("name", "case_code", "birth_date", "nationality", "status")
"""Fields that say who somebody is; the others say how to reach the household, and about the need."""


class PersonalMember(Value):
    """Somebody of the household besides the person, as only intake can read it."""

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
    def of(cls, referral: Submitted) -> "Personal":
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
            household=tuple(PersonalMember(**each.model_dump(include=_OF_MEMBER)) for each in referral.household),
        )

    def release(self, fields: Iterable[PersonalField], need: str, members: Sequence[str] = ()) -> dict[str, Any]:
        """The named fields as JSON values. "Do not contact" takes the contact out, whatever was granted.

        `members` are the labels of those whom the need is for, none: the person. Of them, and only of them, it is
        told who they are; a relation goes with the name.
        """
        fields = list(fields)
        whole = self.model_dump(mode="json")
        whole["note"] = whole.pop("notes").get(need)
        if not self.contact.may_contact:
            whole["contact"] = None
        if members and PERSON not in members:
            whole |= dict.fromkeys(_IDENTITY)
        told = {field.value: whole[field.value] for field in fields if whole[field.value] is not None}
        granted = ["member", *(field.value for field in fields if field.value in _IDENTITY)]
        granted += ["relation"] if PersonalField.NAME in fields else []
        household = [
            {name: each[name] for name in granted if each[name] is not None}
            for each in whole["household"]
            if each["member"] in members
        ]
        return {**told, "household": household} if household else told


_OF_MEMBER = set(PersonalMember.model_fields)


def seal_personal(referral: str, key: bytes, personal: Personal) -> Sealed:
    """The personal part of a referral, encrypted with its data key, with a keyed digest of the plaintext."""
    plain = personal.model_dump_json(exclude_defaults=True).encode()  # the same bytes as before there were households
    digest = hashlib.blake2b(plain, key=key, digest_size=16).hexdigest()
    return Sealed(key_id=referral, box=seal(key, plain, purpose(referral)), digest=digest)


def purpose(referral: str) -> str:
    """What a person's box is bound to."""
    return f"person/{referral}"
