"""What consent lets happen now: who is told what, who is to delete what, and who says that it did. Pure.

Nothing is remembered of who was allowed what: each decision compares what a provider has been given with what the
consent in force grants it. So whatever the order of changes, requests and ends, the same holds after each of them.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from contracts import provider, topics
from contracts.agency import Consent
from contracts.base import Message
from contracts.intake import (
    DeletionConfirmed,
    NothingToRelease,
    Problem,
    RecallConfirmed,
    Recalled,
    RecallOverdue,
    Released,
    ReleaseEnded,
    ReleaseRequested,
)
from contracts.operations import TimerElapsed
from contracts.words import LegalBasis, PersonalField
from services.chassis.decider import Effect, Emit, Reply, SetTimer

from .disclosures import DELIVERED, Disclosure, RecallRequest, request_of
from .grants import granted
from .household import whom
from .state import Referral

_FIRST_LOOK, _LAST_LOOK = timedelta(seconds=1), timedelta(minutes=10)


class Keys(Protocol):
    """What a release needs to know from outside."""

    def __contains__(self, provider: object) -> bool:
        """True when the provider has published a key to encrypt to."""
        ...


def as_of(consent: Consent, received_at: datetime) -> datetime:
    """Since when a consent holds. One dated in the future holds from when it came, so that it bars no later one."""
    return min(consent.given_at, received_at)


def ends_all(consent: Consent) -> bool:
    """Whether it ends the needs: it is withdrawn, and there is no other legal basis (ICRC Handbook)."""
    return not consent.grants and consent.basis is LegalBasis.CONSENT


# who may know what ----------------------------------------------------------------------------------------------------


def allowed(state: Referral, holding: Disclosure) -> list[PersonalField]:
    """The fields this provider may keep. Nothing once its attempt has ended without delivery.

    Who has delivered keeps what consent still grants, also when the need is withdrawn later.
    """
    if state.held is None or (holding.end is not None and holding.end not in DELIVERED):
        return []
    return granted(state.held.consent.grants, holding.request.provider, state.held.may_contact)


def due(state: Referral, holding: Disclosure) -> list[PersonalField]:
    """The fields to release to this provider now: while it has the need, what it may know and has not been told.

    All of it again once the person has been corrected.
    """
    if state.held is None or holding.end is not None or holding.request.need not in state.open:
        return []
    known = holding.given if holding.digest == state.held.personal.digest else frozenset[PersonalField]()
    return [field for field in allowed(state, holding) if field not in known]


# releases -------------------------------------------------------------------------------------------------------------


def request(state: Referral, asked: ReleaseRequested, now: datetime, keys: Keys) -> Sequence[Effect]:
    """A provider has accepted. It is kept in mind also where nothing is granted: that may change."""
    holding = state.holdings.get((asked.need, asked.attempt))
    if state.held is None or asked.need not in state.open:
        return []
    if holding is not None:
        return release(state, holding, now, keys) if holding.request.provider == asked.provider else []
    holding = Disclosure(request_of(asked))
    return release(state, holding, now, keys) or [Emit(_taken_up(holding))]


def release(state: Referral, holding: Disclosure, now: datetime, keys: Keys) -> list[Effect]:
    """What is due, or a timer where the provider has no key: mostly its profile has yet to be read."""
    fields = due(state, holding)
    if not fields or (holding.waits and holding.request.provider not in keys):
        return []
    if holding.request.provider not in keys:
        return [Emit(holding.request), SetTimer(f"{_release_timer(holding)}:0", now + _FIRST_LOOK)]
    return [_released(state, holding, fields)]


def look_again(state: Referral, elapsed: TimerElapsed, now: datetime, keys: Keys) -> list[Effect]:
    """Is it the timer of a release that waits? Its name ends with how often one has elapsed before it."""
    timer, _, looked = elapsed.name.rpartition(":")
    waiting = [each for each in state.holdings.values() if each.waits and _release_timer(each) == timer]
    return [effect for holding in waiting for effect in _look(state, holding, int(looked) + 1, now, keys)]


def _look(state: Referral, holding: Disclosure, looked: int, now: datetime, keys: Keys) -> list[Effect]:
    fields = due(state, holding)
    if fields and holding.request.provider in keys:
        return [_released(state, holding, fields)]
    if fields:
        pause = min(_FIRST_LOOK * 4 ** min(looked, 5), _LAST_LOOK)
        return [SetTimer(f"{_release_timer(holding)}:{looked}", now + pause)]
    is_open = holding.end is None and holding.request.need in state.open
    return [Emit(_taken_up(holding))] if is_open else []  # its timer is gone: what is granted later sets another


def _released(state: Referral, holding: Disclosure, fields: list[PersonalField]) -> Emit:
    assert state.held is not None, "something is due"  # noqa: S101
    held = state.held
    household = [each.member for each in held.household]
    members = [whom(each.members, each.together, household) for each in held.needs if each.need == holding.request.need]
    released = Released(
        **dict(holding.request),
        fields=fields,
        personal=held.personal,
        reference=held.reference,
        members=members[0] if members else [],
    )
    return Emit(released, topics.notifications(released.provider))


def _taken_up(holding: Disclosure) -> NothingToRelease:
    return NothingToRelease(**dict(holding.request))


def _release_timer(holding: Disclosure) -> str:
    return f"release:{holding.request.need}:{holding.request.attempt}"


# recalls --------------------------------------------------------------------------------------------------------------


def settle(state: Referral, now: datetime, keys: Keys, within: timedelta) -> list[Effect]:
    """After consent, person or needs have changed: call back what may not be kept, release what may be known."""
    effects: list[Effect] = []
    for holding in state.holdings.values():
        effects += recall(state, holding, now, within)
        effects += release(state, holding, now, keys)
    return effects


def end(state: Referral, ended: ReleaseEnded, now: datetime, within: timedelta) -> list[Effect]:
    """A provider has the need no more. Kept in mind also where its acceptance was not heard of: that may come late."""
    holding = state.holdings.get((ended.need, ended.attempt)) or Disclosure(request_of(ended))
    if state.held is None or holding.end is not None or holding.request.provider != ended.provider:
        return []
    after = state.after(ended)
    return [Emit(ended), *recall(after, after.holdings[holding.key], now, within)]


def recall(state: Referral, holding: Disclosure, now: datetime, within: timedelta) -> list[Effect]:
    """Tell a provider to delete what it was given and may not keep; nothing where there is nothing."""
    keeps = allowed(state, holding)
    fields = [field for field in PersonalField if field in holding.given and field not in keeps]
    if not fields:
        return []
    number = len(holding.recalls) + 1
    # Whole seconds: MongoDB keeps milliseconds, and the timer's time is compared with this one.
    recalled = RecallRequest(
        number, frozenset(fields), _reason(state, holding, fields), (now + within).replace(microsecond=0)
    )
    of_recall = {
        "recall": number,
        "fields": fields,
        "reason": recalled.reason,
        "acknowledge_by": recalled.acknowledge_by,
    }
    assert state.held is not None, "only what was held is released"  # noqa: S101
    order = provider.Recall(**dict(holding.request), **of_recall, reference=state.held.reference)
    return [
        Emit(order, topics.notifications(order.provider)),
        _follow(Recalled, state, holding, recalled, now),
        SetTimer(_recall_timer(holding, number), recalled.acknowledge_by),
    ]


def overdue(state: Referral, elapsed: TimerElapsed, now: datetime) -> list[Effect]:
    """A recall has not been acknowledged in time. Said once."""
    return [
        _follow(RecallOverdue, state, holding, each, now)
        for holding in state.holdings.values()
        for each in holding.recalls
        if elapsed.name == _recall_timer(holding, each.number)
        and elapsed.due_at == each.acknowledge_by
        and not (each.overdue or each.acknowledged)
    ]


def confirm(state: Referral, confirmed: DeletionConfirmed) -> list[Effect]:
    """A provider says that it has deleted. To whom there is no such recall, nothing is told but that."""
    holding = state.holdings.get((confirmed.need, confirmed.attempt))
    mine = holding is not None and holding.request.provider == confirmed.provider
    found = holding.recall(confirmed.recall) if holding is not None and mine else None
    if holding is None or found is None:
        return [
            refused(confirmed, "recall", "no such recall was sent to you: repeat what stands in provider.recall.v1")
        ]
    if found.acknowledged:
        return [refused(confirmed, "recall", "you have acknowledged it already; there is nothing left to do")]
    return [_follow(RecallConfirmed, state, holding, found, confirmed.at)]


def refused(confirmed: DeletionConfirmed, field: str, fix: str) -> Reply:
    """To the provider, in the words of what it sent."""
    told = provider.ProviderInputRefused(
        provider=confirmed.provider, sent=provider.RecallAcknowledged.TYPE, problems=[Problem(field=field, fix=fix)]
    )
    return Reply(told, topics.notifications(confirmed.provider))


def _follow(
    kind: type[Recalled | RecallOverdue | RecallConfirmed],
    state: Referral,
    holding: Disclosure,
    of: RecallRequest,
    at: datetime,
) -> Emit:
    """What the other services follow, and the agency is told of."""
    assert state.held is not None, "only what was held is released"  # noqa: S101
    body: dict[str, Any] = dict(holding.request)
    fact: Message = kind(
        **body,
        agency=state.held.agency,
        reference=state.held.reference,
        recall=of.number,
        fields=[field for field in PersonalField if field in of.fields],
        reason=of.reason,
        acknowledge_by=of.acknowledge_by,
        at=at,
    )
    return Emit(fact, topics.INTAKE)


def _reason(state: Referral, holding: Disclosure, fields: list[PersonalField]) -> str:
    assert state.held is not None, "only what was held is released"  # noqa: S101
    if holding.end is not None and holding.end not in DELIVERED:
        return holding.end.value
    if not state.held.may_contact and fields == [PersonalField.CONTACT]:
        return "do-not-contact"
    return "consent-changed" if state.held.consent.grants else "consent-withdrawn"


def _recall_timer(holding: Disclosure, number: int) -> str:
    return f"recall:{holding.request.need}:{holding.request.attempt}:{number}"
