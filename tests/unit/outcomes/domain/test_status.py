"""What an agency is told: what happened, since when, what comes next and by when."""

from datetime import timedelta
from typing import Any

import pytest

from contracts import notification, operations
from contracts.outcomes import Noted, NotTold, StatusChanged
from contracts.texts import sentences
from contracts.words import DeclineCode, Happening, Lifecycle, NextStep
from services.outcomes.domain.policy import OutcomesPolicy
from services.outcomes.domain.status import NEXT_OF, NEXT_OF_CODE, REMARKS, next_step, status
from tests.support.builders import NEED, OF_NEED, accepted, matched, of_offer, status_due, unmet, waiting, withdrawn
from tests.support.clock import START
from tests.support.stream import Stream, emitted, replied

HOUR = timedelta(hours=1)


@pytest.fixture
def need() -> Stream:
    return Stream("outcomes", OutcomesPolicy(sentences), NEED)


def told(stream: Stream, event: Any, **more: Any) -> list[StatusChanged]:
    return emitted(stream.handle(event, **more), StatusChanged)


def noted(what: str, state: Lifecycle | None = None, **more: Any) -> Noted:
    return Noted(**{**OF_NEED, "what": what, "state": state, "at": START, **more})


# the two tables -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", Lifecycle)
def test_every_state_says_who_has_to_do_what_and_an_end_that_nobody_has(state: Lifecycle) -> None:
    step, _ = next_step(noted(state.value, state))
    assert (step is NextStep.NOTHING) == state.ended


def test_the_tables_hold_the_vocabularies_and_no_more() -> None:
    planned = {"appointed", "no-show", "on-hold"}
    assert set(NEXT_OF) == {state for state in Lifecycle if not state.ended} | planned
    assert set(REMARKS) == set(Happening)
    steps = {NextStep.NOTHING, *NEXT_OF.values(), *NEXT_OF_CODE.values(), *(remark.next for remark in REMARKS.values())}
    assert steps - {None} == set(NextStep)
    assert not any(state.ended for remark in REMARKS.values() for state in Lifecycle if state in remark.within)


@pytest.mark.parametrize("remark", Happening)
def test_every_remark_is_told_in_the_state_in_which_the_need_stands(remark: Happening) -> None:
    said = status(noted("offered", Lifecycle.OFFERED), noted(remark, at=START + HOUR), sentences)
    assert (said.state, said.what, said.since, said.at) == ("offered", remark, START, START + HOUR)
    assert set(said.texts) == {"en", "ru", "be"}


# what is told at each step --------------------------------------------------------------------------------------------


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
def test_each_step_says_what_comes_next_and_by_when(need: Stream, event: Any, step: str, by: Any) -> None:
    (said,) = told(need, event)
    assert (said.next, said.next_by) == (step, by)
    assert (said.what, said.at) == (said.state, said.since)


def test_the_words_say_what_the_codes_say(need: Stream) -> None:
    (said,) = told(need, of_offer(notification.Declined, code=DeclineCode.NO_CAPACITY))
    assert said.texts == sentences("declined", code="no-capacity", step=NextStep.SYSTEM_MATCHES, by=None)


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
def test_both_numbers_are_on_every_status_where_they_are_known(need: Stream, kind: Any) -> None:
    (said,) = told(need, of_offer(kind, provider_reference="P-7"))
    assert (said.reference, said.provider_reference) == ("R-1", "P-7")


# remarks --------------------------------------------------------------------------------------------------------------


def test_a_reminder_is_told_and_says_that_the_provider_has_still_to_decide(need: Stream) -> None:
    need.handle(of_offer(notification.Offered))
    (said,) = told(need, of_offer(notification.Reminded, at=START + 4 * HOUR))
    assert (said.state, said.what) == ("offered", "reminded")
    assert (said.since, said.at) == (START, START + 4 * HOUR)
    assert (said.next, said.next_by) == ("provider-decides", START + 24 * HOUR)
    (again,) = replied(need.handle(status_due()))
    assert again.event == said


def test_a_reminder_that_is_read_first_is_told_with_the_offer(need: Stream) -> None:
    assert told(need, of_offer(notification.Reminded, at=START + 4 * HOUR)) == []
    (said,) = told(need, of_offer(notification.Offered))
    assert (said.state, said.what) == ("offered", "reminded")


def test_a_reminder_of_what_is_past_is_not_told(need: Stream) -> None:
    need.handle(of_offer(notification.Offered))
    need.handle(of_offer(notification.Acknowledged, at=START + 5 * HOUR))
    assert told(need, of_offer(notification.Reminded, at=START + 4 * HOUR)) == []


def test_a_reminder_of_the_moment_in_which_the_offer_ends_is_none_of_what_comes_then(need: Stream) -> None:
    need.handle(of_offer(notification.Offered))
    need.handle(of_offer(notification.Expired, at=START + HOUR))
    assert told(need, of_offer(notification.Reminded, at=START + HOUR)) == []


def test_a_remark_of_another_attempt_or_after_an_end_is_not_told(need: Stream) -> None:
    need.handle(of_offer(notification.Offered, 2))
    assert told(need, of_offer(notification.Reminded, 1, at=START + HOUR)) == []
    need.handle(of_offer(notification.Delivered, 2, at=START + HOUR))
    assert told(need, of_offer(notification.Reminded, 2, at=START + 2 * HOUR)) == []


def test_a_new_state_takes_the_place_of_what_was_remarked_before(need: Stream) -> None:
    need.handle(of_offer(notification.Offered))
    need.handle(of_offer(notification.Reminded, at=START + HOUR))
    (said,) = told(need, of_offer(notification.Acknowledged, at=START + 2 * HOUR))
    assert said.what == "acknowledged"


def test_what_a_provider_checks_in_with_resets_by_when(need: Stream) -> None:
    top = noted("acknowledged", Lifecycle.ACKNOWLEDGED, next_by=START + HOUR)
    later = noted(Happening.CHECKED_IN, at=START + HOUR, next_by=START + 5 * HOUR)
    assert next_step(top, later) == (NextStep.PROVIDER_DECIDES, START + 5 * HOUR)
    overdue = noted(Happening.OVERDUE, at=START + HOUR)
    assert next_step(top, overdue) == (NextStep.PROVIDER_DECIDES, START + HOUR)


def test_a_remark_that_brings_its_state_itself_is_told_as_one() -> None:
    overdue = noted(Happening.OVERDUE, Lifecycle.ACKNOWLEDGED, next_by=START + HOUR)
    assert (status(overdue, None, sentences).what, status(overdue, None, sentences).state) == (
        "overdue",
        "acknowledged",
    )
    escalated = noted(Happening.ESCALATED, Lifecycle.ACKNOWLEDGED)
    assert next_step(escalated) == (NextStep.OPERATOR_STEPS_IN, None)


def test_the_reason_of_a_wait_may_say_what_comes_next() -> None:
    served = noted("waiting", Lifecycle.WAITING, code="already-served")
    assert next_step(served) == (NextStep.OTHER_REFERRAL_ENDS, None)
    assert "being helped already" in status(served, None, sentences).texts["en"]


# what never arrived ---------------------------------------------------------------------------------------------------


def lost(said: StatusChanged, **changes: Any) -> operations.DeliveryFailed:
    whole = {
        "stream": NEED,
        "event_type": StatusChanged.ce_type(),
        "event_id": "e",
        "topic": "agency.brest-migration.status",
        "reason": "topic-gone",
        "text": said.model_dump_json(),
        **changes,
    }
    return operations.DeliveryFailed(**whole)


def test_an_end_counts_as_told_until_it_is_known_to_have_been_lost(need: Stream) -> None:
    assert not need.state.end_told
    need.handle(of_offer(notification.Offered))
    assert not need.state.end_told
    (said,) = told(need, of_offer(notification.Delivered))
    assert need.state.end_told
    effects = need.handle(lost(said))
    assert emitted(effects) == [NotTold(need_id=NEED, state="delivered", attempt=1, reason="topic-gone")]
    assert not need.state.end_told
    assert need.folded(repeats=2) == need.state


def test_a_loss_of_something_else_is_of_no_consequence(need: Stream) -> None:
    (said,) = told(need, of_offer(notification.Delivered))
    assert need.handle(lost(said, event_type="org.referral-routing.outcomes.input-refused.v1")) == []
    assert need.handle(lost(said, text="")) == []
    assert need.state.end_told
