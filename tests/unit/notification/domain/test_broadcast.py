"""Several offers of one need at once: who gets the person, who is informed, and what the others may still answer."""

from datetime import timedelta

import pytest

from contracts import notification, operations, provider
from contracts.matching import Broadcast, Matched
from contracts.words import Answer, AnswerFault, DeclineCode, Document, Lifecycle, Urgency
from services.notification.domain.deadlines import DeadlineRules, TimeLimits
from services.notification.domain.policy import NotificationPolicy
from tests.support.builders import NEED, answer_received, elapsed, match_revoked, matched
from tests.support.clock import START
from tests.support.stream import Stream, emitted, replied

DEADLINES = DeadlineRules(dict.fromkeys(Urgency, TimeLimits(timedelta(hours=1), timedelta(hours=3))))
DECIDE_BY = START + timedelta(hours=3)
FIRST = Broadcast(first=1, offers=3)


def broadcast_match(attempt: int, broadcast: Broadcast = FIRST) -> Matched:
    return matched(attempt, broadcast=broadcast, urgency=Urgency.EMERGENCY)


@pytest.fixture
def need() -> Stream:
    return Stream("notification", NotificationPolicy(DEADLINES), NEED)


@pytest.fixture
def three(need: Stream) -> Stream:
    """Offered to three providers at once."""
    for attempt in (1, 2, 3):
        need.handle(broadcast_match(attempt))
    return need


def phases(need: Stream) -> list[Lifecycle]:
    return [offer.phase for offer in need.state.all]


def test_each_provider_is_offered_the_need_and_knows_how_many_others_are(need: Stream) -> None:
    for attempt in (1, 2, 3):
        effects = need.handle(broadcast_match(attempt))
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


def test_the_first_acceptance_wins_and_the_others_are_informed_in_the_same_decision(three: Stream) -> None:
    three.handle(answer_received(Answer.ACKNOWLEDGED, 3))
    effects = three.handle(answer_received(Answer.ACCEPTED, 2))
    assert phases(three) == [Lifecycle.REVOKED, Lifecycle.ACCEPTED_BY_PROVIDER, Lifecycle.REVOKED]
    closed = emitted(effects, provider.OfferClosed)
    assert {(each.provider, each.reason) for each in closed} == {
        ("provider-1", "taken-by-another"),
        ("provider-3", "taken-by-another"),
    }
    assert all("provider-2" not in each.model_dump_json() for each in closed), "but not who got the person"
    assert [each.others_open for each in emitted(effects, notification.Revoked)] == [True, True]


def test_the_second_acceptance_is_refused_as_late(three: Stream) -> None:
    three.handle(answer_received(Answer.ACCEPTED, 2))
    effects = three.handle(answer_received(Answer.ACCEPTED, 1))
    (reply,) = replied(effects)
    assert isinstance(reply.event, provider.AnswerRefused)
    assert (reply.event.reason, reply.event.state, reply.event.allowed) == (AnswerFault.LATE, "revoked", [])
    assert emitted(effects) == []


def test_only_the_last_decline_leaves_no_other_offer_open(three: Stream) -> None:
    decisions = [three.handle(answer_received(Answer.DECLINED, attempt)) for attempt in (2, 1, 3)]
    declined = [emitted(effects, notification.Declined)[0] for effects in decisions]
    assert [each.others_open for each in declined] == [True, True, False]


def test_a_decline_before_the_other_matches_are_read_leaves_them_open(need: Stream) -> None:
    need.handle(broadcast_match(1))
    (declined,) = emitted(need.handle(answer_received(Answer.DECLINED, 1)), notification.Declined)
    assert declined.others_open
    need.handle(broadcast_match(2))
    assert phases(need) == [Lifecycle.DECLINED, Lifecycle.OFFERED]


@pytest.mark.parametrize("then", [[], [Answer.IN_PROGRESS], [Answer.DELIVERED], [Answer.NOT_DELIVERED]])
def test_a_match_read_after_another_offer_was_accepted_is_offered_to_nobody(need: Stream, then: list[Answer]) -> None:
    need.handle(broadcast_match(1))
    for answer in (Answer.ACCEPTED, *then):
        need.handle(answer_received(answer, 1))
    before = phases(need)
    effects = need.handle(broadcast_match(2))
    assert [type(each) for each in emitted(effects)] == [notification.Offered, notification.Revoked]
    assert phases(need) == [*before, Lifecycle.REVOKED]
    assert second_acceptance_is_late(need)


def second_acceptance_is_late(need: Stream) -> bool:
    (reply,) = replied(need.handle(answer_received(Answer.ACCEPTED, 2)))
    return isinstance(reply.event, provider.AnswerRefused) and reply.event.reason is AnswerFault.LATE


def test_undecided_offers_expire_together_and_the_last_leaves_none_open(three: Stream) -> None:
    three.handle(answer_received(Answer.DECLINED, 2))
    effects = three.handle(elapsed("expire", DECIDE_BY), now=DECIDE_BY)
    assert [(each.attempt, each.others_open) for each in emitted(effects, notification.Expired)] == [
        (1, True),
        (3, False),
    ]
    assert three.handle(elapsed("expire", DECIDE_BY), id="second timer", now=DECIDE_BY) == []


def test_a_withdrawal_revokes_all_open_offers(three: Stream) -> None:
    three.handle(answer_received(Answer.DECLINED, 1))
    facts = [each for attempt in (1, 2, 3) for each in emitted(three.handle(match_revoked(attempt)))]
    assert [(type(each), each.attempt) for each in facts] == [
        (notification.Revoked, 2),
        (provider.OfferClosed, 2),
        (notification.Revoked, 3),
        (provider.OfferClosed, 3),
    ]
    assert [each.others_open for each in facts if isinstance(each, notification.Revoked)] == [True, False]


def test_the_next_broadcast_revokes_what_is_still_open_of_the_one_before(three: Stream) -> None:
    effects = three.handle(broadcast_match(4, Broadcast(first=4, offers=2)))
    assert [each.attempt for each in emitted(effects, notification.Revoked)] == [1, 2, 3]
    assert phases(three) == [*[Lifecycle.REVOKED] * 3, Lifecycle.OFFERED]


def test_an_undeliverable_offer_expires_and_the_others_stay_open(three: Stream) -> None:
    (offer,) = emitted(Stream("notification", three.policy, NEED).handle(broadcast_match(2)), provider.Offer)
    failed = operations.DeliveryFailed(
        stream=NEED,
        event_type=provider.Offer.ce_type(),
        event_id="id",
        topic="provider.provider-2.notifications",
        reason="unknown-topic",
        text=offer.model_dump_json(),
    )
    (expired,) = emitted(three.handle(failed))
    assert (expired.attempt, expired.undeliverable, expired.others_open) == (2, True, True)
    assert phases(three) == [Lifecycle.OFFERED, Lifecycle.EXPIRED, Lifecycle.OFFERED]


def test_a_decline_names_the_missing_documents(need: Stream) -> None:
    need.handle(matched())
    answer = answer_received(Answer.DECLINED, code=DeclineCode.MISSING_DOCUMENTS, missing=[Document.IDENTITY])
    (declined,) = emitted(need.handle(answer), notification.Declined)
    assert declined.missing == [Document.IDENTITY]
