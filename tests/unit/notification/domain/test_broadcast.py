"""Several offers of one need at once: who has it, who is told, and what the others may still say."""

from datetime import timedelta

import pytest

from contracts import notification, operations, provider
from contracts.matching import Broadcast, Matched
from contracts.words import Answer, AnswerFault, DeclineCode, Document, Lifecycle, Urgency
from services.notification.domain.policy import Deadline, NotificationPolicy
from tests.support.builders import NEED, answer_received, elapsed, match_revoked, matched
from tests.support.clock import START
from tests.support.stream import Stream, emitted, replied

DEADLINES = {urgency: Deadline(timedelta(hours=1), timedelta(hours=3)) for urgency in Urgency}
DECIDE_BY = START + timedelta(hours=3)
FIRST = Broadcast(first=1, offers=3)


def at_once(attempt: int, broadcast: Broadcast = FIRST) -> Matched:
    return matched(attempt, broadcast=broadcast, urgency=Urgency.EMERGENCY)


@pytest.fixture
def need() -> Stream:
    return Stream("notification", NotificationPolicy(DEADLINES), NEED)


@pytest.fixture
def three(need: Stream) -> Stream:
    """Offered to three at once."""
    for attempt in (1, 2, 3):
        need.handle(at_once(attempt))
    return need


def phases(need: Stream) -> list[Lifecycle]:
    return [offer.phase for offer in need.state.all]


def test_each_is_offered_the_need_and_knows_of_how_many_it_is_one(need: Stream) -> None:
    for attempt in (1, 2, 3):
        effects = need.handle(at_once(attempt))
        assert [type(each) for each in emitted(effects)] == [provider.Offer, notification.Offered]
        assert emitted(effects, provider.Offer)[0].offers == 3
        assert emitted(effects, notification.Offered)[0].broadcast == FIRST
    assert phases(need) == [Lifecycle.OFFERED] * 3


@pytest.mark.parametrize("answer", [Answer.DELIVERED, Answer.PARTLY_DELIVERED])
def test_a_match_made_before_the_help_was_known_is_offered_to_nobody(need: Stream, answer: Answer) -> None:
    need.handle(matched(1))
    need.handle(answer_received(Answer.ACCEPTED, 1))
    need.handle(answer_received(answer, 1))
    effects = need.handle(matched(2))
    assert [type(each) for each in emitted(effects)] == [notification.Offered, notification.Revoked]
    assert need.state.open == ()


def test_the_first_acceptance_has_it_and_the_others_are_told_in_the_same_decision(three: Stream) -> None:
    three.handle(answer_received(Answer.ACKNOWLEDGED, 3))
    effects = three.handle(answer_received(Answer.ACCEPTED, 2))
    assert phases(three) == [Lifecycle.REVOKED, Lifecycle.ACCEPTED_BY_PROVIDER, Lifecycle.REVOKED]
    closed = emitted(effects, provider.OfferClosed)
    assert {(each.provider, each.reason) for each in closed} == {
        ("provider-1", "taken-by-another"),
        ("provider-3", "taken-by-another"),
    }
    assert all("provider-2" not in each.model_dump_json() for each in closed), "but not who has it"
    assert [each.others_open for each in emitted(effects, notification.Revoked)] == [True, True]


def test_who_accepts_second_is_late_and_told_so(three: Stream) -> None:
    three.handle(answer_received(Answer.ACCEPTED, 2))
    effects = three.handle(answer_received(Answer.ACCEPTED, 1))
    (reply,) = replied(effects)
    assert isinstance(reply.event, provider.AnswerRefused)
    assert (reply.event.reason, reply.event.state, reply.event.allowed) == (AnswerFault.LATE, "revoked", [])
    assert emitted(effects) == []


def test_only_the_last_refusal_is_one_of_the_need(three: Stream) -> None:
    said = [three.handle(answer_received(Answer.DECLINED, attempt)) for attempt in (2, 1, 3)]
    assert [each.others_open for one in said for each in emitted(one, notification.Declined)] == [True, True, False]


def test_a_refusal_before_the_others_were_even_read_leaves_them_open(need: Stream) -> None:
    need.handle(at_once(1))
    (declined,) = emitted(need.handle(answer_received(Answer.DECLINED, 1)))
    assert declined.others_open
    need.handle(at_once(2))
    assert phases(need) == [Lifecycle.DECLINED, Lifecycle.OFFERED]


@pytest.mark.parametrize("then", [[], [Answer.IN_PROGRESS], [Answer.DELIVERED], [Answer.NOT_DELIVERED]])
def test_one_that_is_read_after_another_was_taken_up_is_offered_to_nobody(need: Stream, then: list[Answer]) -> None:
    need.handle(at_once(1))
    for answer in (Answer.ACCEPTED, *then):
        need.handle(answer_received(answer, 1))
    before = phases(need)
    effects = need.handle(at_once(2))
    assert [type(each) for each in emitted(effects)] == [notification.Offered, notification.Revoked]
    assert phases(need) == [*before, Lifecycle.REVOKED]
    assert three_is_late(need)


def three_is_late(need: Stream) -> bool:
    (reply,) = replied(need.handle(answer_received(Answer.ACCEPTED, 2)))
    return isinstance(reply.event, provider.AnswerRefused) and reply.event.reason is AnswerFault.LATE


def test_time_runs_out_for_each_and_for_the_need_with_the_last(three: Stream) -> None:
    three.handle(answer_received(Answer.DECLINED, 2))
    effects = three.handle(elapsed("expire", DECIDE_BY), now=DECIDE_BY)
    assert [(each.attempt, each.others_open) for each in emitted(effects, notification.Expired)] == [
        (1, True),
        (3, False),
    ]
    assert three.handle(elapsed("expire", DECIDE_BY), id="another's", now=DECIDE_BY) == []


def test_a_withdrawal_takes_back_all_that_are_open(three: Stream) -> None:
    three.handle(answer_received(Answer.DECLINED, 1))
    told = [each for attempt in (1, 2, 3) for each in emitted(three.handle(match_revoked(attempt)))]
    assert [(type(each), each.attempt) for each in told] == [
        (notification.Revoked, 2),
        (provider.OfferClosed, 2),
        (notification.Revoked, 3),
        (provider.OfferClosed, 3),
    ]
    assert [each.others_open for each in told if isinstance(each, notification.Revoked)] == [True, False]


def test_the_next_round_takes_back_all_of_the_one_before_should_any_be_open(three: Stream) -> None:
    effects = three.handle(at_once(4, Broadcast(first=4, offers=2)))
    assert [each.attempt for each in emitted(effects, notification.Revoked)] == [1, 2, 3]
    assert phases(three) == [*[Lifecycle.REVOKED] * 3, Lifecycle.OFFERED]


def test_one_that_could_not_be_delivered_has_expired_and_the_others_have_not(three: Stream) -> None:
    (offer,) = emitted(Stream("notification", three.policy, NEED).handle(at_once(2)), provider.Offer)
    lost = operations.DeliveryFailed(
        stream=NEED,
        event_type=provider.Offer.ce_type(),
        event_id="id",
        topic="provider.provider-2.notifications",
        reason="unknown-topic",
        text=offer.model_dump_json(),
    )
    (expired,) = emitted(three.handle(lost))
    assert (expired.attempt, expired.undeliverable, expired.others_open) == (2, True, True)
    assert phases(three) == [Lifecycle.OFFERED, Lifecycle.EXPIRED, Lifecycle.OFFERED]


def test_what_is_missing_goes_with_the_refusal(need: Stream) -> None:
    need.handle(matched())
    answer = answer_received(Answer.DECLINED, code=DeclineCode.MISSING_DOCUMENTS, missing=[Document.IDENTITY])
    (declined,) = emitted(need.handle(answer))
    assert declined.missing == [Document.IDENTITY]
