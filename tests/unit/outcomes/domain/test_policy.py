"""What an agency is told of its needs."""

from datetime import timedelta
from typing import Any

import pytest

from contracts import intake, notification, topics
from contracts.base import Message
from contracts.intake import Problem
from contracts.outcomes import AgencyInputRefused, Noted, RecallChanged, RecommendationAnswered, StatusChanged
from contracts.texts import sentences
from contracts.words import (
    Category,
    DeadlineKind,
    DecidedBy,
    DeclineCode,
    ExpiryCode,
    HeldBack,
    Lifecycle,
    NotDeliveredCode,
    PersonalField,
)
from services.chassis.decider import Emit, Put
from services.outcomes.domain.indicators import row
from services.outcomes.domain.policy import OutcomesPolicy
from services.outcomes.queries.timeline import timeline
from services.outcomes.settings import OutcomesSettings
from tests.support.builders import (
    FUNNEL,
    NEED,
    REFERRAL,
    accepted,
    match_revoked,
    matched,
    of_offer,
    recall,
    recommended,
    status_due,
    unmet,
    waiting,
    withdrawn,
)
from tests.support.clock import START
from tests.support.stream import Stream, emitted, replied


@pytest.fixture
def need() -> Stream:
    return Stream("outcomes", OutcomesPolicy(sentences), NEED)


def told(stream: Stream, *events: Message) -> list[StatusChanged]:
    """What these events, a minute apart, lead the agency to read."""
    said: list[StatusChanged] = []
    for event in events:
        now = START + timedelta(minutes=len(stream.entries))
        said += emitted(stream.handle(event, now=now), StatusChanged)
    return said


def states(stream: Stream, *events: Message) -> list[Lifecycle]:
    return [each.state for each in told(stream, *events)]


def test_a_status_goes_to_the_agency_under_the_needs_id(need: Stream) -> None:
    _, status, _ = need.handle(accepted())
    assert isinstance(status, Emit)
    assert (status.topic, status.key) == (topics.status("brest-migration"), NEED)


def test_every_step_that_matters_is_told(need: Stream) -> None:
    events = [accepted(), matched(), of_offer(notification.Offered), of_offer(notification.Declined), matched(2)]
    assert states(need, *events) == ["accepted", "matched", "offered", "declined", "matched"]


@pytest.mark.parametrize(
    ("event", "state", "fhir"),
    [
        (matched(), "matched", "ready"),
        (waiting(), "waiting", "on-hold"),
        (unmet(), "unmet", "failed"),
        (withdrawn(), "withdrawn", "cancelled"),
        (of_offer(notification.Offered), "offered", "ready"),
        (of_offer(notification.Acknowledged), "acknowledged", "ready"),
        (of_offer(notification.OfferAccepted), "taken-up", "accepted"),
        (of_offer(notification.InProgress), "in-progress", "in-progress"),
        (of_offer(notification.Declined), "declined", "on-hold"),
        (of_offer(notification.Expired), "expired", "on-hold"),
        (of_offer(notification.Revoked), "revoked", "on-hold"),
        (of_offer(notification.Delivered), "delivered", "completed"),
        (of_offer(notification.Delivered, partly=True), "partly-delivered", "completed"),
        (of_offer(notification.NotDelivered), "not-delivered", "failed"),
        (of_offer(notification.NotDelivered, code=NotDeliveredCode.LACK_OF_RESOURCES), "declined", "on-hold"),
    ],
)
def test_each_event_has_its_state_also_where_it_is_the_first_that_is_read(
    need: Stream, event: Message, state: str, fhir: str
) -> None:
    (status,) = told(need, event)
    assert (status.state, status.fhir_status, status.reference) == (state, fhir, "R-1")


def test_a_status_says_by_whom_why_and_until_when(need: Stream) -> None:
    offered, declined, waits = told(
        need,
        of_offer(notification.Offered),
        of_offer(notification.Declined, code=DeclineCode.UNSAFE, at=START + timedelta(hours=1)),
        waiting(1),
    )
    assert (offered.provider, offered.service, offered.attempt) == ("provider-1", "beds", 1)
    assert (offered.next_by, offered.decide_by) == (START + timedelta(hours=4), START + timedelta(hours=24))
    assert (declined.code, declined.since) == ("unsafe", START + timedelta(hours=1))
    assert (waits.next_by, waits.funnel) == (START + timedelta(days=14), FUNNEL)


def test_an_acknowledged_offer_still_says_until_when_it_is_decided(need: Stream) -> None:
    by = START + timedelta(hours=24)
    assert told(need, of_offer(notification.Acknowledged, decide_by=by))[0].next_by == by


def test_the_providers_own_number_is_told(need: Stream) -> None:
    assert told(need, of_offer(notification.Delivered, provider_reference="P-7"))[0].provider_reference == "P-7"


def test_what_came_earlier_and_is_read_later_is_noted_but_not_told(need: Stream) -> None:
    assert states(need, of_offer(notification.Offered)) == ["offered"]
    for earlier in (matched(), accepted()):
        effects = need.handle(earlier)
        effect = effects[0]
        assert emitted(effects, StatusChanged) == []
        assert isinstance(effect, Emit)
        assert (type(effect.event), effect.topic, effect.key) == (Noted, None, REFERRAL)
    assert need.state.top.noted.state is Lifecycle.OFFERED
    assert len(need.entries) == 3


def late(kind: type[Message], clock: DeadlineKind, state: Lifecycle, **changes: Any) -> Message:
    return of_offer(kind, clock=clock, state=state, due_at=START, **changes)


def test_an_agency_is_told_that_its_need_is_overdue_and_that_operators_know_and_then_where_it_goes(
    need: Stream,
) -> None:
    said = told(
        need,
        of_offer(notification.Offered),
        late(notification.Overdue, DeadlineKind.ACKNOWLEDGE, Lifecycle.OFFERED, expires_at=START + timedelta(hours=24)),
        late(notification.Escalated, DeadlineKind.ACKNOWLEDGE, Lifecycle.OFFERED),
        late(notification.Overdue, DeadlineKind.DECIDE, Lifecycle.OFFERED),
        late(notification.Escalated, DeadlineKind.DECIDE, Lifecycle.OFFERED),
        of_offer(notification.Expired),
    )
    assert [(each.state, each.overdue, each.escalated) for each in said] == [
        ("offered", None, False),
        ("offered", "acknowledge", False),
        ("offered", "acknowledge", True),
        ("offered", "decide", False),
        ("offered", "decide", True),
        ("expired", None, False),
    ]
    assert said[1].next_by == START + timedelta(hours=24)


def test_what_is_overdue_and_has_been_answered_meanwhile_is_not_told(need: Stream) -> None:
    overdue = late(notification.Overdue, DeadlineKind.ACKNOWLEDGE, Lifecycle.OFFERED)
    assert states(need, of_offer(notification.Acknowledged), overdue) == ["acknowledged"]


def test_an_agency_is_told_of_appointments_with_their_time_and_of_more_time(need: Stream) -> None:
    first, second = START + timedelta(days=1), START + timedelta(days=2)
    clock = notification.Running(clock=DeadlineKind.START, remind_at=first, due_at=second, escalate_at=second)
    said = told(
        need,
        of_offer(notification.OfferAccepted, clocks=[clock]),
        of_offer(notification.CheckedIn, state=Lifecycle.ACCEPTED_BY_PROVIDER, count=1, turn=1, clocks=[clock]),
        of_offer(notification.Appointed, appointment_at=first, turn=2),
        of_offer(notification.Appointed, appointment_at=second, turn=3, moved=True),
        of_offer(notification.NoShow, appointment_at=second, turn=4, by=DecidedBy.PROVIDER),
        of_offer(notification.Appointed, appointment_at=second, turn=5),
        of_offer(notification.InProgress, kept=True, appointment_at=second),
    )
    assert [(each.state, each.appointment_at) for each in said] == [
        ("taken-up", None),
        ("taken-up", None),
        ("appointed", first),
        ("appointed", second),
        ("no-show", second),
        ("appointed", second),
        ("in-progress", second),
    ]
    assert [each.next_by for each in said[:3]] == [second, second, first]
    assert [line.what for line in timeline(need.documents)][1:6:2] == ["checked-in", "appointment-moved", "appointed"]


def test_a_need_that_was_accepted_and_not_started_says_so(need: Stream) -> None:
    (status,) = told(need, of_offer(notification.Expired, code=ExpiryCode.NOT_STARTED))
    assert (status.state, status.code) == ("expired", "not-started")


def test_what_brings_no_state_and_is_no_remark_is_noted_but_not_told(need: Stream) -> None:
    assert states(need, matched(), match_revoked()) == ["matched"]
    assert len(need.entries) == 2


def test_help_that_was_given_stands_and_a_withdrawal_that_came_too_late_is_told_so(need: Stream) -> None:
    delivered, again = told(need, of_offer(notification.Delivered), withdrawn())
    assert delivered == again
    assert states(need, match_revoked(), of_offer(notification.Revoked)) == []


def test_help_that_was_given_while_the_withdrawal_was_on_its_way_is_told(need: Stream) -> None:
    assert states(need, withdrawn(), of_offer(notification.Delivered)) == ["withdrawn", "delivered"]


def test_nothing_open_is_told_after_an_end(need: Stream) -> None:
    assert states(need, withdrawn(), matched(5), waiting(5), accepted(revision=1)) == ["withdrawn"]


def test_a_status_asked_for_is_told_again_and_not_journaled(need: Stream) -> None:
    (status,) = told(need, waiting())
    (reply,) = replied(need.handle(status_due()))
    assert (reply.event, reply.topic, reply.key) == (status, topics.status("brest-migration"), NEED)
    assert len(need.entries) == 1


def test_a_need_that_is_not_read_here_yet_is_received(need: Stream) -> None:
    (reply,) = replied(need.handle(status_due()))
    assert isinstance(reply.event, StatusChanged)
    assert (reply.event.state, reply.event.fhir_status) == ("received", "requested")
    assert states(need, accepted()) == ["accepted"]


def test_what_intake_refused_is_told_in_the_referrals_stream(need: Stream) -> None:
    problems = [Problem(field="person.sex", fix="is missing")]
    refused = intake.ReferralRefused(
        referral_id=REFERRAL, agency="brest-migration", reference="R-1", sent="agency.submitted.v1", problems=problems
    )
    (reply,) = replied(need.handle(refused))
    assert isinstance(reply.event, AgencyInputRefused)
    assert reply.event.problems == problems
    assert (reply.topic, reply.key) == (topics.status("brest-migration"), REFERRAL)
    assert need.policy.stream(refused) == REFERRAL
    assert not need.entries


def puts(effects: Any) -> list[dict[str, Any]]:
    return [each.doc for each in effects if isinstance(each, Put)]


def test_the_row_for_the_indicators_follows_the_state_and_names_nobody(need: Stream) -> None:
    assert puts(need.handle(of_offer(notification.Offered))) == [], "not before it is known what was asked for"
    hour = START + timedelta(hours=1)
    (row,) = puts(need.handle(accepted(), now=START))
    assert (row["sent_at"], row["history"][-1]["state"]) == (START.isoformat(), "open")
    (row,) = puts(need.handle(of_offer(notification.Delivered, at=hour), now=hour))
    assert row["history"][-1] == {
        "at": hour.isoformat(),
        "category": "shelter",
        "area": "BY-BR",
        "state": "delivered",
    }
    assert set(row) == {"sent_at", "history", "closure"}
    assert row["closure"] == {
        "urgency": "urgent",
        "offered_at": START.isoformat(),
        "answered_at": hour.isoformat(),
        "decided_at": hour.isoformat(),
        "ended_at": hour.isoformat(),
        "attempts": 1,
        "told": True,
    }


def test_a_correction_changes_what_the_row_says_from_then_on_but_not_when_the_need_was_sent(need: Stream) -> None:
    hour = START + timedelta(hours=1)
    need.handle(accepted(), now=START)
    need.handle(matched(), now=START + timedelta(minutes=1))
    corrected = accepted(revision=1, requested_at=hour, category=Category.HEALTH)
    (row,) = puts(need.handle(corrected, now=hour))
    assert row["sent_at"] == START.isoformat()
    assert [(each["at"], each["category"]) for each in row["history"]] == [
        (START.isoformat(), "shelter"),
        (hour.isoformat(), "health"),
    ]


def test_a_row_is_not_written_where_nothing_in_it_changes(need: Stream) -> None:
    need.handle(accepted(), now=START)
    assert puts(need.handle(matched(), now=START + timedelta(minutes=1))) == []


def test_no_free_text_of_a_provider_reaches_an_agency_or_the_timeline() -> None:
    assert "note" not in StatusChanged.model_fields.keys() | Noted.model_fields.keys()


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        (intake.Recalled, "recalled"),
        (intake.RecallOverdue, "overdue"),
        (intake.RecallConfirmed, "acknowledged"),
    ],
)
def test_an_agency_is_told_of_a_recall_and_the_need_stands_where_it_stood(need: Stream, kind: Any, state: str) -> None:
    told(need, accepted(), matched(), of_offer(notification.Offered), of_offer(notification.OfferAccepted))
    before = need.state.top
    effects = need.handle(recall(kind))
    [noted, status, said] = [each for each in effects if isinstance(each, Emit)]
    assert isinstance(status.event, StatusChanged)
    assert (status.event.state, status.event.what) == ("taken-up", noted.event.what)  # type: ignore[attr-defined]
    assert isinstance(said.event, RecallChanged)
    assert (said.topic, said.key) == (topics.status("brest-migration"), NEED)
    assert (said.event.state, said.event.fields, said.event.reason) == (state, [PersonalField.NAME], "consent-changed")
    assert (said.event.provider, said.event.attempt, said.event.recall, said.event.since) == ("provider-1", 1, 1, START)
    assert isinstance(noted.event, Noted)
    assert noted.event.what.startswith("recall")
    assert need.state.top == before
    assert need.folded() == need.state


def test_an_agency_is_told_of_a_recall_also_after_the_end(need: Stream) -> None:
    told(need, accepted(), matched(), of_offer(notification.Offered), of_offer(notification.Delivered))
    effects = need.handle(recall(intake.Recalled, at=START + timedelta(hours=1)))
    assert [type(each) for each in emitted(effects)] == [Noted, RecallChanged]


def test_the_settings_give_the_rules_of_disclosure() -> None:
    rules = OutcomesSettings(operator_key="A" * 43 + "=", settle_hours=1).disclosure
    assert (rules.k, rules.k_sensitive, rules.window_days, rules.settle) == (5, 10, 1, timedelta(hours=1))


def test_a_recommendation_is_passed_on_to_who_asked_and_leaves_no_trace(need: Stream) -> None:
    [reply] = replied(need.handle(recommended()))
    assert reply.topic == topics.status("brest-migration")
    assert isinstance(reply.event, RecommendationAnswered)
    assert (reply.event.reference, reply.event.needs) == ("Q-1", recommended().needs)
    assert need.entries == []


def test_a_need_that_is_held_back_is_told_so_with_no_more_and_counts_only_once_it_resumes(need: Stream) -> None:
    held, waits = told(need, accepted(held_back=HeldBack.TOLD), waiting(code="already-served"))
    assert (held.state, held.code) == ("accepted", None)
    assert (waits.state, waits.code, waits.next_by, waits.funnel) == ("waiting", "already-served", None, [])
    assert not row(need.state)["history"]
    resumed = told(need, accepted(revision=1), waiting())
    assert [(each.state, each.code, each.funnel) for each in resumed] == [("waiting", None, FUNNEL)]
    assert [each["state"] for each in row(need.state)["history"]] == ["waiting"]


def test_one_that_is_not_to_know_sees_a_need_that_waits(need: Stream) -> None:
    other = Stream("outcomes", OutcomesPolicy(sentences), NEED)
    assert told(need, accepted(held_back=HeldBack.UNTOLD), waiting(), unmet()) == told(
        other, accepted(), waiting(), unmet()
    )
    assert not row(need.state)["history"]
