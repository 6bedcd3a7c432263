"""Reviews the providers' directory entries and tells each what is wrong with its own. Lets nothing through.

Matchers read the directories themselves, whole and without a group; this is the one grouped reader, so that a provider
is told once. An entry that is fine leads to nothing.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date

from contracts import topics
from contracts.base import Message
from contracts.cloudevents import CloudEvent
from contracts.intake import Problem
from contracts.notification import EntryDoubted
from contracts.provider import Profile, Service
from contracts.words import IntakeMethod
from services.chassis.encryption import takes_sealed
from services.chassis.ingress.gate import Admitted, Arrival, RefusalError
from services.chassis.ports import Record

from .directory.directory import examine
from .eligibility.alternatives import possible

_ENTRY = re.compile(rb"[A-Za-z0-9._-]{1,64}")


class DirectoryAdmission:
    """The admission of the group ``matching-directory``."""

    accepts: Mapping[str, type[Message]] = {model.ce_type(): model for model in (Profile, Service)}

    async def prepare(self, arrivals: Sequence[Arrival]) -> None:
        """Nothing to gather."""

    def admit(self, arrival: Arrival) -> Sequence[Admitted]:
        """Nothing. Raises `RefusalError` with what is wrong."""
        entry = examine(arrival.record)
        problems = entry if isinstance(entry, list) else contradictions(entry, arrival.at.date())
        if problems:
            raise RefusalError(*problems)
        return []

    def refuse(self, tenant: str, record: Record, event: CloudEvent, problems: list[Problem]) -> Sequence[Admitted]:
        """Through notification, the only one that writes to the provider's topic."""
        key = record.key or b""
        name = key.decode() if _ENTRY.fullmatch(key) else ""  # else it may hold anything
        return [
            Admitted(EntryDoubted(provider=tenant, entry=name, problems=problems), topics.inbox("notification"), tenant)
        ]


def contradictions(entry: Profile | Service, today: date) -> list[Problem]:
    """What is well-formed and yet can't be meant, or keeps everybody away."""
    if isinstance(entry, Profile):
        unusable = Problem(field="public_key", fix="is no X25519 key that can be encrypted to: make a new pair")
        return [] if takes_sealed(entry.public_key) else [unusable]
    found = []
    if entry.valid_to is not None and entry.valid_to < today:
        found.append(Problem(field="valid_to", fix="is in the past: extend it, or delete the entry"))
    if not entry.takes_referrals:
        fix = "is false, so nobody is sent: publish it with true once they may be"
        found.append(Problem(field="takes_referrals", fix=fix))
        if IntakeMethod.REFERRAL_ONLY in entry.intake:
            found.append(Problem(field="intake", fix="says referral-only, and takes_referrals that none are taken"))
    limits = entry.eligibility
    if set(limits.flags_any) & set(limits.not_flags):
        found.append(Problem(field="eligibility.not_flags", fix="excludes whom flags_any asks for"))
    if set(limits.statuses) & set(limits.not_statuses):
        found.append(Problem(field="eligibility.not_statuses", fix="excludes whom statuses asks for"))
    if not possible(limits):
        fix = "lets nobody through: what it states, one of any_of and none of none_of can never be met at once"
        found.append(Problem(field="eligibility", fix=fix))
    return found
