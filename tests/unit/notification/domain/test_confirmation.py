"""Each answer that took effect is confirmed to its provider, with what is due next; a refused one is not."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from contracts import provider, topics
from contracts.words import Answer, DeadlineKind, DecidedBy, DeclineCode, Lifecycle, Urgency
from services.chassis.decider import Emit
from services.notification.domain.deadlines import DeadlineRules, TimeLimits
from services.notification.domain.policy import NotificationPolicy
from tests.support.builders import NEED, REFERRAL, answer_received, matched
from tests.support.clock import START
from tests.support.stream import Stream, emitted

HOUR = timedelta(hours=1)
RULES = DeadlineRules({Urgency.URGENT: TimeLimits(4 * HOUR, 24 * HOUR, start=72 * HOUR, close=200 * HOUR)})
BEFORE: dict[Answer, list[Answer]] = {
    Answer.ACKNOWLEDGED: [],
    Answer.DECLINED: [],
    Answer.ACCEPTED: [],
    Answer.APPOINTMENT_PROPOSED: [Answer.ACCEPTED],
    Answer.NO_SHOW: [Answer.ACCEPTED, Answer.APPOINTMENT_PROPOSED],
    Answer.IN_PROGRESS: [Answer.ACCEPTED],
    Answer.DELIVERED: [Answer.ACCEPTED, Answer.IN_PROGRESS],
    Answer.NOT_DELIVERED: [Answer.ACCEPTED],
}


@pytest.fixture
def offered() -> Stream:
    need = Stream("notification", NotificationPolicy(RULES), NEED)
    need.handle(matched())
    return need


def confirmed(need: Stream, answer: Answer, at: datetime = START, **more: Any) -> provider.AnswerConfirmed:
    effects = need.handle(answer_received(answer, answered_at=at, **more), now=at)
    (emit,) = (each for each in effects if isinstance(each, Emit) and isinstance(each.event, provider.AnswerConfirmed))
    assert (emit.topic, emit.key) == (topics.notifications("provider-1"), REFERRAL)
    assert isinstance(emit.event, provider.AnswerConfirmed)
    return emit.event


@pytest.mark.parametrize(
    ("answer", "state", "clock", "hours"),
    [
        (Answer.ACKNOWLEDGED, Lifecycle.ACKNOWLEDGED, DeadlineKind.DECIDE, 24),
        (Answer.DECLINED, Lifecycle.DECLINED, None, None),
        (Answer.ACCEPTED, Lifecycle.ACCEPTED_BY_PROVIDER, DeadlineKind.START, 72),
        (Answer.APPOINTMENT_PROPOSED, Lifecycle.APPOINTED, DeadlineKind.START, 72),
        (Answer.NO_SHOW, Lifecycle.NO_SHOW, DeadlineKind.START, 73),
        (Answer.IN_PROGRESS, Lifecycle.IN_PROGRESS, DeadlineKind.CLOSE, 201),
        (Answer.DELIVERED, Lifecycle.DELIVERED, None, None),
        (Answer.NOT_DELIVERED, Lifecycle.NOT_DELIVERED, None, None),
    ],
)
def test_the_state_and_what_is_due_next_are_confirmed(
    offered: Stream, answer: Answer, state: Lifecycle, clock: DeadlineKind | None, hours: int | None
) -> None:
    for each in BEFORE[answer]:
        offered.handle(answer_received(each))
    late = answer in (Answer.NO_SHOW, Answer.IN_PROGRESS)
    confirmation = confirmed(offered, answer, START + HOUR if late else START)
    due_at = None if hours is None else START + hours * HOUR
    assert (confirmation.state, confirmation.clock, confirmation.due_at) == (state, clock, due_at)


def test_who_answered_and_why_are_confirmed(offered: Stream) -> None:
    code = DeclineCode.PERSON_DECLINED
    more: dict[str, Any] = {"code": code, "by": DecidedBy.PERSON, "provider_reference": "P-7", "note": "c2VhbGVk"}
    confirmation = confirmed(offered, Answer.DECLINED, **more)
    assert (confirmation.code, confirmation.by, confirmation.provider_reference) == (code, DecidedBy.PERSON, "P-7")
    assert "c2VhbGVk" not in confirmation.model_dump_json()


def test_the_appointment_is_confirmed_and_stays_in_later_confirmations(offered: Stream) -> None:
    offered.handle(answer_received(Answer.ACCEPTED))
    at = START + 30 * HOUR
    assert confirmed(offered, Answer.APPOINTMENT_PROPOSED, appointment_at=at).appointment_at == at
    assert confirmed(offered, Answer.APPOINTMENT_KEPT, at).appointment_at == at


def test_an_answer_after_the_time_to_acknowledge_still_has_the_time_to_decide(offered: Stream) -> None:
    late = START + 25 * HOUR
    confirmation = confirmed(offered, Answer.ACKNOWLEDGED, late)
    assert (confirmation.clock, confirmation.due_at) == (DeadlineKind.DECIDE, START + 24 * HOUR)


@pytest.mark.parametrize("answer", [Answer.DELIVERED, Answer.CHECK_IN, Answer.NO_SHOW])
def test_a_refused_answer_is_not_confirmed(offered: Stream, answer: Answer) -> None:
    assert not emitted(offered.handle(answer_received(answer)))
