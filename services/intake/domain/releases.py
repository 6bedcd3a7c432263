"""Decides what a provider that has accepted a need is given of the person. Pure.

No list of permissions is kept: each decision compares what a provider has with what the consent in force grants it. So
the result does not depend on the order of changes, requests and ends.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from contracts import topics
from contracts.intake import NothingToRelease, Released, ReleaseRequested
from contracts.operations import TimerElapsed
from contracts.words import PersonalField
from services.chassis.decider import Effect, Emit, SetTimer

from .disclosures import Disclosure, request_of
from .household import member_labels
from .state import Needs, Referral

_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=1), timedelta(minutes=10)
"""Between two checks whether a provider has published its key. Each pause is four times the one before."""


class PublicKeys(Protocol):
    """The providers that can be given something."""

    def __contains__(self, provider: object) -> bool:
        """Whether the provider has published a key to encrypt to."""
        ...


def on_request(referral: Referral, request: ReleaseRequested, now: datetime, keys: PublicKeys) -> Sequence[Effect]:
    """A provider has accepted. That is journaled even if nothing is granted, since the consent may change."""
    disclosure = referral.needs.disclosures.get((request.need, request.attempt))
    if request.need not in referral.needs.open:
        return []
    if disclosure is not None:
        is_its_own = disclosure.request.provider == request.provider
        return release_due(referral, disclosure, now, keys) if is_its_own else []
    disclosure = Disclosure(request_of(request))
    return release_due(referral, disclosure, now, keys) or [Emit(_nothing_to_release(disclosure))]


def release_due(referral: Referral, disclosure: Disclosure, now: datetime, keys: PublicKeys) -> list[Effect]:
    """Release what is due; without a key set a timer, since the provider's profile may only be read later."""
    fields = referral.fields_due(disclosure)
    if not fields:
        return []
    if disclosure.request.provider in keys:
        return [_release(referral, disclosure, fields)]
    if disclosure.awaits_key:
        return []
    return [Emit(disclosure.request), SetTimer(f"{_timer(disclosure)}:0", now + _FIRST_PAUSE)]


def on_timer(referral: Referral, elapsed: TimerElapsed, now: datetime, keys: PublicKeys) -> list[Effect]:
    """Check again for a provider's key, where the timer is that of a release. Its name ends with earlier checks."""
    timer, _, checks = elapsed.name.rpartition(":")
    for disclosure in _awaiting_key(referral.needs):
        if _timer(disclosure) == timer:
            return _check_again(referral, disclosure, int(checks) + 1, now, keys)
    return []


def _awaiting_key(needs: Needs) -> list[Disclosure]:
    return [disclosure for disclosure in needs.disclosures.values() if disclosure.awaits_key]


def _check_again(
    referral: Referral, disclosure: Disclosure, checks: int, now: datetime, keys: PublicKeys
) -> list[Effect]:
    fields = referral.fields_due(disclosure)
    if fields and disclosure.request.provider in keys:
        return [_release(referral, disclosure, fields)]
    if fields:
        pause = min(_FIRST_PAUSE * 4 ** min(checks, 5), _LONGEST_PAUSE)
        return [SetTimer(f"{_timer(disclosure)}:{checks}", now + pause)]
    is_open = disclosure.end is None and disclosure.request.need in referral.needs.open
    # The timer has elapsed. What is granted later sets another one, so the state must say that none is running.
    return [Emit(_nothing_to_release(disclosure))] if is_open else []


def _release(referral: Referral, disclosure: Disclosure, fields: list[PersonalField]) -> Emit:
    stored = referral.stored
    household = [member.member for member in stored.household]
    members = next(
        (
            member_labels(need.members, need.together, household)
            for need in stored.needs
            if need.need == disclosure.request.need
        ),
        [],
    )
    released = Released(
        **dict(disclosure.request),
        fields=fields,
        personal=stored.personal,
        reference=stored.reference,
        members=members,
    )
    return Emit(released, topics.notifications(released.provider))


def _nothing_to_release(disclosure: Disclosure) -> NothingToRelease:
    return NothingToRelease(**dict(disclosure.request))


def _timer(disclosure: Disclosure) -> str:
    return f"release:{disclosure.request.need}:{disclosure.request.attempt}"
