"""What notification decides about an offer: match, answers, time, release, withdrawal, delivery failures."""

from datetime import timedelta
from typing import Any

import pytest

from contracts import intake, notification, operations, provider, topics
from contracts.base import Message
from contracts.profiles import Problem
from contracts.words import (
    Answer,
    AnswerFault,
    DeadlineKind,
    DecidedBy,
    DeclineCode,
    Lifecycle,
    NotDeliveredCode,
    Urgency,
)
from services.chassis.decider import Emit, SetTimer
from services.notification.domain.deadlines import DeadlineRules, TimeLimits
from services.notification.domain.policy import NotificationPolicy
from tests.support.builders import NEED, REFERRAL, answer_received, elapsed, match_revoked, matched
from tests.support.clock import START
from tests.support.stream import Stream, emitted, replied

LIMITS = {
    Urgency.EMERGENCY: TimeLimits(timedelta(minutes=20), timedelta(hours=1)),
    Urgency.URGENT: TimeLimits(timedelta(hours=4), timedelta(hours=24)),
    Urgency.NORMAL: TimeLimits(timedelta(days=2), timedelta(days=3)),
}
DEADLINES = DeadlineRules(LIMITS)
REMIND_AT = START + timedelta(hours=2)
ACKNOWLEDGE_BY = START + timedelta(hours=4)
DECIDE_BY = START + timedelta(hours=24)


@pytest.fixture
def need() -> Stream:
    return Stream("notification", NotificationPolicy(DEADLINES), NEED)


@pytest.fixture
def offered(need: Stream) -> Stream:
    need.handle(matched())
    return need


def refusal(effects: Any) -> provider.AnswerRefused:
    (reply,) = replied(effects)
    assert not emitted(effects), "a refused answer changes nothing"
    assert isinstance(reply.event, provider.AnswerRefused)
    assert reply.topic == topics.notifications(reply.event.provider)
    assert reply.key == reply.event.referral_id
    return reply.event


# offers ---------------------------------------------------------------------------------------------------------------


def test_a_match_is_offered_to_its_provider_and_published_to_the_other_services(need: Stream) -> None:
    offer, offered, remind, expire = need.handle(matched())
    assert isinstance(offer, Emit)
    assert isinstance(offered, Emit)
    assert (offer.topic, offer.key) == ("provider.provider-1.notifications", REFERRAL)
    assert (offered.topic, offered.key) == (topics.NOTIFICATION, REFERRAL)
    assert isinstance(offer.event, provider.Offer)
    assert isinstance(offered.event, notification.Offered)
    assert (remind, expire) == (SetTimer("acknowledge-remind", REMIND_AT), SetTimer("expire", DECIDE_BY))


@pytest.mark.parametrize("urgency", list(Urgency))
def test_deadlines_go_by_urgency_and_count_from_the_offer(need: Stream, urgency: Urgency) -> None:
    later = START + timedelta(days=5)
    (offered,) = emitted(need.handle(matched(urgency=urgency), now=later), notification.Offered)
    assert offered.acknowledge_by - later == LIMITS[urgency].acknowledge
    assert offered.decide_by - later == LIMITS[urgency].decide


def test_deadlines_are_whole_seconds_and_survive_the_database(need: Stream) -> None:
    need.handle(matched(), now=START + timedelta(microseconds=123_456))
    assert emitted(need.handle(elapsed("expire", DECIDE_BY), now=DECIDE_BY), notification.Expired)


def test_an_offer_names_neither_the_agency_nor_its_reference() -> None:
    assert not {"agency", "reference"} & provider.Offer.model_fields.keys()


def test_a_match_of_an_attempt_already_offered_is_ignored(offered: Stream) -> None:
    assert offered.handle(matched(service="other")) == []


def test_a_higher_attempt_closes_an_offer_that_is_still_open(offered: Stream) -> None:
    effects = offered.handle(matched(2))
    (closed,) = emitted(effects, provider.OfferClosed)
    assert (closed.provider, closed.reason) == ("provider-1", "superseded")
    assert [type(each) for each in emitted(effects)] == [
        notification.Revoked,
        provider.OfferClosed,
        provider.Offer,
        notification.Offered,
    ]


# answers --------------------------------------------------------------------------------------------------------------


def test_a_provider_acknowledges_accepts_begins_and_delivers(offered: Stream) -> None:
    facts = []
    for answer in (Answer.ACKNOWLEDGED, Answer.ACCEPTED, Answer.IN_PROGRESS, Answer.DELIVERED):
        facts += [type(each) for each in emitted(offered.handle(answer_received(answer)))]
    assert facts == [
        notification.Acknowledged,
        provider.AnswerConfirmed,
        notification.OfferAccepted,
        intake.ReleaseRequested,
        provider.AnswerConfirmed,
        notification.InProgress,
        provider.AnswerConfirmed,
        notification.Delivered,
        provider.AnswerConfirmed,
        intake.ReleaseEnded,
    ]


def test_acceptance_without_acknowledgement_asks_intake_to_release(offered: Stream) -> None:
    _, release, *_ = offered.handle(answer_received(Answer.ACCEPTED))
    assert isinstance(release, Emit)
    assert (release.topic, release.key) == (topics.inbox("intake"), REFERRAL)
    assert isinstance(release.event, intake.ReleaseRequested)
    assert (release.event.provider, release.event.attempt) == ("provider-1", 1)


def test_an_answer_counts_at_the_time_the_broker_received_it(offered: Stream) -> None:
    answered_at = START + timedelta(hours=3)
    effects = offered.handle(answer_received(Answer.ACCEPTED, answered_at=answered_at), now=START + timedelta(days=9))
    assert emitted(effects, notification.OfferAccepted)[0].at == answered_at


@pytest.mark.parametrize("code", list(DeclineCode))
def test_a_decline_keeps_its_code_who_decided_and_the_encrypted_note(offered: Stream, code: DeclineCode) -> None:
    answer = answer_received(Answer.DECLINED, code=code, by=DecidedBy.PERSON, note="c2VhbGVk")
    (declined,) = emitted(offered.handle(answer), notification.Declined)
    assert (declined.code, declined.by, declined.note) == (code, DecidedBy.PERSON, "c2VhbGVk")


@pytest.mark.parametrize("code", list(NotDeliveredCode))
def test_a_non_delivery_keeps_its_code_even_if_declines_have_the_same(offered: Stream, code: NotDeliveredCode) -> None:
    offered.handle(answer_received(Answer.ACCEPTED))
    (ended,) = emitted(offered.handle(answer_received(Answer.NOT_DELIVERED, code=code)), notification.NotDelivered)
    assert ended.code is code


def test_the_providers_own_number_is_kept_to_the_end(offered: Stream) -> None:
    offered.handle(answer_received(Answer.ACCEPTED, provider_reference="P-7"))
    offered.handle(answer_received(Answer.IN_PROGRESS))
    delivered, *_ = emitted(offered.handle(answer_received(Answer.PARTLY_DELIVERED)))
    assert (delivered.partly, delivered.provider_reference) == (True, "P-7")


def test_the_providers_own_number_is_on_every_message_after_it_is_known(offered: Stream) -> None:
    acknowledged, confirmed = emitted(offered.handle(answer_received(Answer.ACKNOWLEDGED, provider_reference="P-7")))
    accepted, *_ = emitted(offered.handle(answer_received(Answer.ACCEPTED)))
    refused = refusal(offered.handle(answer_received(Answer.ACKNOWLEDGED, answered_at=DECIDE_BY)))
    begun, _ = emitted(offered.handle(answer_received(Answer.IN_PROGRESS, provider_reference="P-8")))
    revoked, closed, _ = emitted(offered.handle(match_revoked()))
    messages = [acknowledged, confirmed, accepted, refused, begun, revoked, closed]
    assert [each.provider_reference for each in messages] == ["P-7", "P-7", "P-7", "P-7", "P-8", "P-8", "P-8"]


def test_an_answer_after_the_deadline_counts_while_the_offer_is_open(offered: Stream) -> None:
    late = DECIDE_BY + timedelta(minutes=1)
    assert emitted(offered.handle(answer_received(Answer.ACCEPTED, answered_at=late), now=late))


def test_a_repeated_answer_is_refused_as_repeated(offered: Stream) -> None:
    offered.handle(answer_received(Answer.ACKNOWLEDGED))
    refused = refusal(offered.handle(answer_received(Answer.ACKNOWLEDGED), id="another"))
    assert (refused.reason, refused.state) == (AnswerFault.REPEATED, "acknowledged")
    assert refused.allowed == [Answer.ACCEPTED, Answer.DECLINED, Answer.CHECK_IN]


def test_an_answer_that_is_not_allowed_is_refused_with_those_that_are(offered: Stream) -> None:
    refused = refusal(offered.handle(answer_received(Answer.DELIVERED)))
    assert (refused.reason, refused.state, refused.service) == (AnswerFault.NOT_ALLOWED, "offered", "beds")
    assert refused.allowed == [Answer.ACKNOWLEDGED, Answer.ACCEPTED, Answer.DECLINED]


def test_an_answer_to_an_offer_that_has_ended_is_late(offered: Stream) -> None:
    offered.handle(elapsed("expire", DECIDE_BY), now=DECIDE_BY)
    refused = refusal(offered.handle(answer_received(Answer.ACCEPTED)))
    assert (refused.reason, refused.state, refused.allowed) == (AnswerFault.LATE, "expired", [])


def test_the_provider_of_an_earlier_attempt_learns_that_it_is_late_but_not_who_is_next(offered: Stream) -> None:
    offered.handle(answer_received(Answer.DECLINED))
    offered.handle(matched(2))
    refused = refusal(offered.handle(answer_received(Answer.ACCEPTED, attempt=1)))
    assert (refused.reason, refused.state) == (AnswerFault.LATE, "declined")
    assert "provider-2" not in refused.model_dump_json()


def test_a_wrong_provider_gets_the_same_refusal_as_for_a_need_that_does_not_exist(offered: Stream) -> None:
    stranger = answer_received(Answer.ACCEPTED, provider="stranger")
    refused = refusal(offered.handle(stranger))
    nowhere = refusal(Stream("notification", offered.policy).handle(stranger))
    assert refused == nowhere
    assert (refused.reason, refused.state, refused.allowed, refused.service) == ("unknown-offer", "unknown", [], "")


def test_an_attempt_that_was_never_offered_is_unknown(offered: Stream) -> None:
    refused = refusal(offered.handle(answer_received(Answer.ACCEPTED, attempt=2, provider="provider-1")))
    assert refused.reason is AnswerFault.UNKNOWN_OFFER


def test_one_id_for_two_answers_is_refused(offered: Stream) -> None:
    offered.handle(answer_received(Answer.ACKNOWLEDGED), id="a")
    refused = refusal(offered.handle(answer_received(Answer.ACCEPTED), id="a"))
    assert (refused.reason, refused.state) == (AnswerFault.EVENT_ID_REUSED, "acknowledged")


def test_one_id_for_two_matches_has_no_effect(offered: Stream) -> None:
    offered.handle(matched(2), id="m")
    assert offered.handle(matched(3), id="m") == []


# time -----------------------------------------------------------------------------------------------------------------


def test_a_provider_that_does_not_acknowledge_is_reminded_once(offered: Stream) -> None:
    effects = offered.handle(elapsed("acknowledge-remind", REMIND_AT), now=REMIND_AT)
    assert [type(each) for each in emitted(effects)] == [provider.Reminder, notification.Reminded]
    assert offered.handle(elapsed("acknowledge-remind", REMIND_AT), id="again") == []


def test_a_provider_that_has_acknowledged_is_not_reminded(offered: Stream) -> None:
    offered.handle(answer_received(Answer.ACKNOWLEDGED))
    assert offered.handle(elapsed("acknowledge-remind", REMIND_AT)) == []
    assert offered.handle(elapsed("acknowledge-overdue", ACKNOWLEDGE_BY)) == []


@pytest.mark.parametrize("acknowledged", [False, True])
def test_an_undecided_offer_expires_and_the_provider_is_informed(offered: Stream, acknowledged: bool) -> None:
    if acknowledged:
        offered.handle(answer_received(Answer.ACKNOWLEDGED))
    overdue, escalated, expired, closed = emitted(offered.handle(elapsed("expire", DECIDE_BY), now=DECIDE_BY))
    assert (type(overdue), type(escalated)) == (notification.Overdue, notification.Escalated)
    assert overdue.clock is escalated.clock is DeadlineKind.DECIDE
    assert (type(expired), expired.undeliverable) == (notification.Expired, False)
    assert (type(closed), closed.reason) == (provider.OfferClosed, "expired")


def test_an_accepted_offer_does_not_expire_undecided(offered: Stream) -> None:
    offered.handle(answer_received(Answer.ACCEPTED))
    assert offered.handle(elapsed("expire", DECIDE_BY)) == []


def test_a_timer_of_an_earlier_attempt_is_ignored(offered: Stream) -> None:
    offered.handle(answer_received(Answer.DECLINED))
    offered.handle(matched(2), now=START + timedelta(hours=1))
    assert offered.handle(elapsed("expire", DECIDE_BY)) == []
    assert offered.handle(elapsed("acknowledge-remind", REMIND_AT)) == []


# intake learns who lost the person ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("last", "end"),
    [
        (answer_received(Answer.DELIVERED), Lifecycle.DELIVERED),
        (answer_received(Answer.PARTLY_DELIVERED), Lifecycle.PARTLY_DELIVERED),
        (answer_received(Answer.NOT_DELIVERED), Lifecycle.NOT_DELIVERED),
        (match_revoked(), Lifecycle.REVOKED),
        (matched(2), Lifecycle.REVOKED),
    ],
)
def test_intake_is_informed_once_when_an_accepted_offer_ends(offered: Stream, last: Message, end: Lifecycle) -> None:
    offered.handle(answer_received(Answer.ACCEPTED))
    effects = offered.handle(last)
    [ended] = [each for each in effects if isinstance(each, Emit) and isinstance(each.event, intake.ReleaseEnded)]
    assert (ended.topic, ended.key) == (topics.inbox("intake"), REFERRAL)
    assert ended.event == intake.ReleaseEnded(
        referral_id=REFERRAL,
        need_id=NEED,
        need="bed",
        attempt=1,
        provider="provider-1",
        service="beds",
        end=end,
    )
    assert emitted(offered.handle(last, id="again"), intake.ReleaseEnded) == []


@pytest.mark.parametrize("last", [answer_received(Answer.DECLINED), match_revoked(), elapsed("expire", DECIDE_BY)])
def test_intake_is_not_informed_of_an_offer_that_was_never_accepted(offered: Stream, last: Message) -> None:
    facts = emitted(offered.handle(last, now=DECIDE_BY))
    assert facts
    assert not [each for each in facts if isinstance(each, intake.ReleaseEnded)]


# revoked, undeliverable -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answers", [[], ["acknowledged"], ["accepted"], ["accepted", "in-progress"]])
def test_a_revoked_match_closes_the_offer_in_any_open_state(offered: Stream, answers: list[str]) -> None:
    for answer in answers:
        offered.handle(answer_received(Answer(answer)))
    revoked, closed, *_ = emitted(offered.handle(match_revoked()))
    assert (type(revoked), revoked.cause) == (notification.Revoked, "withdrawn")
    assert (type(closed), closed.reason, closed.provider) == (provider.OfferClosed, "withdrawn", "provider-1")


@pytest.mark.parametrize("answers", [["declined"], ["accepted", "delivered"], ["accepted", "not-delivered"]])
def test_a_revoked_match_changes_nothing_after_the_offer_has_ended(offered: Stream, answers: list[str]) -> None:
    for answer in answers:
        offered.handle(answer_received(Answer(answer)))
    assert offered.handle(match_revoked()) == []


def test_a_revoked_match_of_another_attempt_is_ignored(offered: Stream) -> None:
    assert offered.handle(match_revoked(2)) == []


def delivery_failed(event: Any) -> operations.DeliveryFailed:
    return operations.DeliveryFailed(
        stream=NEED,
        event_type=type(event).ce_type(),
        event_id="id",
        topic="provider.provider-1.notifications",
        reason="unknown-topic",
        text=event.model_dump_json(),
    )


def test_an_undeliverable_offer_expires(need: Stream) -> None:
    (offer,) = emitted(need.handle(matched()), provider.Offer)
    (expired,) = emitted(need.handle(delivery_failed(offer)))
    assert (type(expired), expired.undeliverable) == (notification.Expired, True)


def test_an_acknowledged_offer_does_not_expire_as_undeliverable(need: Stream) -> None:
    (offer,) = emitted(need.handle(matched()), provider.Offer)
    need.handle(answer_received(Answer.ACKNOWLEDGED))
    assert need.handle(delivery_failed(offer)) == []


def test_other_lost_messages_and_those_of_earlier_attempts_change_nothing(need: Stream) -> None:
    (offer,) = emitted(need.handle(matched()), provider.Offer)
    (*_, closed) = emitted(need.handle(elapsed("expire", DECIDE_BY)))
    need.handle(matched(2))
    assert need.handle(delivery_failed(offer)) == []
    assert need.handle(delivery_failed(closed)) == []


# replies only ---------------------------------------------------------------------------------------------------------


def test_a_doubtful_entry_is_refused_to_its_provider_under_the_entrys_key(need: Stream) -> None:
    problems = [Problem(field="maximum_age", fix="must be at most 150")]
    doubted = notification.EntryProblemsFound(provider="provider-1", entry="beds", problems=problems)
    (reply,) = replied(need.handle(doubted))
    assert reply.event == provider.EntryRefused(provider="provider-1", entry="beds", problems=problems)
    assert (reply.topic, reply.key) == (topics.notifications("provider-1"), "beds")
    assert need.policy.stream(doubted) == "entry:provider-1/beds"


def test_an_unreadable_answer_is_refused_to_its_sender(need: Stream) -> None:
    problems = [Problem(field="code", fix="is needed with declined")]
    invalid = notification.AnswerInvalid(provider="provider-1", problems=problems)
    (reply,) = replied(need.handle(invalid))
    assert isinstance(reply.event, provider.ProviderInputRefused)
    assert (reply.event.problems, reply.topic) == (problems, topics.notifications("provider-1"))
    assert need.policy.stream(invalid) == "input:provider-1"


def test_everything_about_a_need_is_decided_in_the_needs_stream(need: Stream) -> None:
    events = [matched(), match_revoked(), answer_received(Answer.ACCEPTED), elapsed("expire", DECIDE_BY)]
    assert {need.policy.stream(event) for event in events} == {NEED}
