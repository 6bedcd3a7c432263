"""Checks the providers' directory entries and notifies each provider of what is wrong with its own.

It passes nothing on: every matcher reads all directories itself, without a consumer group. This is the one reader in a
group, so that a provider is notified once. A valid entry leads to nothing.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import date

from contracts import topics
from contracts.base import Message
from contracts.cloudevents import CloudEvent
from contracts.notification import EntryProblemsFound
from contracts.profiles import Problem
from contracts.provider import Profile, Service
from contracts.words import IntakeMethod
from services.chassis.encryption import takes_sealed
from services.chassis.ingress.gate import Admitted, Arrival, RefusalError
from services.chassis.ports import Record

from .directory.directory import examine
from .eligibility.alternatives import can_be_met

_ENTRY = re.compile(rb"[A-Za-z0-9._-]{1,64}")


class DirectoryAdmission:
    """The admission of the group ``matching-directory``."""

    accepts: Mapping[str, type[Message]] = {model.ce_type(): model for model in (Profile, Service)}

    async def prepare(self, arrivals: Sequence[Arrival]) -> None:
        """Nothing to gather."""

    def admit(self, arrival: Arrival) -> Sequence[Admitted]:
        """Nothing. Raises `RefusalError` with the problems if the entry is not usable."""
        entry = examine(arrival.record)
        problems = entry if isinstance(entry, list) else contradictions(entry, arrival.at.date())
        if problems:
            raise RefusalError(*problems)
        return []

    def refuse(self, tenant: str, record: Record, event: CloudEvent, problems: list[Problem]) -> Sequence[Admitted]:
        """A notice for the provider, through notification, the only service that writes to its topic."""
        key = record.key or b""
        name = key.decode() if _ENTRY.fullmatch(key) else ""  # otherwise it may hold anything, even a name
        notice = EntryProblemsFound(provider=tenant, entry=name, problems=problems)
        digest = hashlib.sha256(event.data).hexdigest()[:32]  # an entry is about no person, so it needs no key
        return [Admitted(notice, topics.inbox("notification"), tenant, digest)]


def contradictions(entry: Profile | Service, today: date) -> list[Problem]:
    """What is well-formed but can't be intended, or keeps everybody away."""
    if isinstance(entry, Profile):
        unusable = Problem(
            field="public_key", fix="is not an X25519 key to which data can be encrypted: create a new key pair"
        )
        return [] if takes_sealed(entry.public_key) else [unusable]
    problems = []
    if entry.valid_to is not None and entry.valid_to < today:
        problems.append(Problem(field="valid_to", fix="is in the past: extend it, or delete the entry"))
    if not entry.takes_referrals:
        fix = "is false, so nobody is sent: publish the entry with true once the service takes referrals"
        problems.append(Problem(field="takes_referrals", fix=fix))
        if IntakeMethod.REFERRAL_ONLY in entry.intake:
            problems.append(
                Problem(field="intake", fix="says referral-only, but takes_referrals is false: change one of them")
            )
    limits = entry.eligibility
    if set(limits.flags_any) & set(limits.not_flags):
        problems.append(
            Problem(
                field="eligibility.not_flags",
                fix="excludes flags that flags_any requires: remove them from one of the two",
            )
        )
    if set(limits.statuses) & set(limits.not_statuses):
        problems.append(
            Problem(
                field="eligibility.not_statuses",
                fix="excludes statuses that statuses requires: remove them from one of the two",
            )
        )
    if not can_be_met(limits):
        fix = "lets nobody through: its criteria, any_of and none_of can never be met by one person: relax one of them"
        problems.append(Problem(field="eligibility", fix=fix))
    return problems
