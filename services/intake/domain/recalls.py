"""Decides what a provider must delete, and follows whether it confirms that. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from contracts import provider, topics
from contracts.base import Message
from contracts.intake import DeletionConfirmed, RecallConfirmed, Recalled, RecallOverdue, ReleaseEnded
from contracts.operations import TimerElapsed
from contracts.profiles import Problem
from contracts.words import PersonalField
from services.chassis.decider import Effect, Emit, Reply, SetTimer

from .disclosures import DELIVERED, Disclosure, RecallRequest, request_of
from .state import Referral, State

_NO_SUCH_RECALL = "no such recall was sent to you: repeat the values of provider.recall.v1"
_CONFIRMED_ALREADY = "you have acknowledged it already; there is nothing left to do"


def on_release_ended(
    referral: Referral, ended: ReleaseEnded, now: datetime, acknowledge_within: timedelta
) -> Sequence[Effect]:
    """A provider no longer has the need. Journaled even if its acceptance is unknown, since that may arrive later."""
    disclosure = referral.needs.disclosures.get((ended.need, ended.attempt)) or Disclosure(request_of(ended))
    if disclosure.end is not None or disclosure.request.provider != ended.provider:
        return []
    after = referral.after(ended)
    return [Emit(ended), *recall_excess(after, after.needs.disclosures[disclosure.key], now, acknowledge_within)]


def recall_excess(
    referral: Referral, disclosure: Disclosure, now: datetime, acknowledge_within: timedelta
) -> list[Effect]:
    """Ask a provider to delete the fields that it has and may not keep; nothing if there are none."""
    may_keep = referral.may_keep(disclosure)
    fields = [field for field in PersonalField if field in disclosure.fields and field not in may_keep]
    if not fields:
        return []
    number = len(disclosure.recalls) + 1
    # Whole seconds: MongoDB keeps milliseconds, and the timer's time is compared with this one.
    acknowledge_by = (now + acknowledge_within).replace(microsecond=0)
    recall = RecallRequest(number, frozenset(fields), _reason(referral, disclosure, fields), acknowledge_by)
    order = provider.Recall(
        **dict(disclosure.request),
        recall=number,
        fields=fields,
        reason=recall.reason,
        acknowledge_by=acknowledge_by,
        reference=referral.stored.reference,
    )
    return [
        Emit(order, topics.notifications(order.provider)),
        _published(Recalled, referral, disclosure, recall, now),
        SetTimer(_timer(disclosure, number), acknowledge_by),
    ]


def on_timer(referral: Referral, elapsed: TimerElapsed, now: datetime) -> list[Effect]:
    """Report a recall that was not acknowledged in time, once."""
    return [
        _published(RecallOverdue, referral, disclosure, recall, now)
        for disclosure in referral.needs.disclosures.values()
        for recall in disclosure.recalls
        if elapsed.name == _timer(disclosure, recall.number)
        and elapsed.due_at == recall.acknowledge_by
        and not (recall.overdue or recall.acknowledged)
    ]


def on_confirmation(state: State, confirmed: DeletionConfirmed) -> list[Effect]:
    """A provider confirms a deletion. One that was sent no such recall learns nothing but that."""
    disclosure = state.needs.disclosures.get((confirmed.need, confirmed.attempt))
    if not isinstance(state, Referral) or disclosure is None or disclosure.request.provider != confirmed.provider:
        return [refused(confirmed, "recall", _NO_SUCH_RECALL)]
    recall = disclosure.recall(confirmed.recall)
    if recall is None:
        return [refused(confirmed, "recall", _NO_SUCH_RECALL)]
    if recall.acknowledged:
        return [refused(confirmed, "recall", _CONFIRMED_ALREADY)]
    closed = provider.RecallClosed(**dict(disclosure.request), recall=recall.number, at=confirmed.at)
    return [
        _published(RecallConfirmed, state, disclosure, recall, confirmed.at),
        Emit(closed, topics.notifications(closed.provider)),
    ]


def refused(confirmed: DeletionConfirmed, field: str, fix: str) -> Reply:
    """The answer to the provider, in terms of the message that it sent."""
    refusal = provider.ProviderInputRefused(
        provider=confirmed.provider, sent=provider.RecallAcknowledged.TYPE, problems=[Problem(field=field, fix=fix)]
    )
    return Reply(refusal, topics.notifications(confirmed.provider))


def _published(
    kind: type[Recalled | RecallOverdue | RecallConfirmed],
    referral: Referral,
    disclosure: Disclosure,
    recall: RecallRequest,
    at: datetime,
) -> Emit:
    """The fact that other services read, and that outcomes reports to the agency."""
    request: dict[str, Any] = dict(disclosure.request)
    fact: Message = kind(
        **request,
        agency=referral.stored.agency,
        reference=referral.stored.reference,
        recall=recall.number,
        fields=[field for field in PersonalField if field in recall.fields],
        reason=recall.reason,
        acknowledge_by=recall.acknowledge_by,
        at=at,
    )
    return Emit(fact, topics.INTAKE)


def _reason(referral: Referral, disclosure: Disclosure, fields: list[PersonalField]) -> str:
    if disclosure.end is not None and disclosure.end not in DELIVERED:
        return disclosure.end.value
    if not referral.stored.may_contact and fields == [PersonalField.CONTACT]:
        return "do-not-contact"
    return "consent-changed" if referral.stored.consent.grants else "consent-withdrawn"


def _timer(disclosure: Disclosure, number: int) -> str:
    return f"recall:{disclosure.request.need}:{disclosure.request.attempt}:{number}"
