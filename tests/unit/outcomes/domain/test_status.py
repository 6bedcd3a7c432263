"""What an agency reads: what happened, since when, what comes next and by when."""

from datetime import timedelta
from typing import Any

import pytest

from contracts import notification, operations
from contracts.outcomes import Noted, StatusChanged, StatusUndelivered
from contracts.texts import sentences
from contracts.words import DeclineCode, Happening, Lifecycle, NextStep
from services.outcomes.domain.policy import OutcomesPolicy
from services.outcomes.domain.status import NEXT_STEP, NEXT_STEP_BY_CODE, SUB_STATUSES, next_step, status
from tests.support.builders import NEED, OF_NEED, accepted, matched, of_offer, status_due, unmet, waiting, withdrawn
from tests.support.clock import START
from tests.support.stream import Stream, emitted, replied

HOUR = timedelta(hours=1)


@pytest.fixture
def need() -> Stream:
    return Stream("outcomes", OutcomesPolicy(sentences), NEED)


def statuses(stream: Stream, event: Any, **more: Any) -> list[StatusChanged]:
    return emitted(stream.handle(event, **more), StatusChanged)


def noted(what: str, state: Lifecycle | None = None, **more: Any) -> Noted:
    return Noted(**{**OF_NEED, "what": what, "state": state, "at": START, **more})


# the two tables -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", Lifecycle)
def test_every_open_state_has_a_next_step_and_an_end_has_none(state: Lifecycle) -> None:
    step, _ = next_step(noted(state.value, state))
    assert (step is NextStep.NOTHING) == state.ended


def test_the_tables_cover_the_vocabularies_and_no_more() -> None:
    assert set(NEXT_STEP) == {state for state in Lifecycle if not state.ended}
    assert set(SUB_STATUSES) == set(Happening)
    rows = SUB_STATUSES.values()
    steps = {NextStep.NOTHING, *NEXT_STEP.values(), *NEXT_STEP_BY_CODE.values(), *(row.next for row in rows)}
    assert steps - {None} == set(NextStep)
    assert not any(state.ended for row in rows for state in Lifecycle if state in row.within)


@pytest.mark.parametrize("happening", Happening)
def test_every_sub_status_is_reported_with_the_state_of_the_need(happening: Happening) -> None:
    reported = status(noted("offered", Lifecycle.OFFERED), noted(happening, at=START + HOUR), sentences)
    assert (reported.state, reported.what, reported.since, reported.at) == ("offered", happening, START, START + HOUR)
    assert set(reported.texts) == {"en", "ru", "be"}


# what is reported at each step ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "step", "by"),
    [
        (accepted(), "system-matches", None),
        (matched(), "system-offers", None),
        (of_offer(notification.Offered), "provider-acknowledges", START + timedelta(hours=4)),
        (of_offer(notification.Acknowledged, decide_by=START + HOUR), "provider-decides", START + HOUR),
        (of_offer(notification.OfferAccepted), "provider-starts", None),
        (of_offer(notification.InProgress), "provider-closes", None),
        (of_offer(notification.Declined), "system-matches", None),
        (of_offer(notification.Expired), "system-matches", None),
        (waiting(), "place-needed", START + timedelta(days=14)),
        (of_offer(notification.Delivered), "nothing", None),
        (unmet(), "nothing", None),
        (withdrawn(), "nothing", None),
    ],
)
def test_each_status_has_the_next_step_and_when_it_is_due(need: Stream, event: Any, step: str, by: Any) -> None:
    (reported,) = statuses(need, event)
    assert (reported.next, reported.next_by) == (step, by)
    assert (reported.what, reported.at) == (reported.state, reported.since)


def test_the_texts_are_those_of_the_codes(need: Stream) -> None:
    (reported,) = statuses(need, of_offer(notification.Declined, code=DeclineCode.NO_CAPACITY))
    assert reported.texts == sentences("declined", code="no-capacity", step=NextStep.SYSTEM_MATCHES, by=None)


@pytest.mark.parametrize(
    "kind",
    [
        notification.Acknowledged,
        notification.OfferAccepted,
        notification.Declined,
        notification.InProgress,
        notification.Delivered,
        notification.NotDelivered,
        notification.Revoked,
    ],
)
def test_both_references_are_on_every_status_once_known(need: Stream, kind: Any) -> None:
    (reported,) = statuses(need, of_offer(kind, provider_reference="P-7"))
    assert (reported.reference, reported.provider_reference) == ("R-1", "P-7")


# sub-statuses ---------------------------------------------------------------------------------------------------------


def test_a_reminder_is_reported_and_the_provider_still_has_to_decide(need: Stream) -> None:
    need.handle(of_offer(notification.Offered))
    (reported,) = statuses(need, of_offer(notification.Reminded, at=START + 4 * HOUR))
    assert (reported.state, reported.what) == ("offered", "reminded")
    assert (reported.since, reported.at) == (START, START + 4 * HOUR)
    assert (reported.next, reported.next_by) == ("provider-decides", START + 24 * HOUR)
    (again,) = replied(need.handle(status_due()))
    assert again.event == reported


def test_a_reminder_that_is_read_first_is_reported_with_the_offer(need: Stream) -> None:
    assert statuses(need, of_offer(notification.Reminded, at=START + 4 * HOUR)) == []
    (reported,) = statuses(need, of_offer(notification.Offered))
    assert (reported.state, reported.what) == ("offered", "reminded")


def test_a_reminder_of_an_earlier_state_is_not_reported(need: Stream) -> None:
    need.handle(of_offer(notification.Offered))
    need.handle(of_offer(notification.Acknowledged, at=START + 5 * HOUR))
    assert statuses(need, of_offer(notification.Reminded, at=START + 4 * HOUR)) == []


def test_a_reminder_at_the_moment_the_offer_ends_is_not_reported_afterwards(need: Stream) -> None:
    need.handle(of_offer(notification.Offered))
    need.handle(of_offer(notification.Expired, at=START + HOUR))
    assert statuses(need, of_offer(notification.Reminded, at=START + HOUR)) == []


def test_a_sub_status_of_another_attempt_or_after_an_end_is_not_reported(need: Stream) -> None:
    need.handle(of_offer(notification.Offered, 2))
    assert statuses(need, of_offer(notification.Reminded, 1, at=START + HOUR)) == []
    need.handle(of_offer(notification.Delivered, 2, at=START + HOUR))
    assert statuses(need, of_offer(notification.Reminded, 2, at=START + 2 * HOUR)) == []


def test_a_new_state_replaces_the_sub_status(need: Stream) -> None:
    need.handle(of_offer(notification.Offered))
    need.handle(of_offer(notification.Reminded, at=START + HOUR))
    (reported,) = statuses(need, of_offer(notification.Acknowledged, at=START + 2 * HOUR))
    assert reported.what == "acknowledged"


def test_a_check_in_changes_when_the_next_step_is_due(need: Stream) -> None:
    top = noted("acknowledged", Lifecycle.ACKNOWLEDGED, next_by=START + HOUR)
    later = noted(Happening.CHECKED_IN, at=START + HOUR, next_by=START + 5 * HOUR)
    assert next_step(top, later) == (NextStep.PROVIDER_DECIDES, START + 5 * HOUR)
    overdue = noted(Happening.OVERDUE, at=START + HOUR)
    assert next_step(top, overdue) == (NextStep.PROVIDER_DECIDES, START + HOUR)


def test_a_sub_status_that_brings_its_state_itself_is_reported_as_one() -> None:
    overdue = noted(Happening.OVERDUE, Lifecycle.ACKNOWLEDGED, next_by=START + HOUR)
    assert (status(overdue, None, sentences).what, status(overdue, None, sentences).state) == (
        "overdue",
        "acknowledged",
    )
    escalated = noted(Happening.ESCALATED, Lifecycle.ACKNOWLEDGED)
    assert next_step(escalated) == (NextStep.OPERATOR_STEPS_IN, None)


def test_the_reason_of_a_wait_may_decide_the_next_step() -> None:
    served = noted("waiting", Lifecycle.WAITING, code="already-served")
    assert next_step(served) == (NextStep.OTHER_REFERRAL_ENDS, None)
    assert "being helped already" in status(served, None, sentences).texts["en"]


# what never arrived ---------------------------------------------------------------------------------------------------


def delivery_failed(status: StatusChanged, **changes: Any) -> operations.DeliveryFailed:
    whole = {
        "stream": NEED,
        "event_type": StatusChanged.ce_type(),
        "event_id": "e",
        "topic": "agency.brest-migration.status",
        "reason": "topic-gone",
        "text": status.model_dump_json(),
        **changes,
    }
    return operations.DeliveryFailed(**whole)


def test_an_end_counts_as_reported_until_it_is_known_to_be_lost(need: Stream) -> None:
    assert not need.state.end_reported
    need.handle(of_offer(notification.Offered))
    assert not need.state.end_reported
    (reported,) = statuses(need, of_offer(notification.Delivered))
    assert need.state.end_reported
    effects = need.handle(delivery_failed(reported))
    assert emitted(effects) == [StatusUndelivered(need_id=NEED, state="delivered", attempt=1, reason="topic-gone")]
    assert not need.state.end_reported
    assert need.folded(repeats=2) == need.state


def test_another_lost_message_changes_nothing(need: Stream) -> None:
    (reported,) = statuses(need, of_offer(notification.Delivered))
    assert need.handle(delivery_failed(reported, event_type="org.referral-routing.outcomes.input-refused.v1")) == []
    assert need.handle(delivery_failed(reported, text="")) == []
    assert need.state.end_reported
