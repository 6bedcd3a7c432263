"""What an agency reads about its needs."""

from datetime import timedelta
from typing import Any

import pytest

from contracts import intake, notification, topics
from contracts.base import Message
from contracts.outcomes import AgencyInputRefused, Noted, RecallChanged, RecommendationAnswered, StatusChanged
from contracts.profiles import Problem
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
from services.outcomes.domain.indicators import need_row
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


def statuses(stream: Stream, *events: Message) -> list[StatusChanged]:
    """What the agency reads after these events, which are a minute apart."""
    reported: list[StatusChanged] = []
    for event in events:
        now = START + timedelta(minutes=len(stream.entries))
        reported += emitted(stream.handle(event, now=now), StatusChanged)
    return reported


def states(stream: Stream, *events: Message) -> list[Lifecycle]:
    return [each.state for each in statuses(stream, *events)]


def test_a_status_goes_to_the_agency_under_the_needs_id(need: Stream) -> None:
    _, status, _ = need.handle(accepted())
    assert isinstance(status, Emit)
    assert (status.topic, status.key) == (topics.status("brest-migration"), NEED)


def test_every_step_of_the_lifecycle_is_reported(need: Stream) -> None:
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
def test_each_event_has_its_state_even_if_it_is_the_first_that_is_read(
    need: Stream, event: Message, state: str, fhir: str
) -> None:
    (status,) = statuses(need, event)
    assert (status.state, status.fhir_status, status.reference) == (state, fhir, "R-1")


def test_a_status_has_provider_reason_and_due_time(need: Stream) -> None:
    offered, declined, waits = statuses(
        need,
        of_offer(notification.Offered),
        of_offer(notification.Declined, code=DeclineCode.UNSAFE, at=START + timedelta(hours=1)),
        waiting(1),
    )
    assert (offered.provider, offered.service, offered.attempt) == ("provider-1", "beds", 1)
    assert (offered.next_by, offered.decide_by) == (START + timedelta(hours=4), START + timedelta(hours=24))
    assert (declined.code, declined.since) == ("unsafe", START + timedelta(hours=1))
    assert (waits.next_by, waits.funnel) == (START + timedelta(days=14), FUNNEL)


def test_an_acknowledged_offer_still_has_the_time_to_decide(need: Stream) -> None:
    by = START + timedelta(hours=24)
    assert statuses(need, of_offer(notification.Acknowledged, decide_by=by))[0].next_by == by


def test_the_providers_own_number_is_reported(need: Stream) -> None:
    assert statuses(need, of_offer(notification.Delivered, provider_reference="P-7"))[0].provider_reference == "P-7"


def test_an_earlier_event_that_is_read_later_is_noted_but_not_reported(need: Stream) -> None:
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


def test_an_agency_reads_overdue_then_escalated_then_expired(
    need: Stream,
) -> None:
    reported = statuses(
        need,
        of_offer(notification.Offered),
        late(notification.Overdue, DeadlineKind.ACKNOWLEDGE, Lifecycle.OFFERED, expires_at=START + timedelta(hours=24)),
        late(notification.Escalated, DeadlineKind.ACKNOWLEDGE, Lifecycle.OFFERED),
        late(notification.Overdue, DeadlineKind.DECIDE, Lifecycle.OFFERED),
        late(notification.Escalated, DeadlineKind.DECIDE, Lifecycle.OFFERED),
        of_offer(notification.Expired),
    )
    assert [(each.state, each.overdue, each.escalated) for each in reported] == [
        ("offered", None, False),
        ("offered", "acknowledge", False),
        ("offered", "acknowledge", True),
        ("offered", "decide", False),
        ("offered", "decide", True),
        ("expired", None, False),
    ]
    assert reported[1].next_by == START + timedelta(hours=24)


def test_overdue_is_not_reported_after_the_provider_has_answered(need: Stream) -> None:
    overdue = late(notification.Overdue, DeadlineKind.ACKNOWLEDGE, Lifecycle.OFFERED)
    assert states(need, of_offer(notification.Acknowledged), overdue) == ["acknowledged"]


def test_an_agency_reads_check_ins_and_appointments_with_their_times(need: Stream) -> None:
    first, second = START + timedelta(days=1), START + timedelta(days=2)
    clock = notification.Running(clock=DeadlineKind.START, remind_at=first, due_at=second, escalate_at=second)
    reported = statuses(
        need,
        of_offer(notification.OfferAccepted, clocks=[clock]),
        of_offer(notification.CheckedIn, state=Lifecycle.ACCEPTED_BY_PROVIDER, count=1, turn=1, clocks=[clock]),
        of_offer(notification.Appointed, appointment_at=first, turn=2),
        of_offer(notification.Appointed, appointment_at=second, turn=3, moved=True),
        of_offer(notification.NoShow, appointment_at=second, turn=4, by=DecidedBy.PROVIDER),
        of_offer(notification.Appointed, appointment_at=second, turn=5),
        of_offer(notification.InProgress, kept=True, appointment_at=second),
    )
    assert [(each.state, each.appointment_at) for each in reported] == [
        ("taken-up", None),
        ("taken-up", None),
        ("appointed", first),
        ("appointed", second),
        ("no-show", second),
        ("appointed", second),
        ("in-progress", second),
    ]
    assert [each.next_by for each in reported[:3]] == [second, second, first]
    assert [line.what for line in timeline(need.documents)][1:6:2] == ["checked-in", "appointment-moved", "appointed"]


def test_an_offer_that_expired_because_it_was_not_started_has_that_code(need: Stream) -> None:
    (status,) = statuses(need, of_offer(notification.Expired, code=ExpiryCode.NOT_STARTED))
    assert (status.state, status.code) == ("expired", "not-started")


def test_an_event_that_brings_neither_state_nor_sub_status_is_noted_but_not_reported(need: Stream) -> None:
    assert states(need, matched(), match_revoked()) == ["matched"]
    assert len(need.entries) == 2


def test_a_withdrawal_after_delivery_is_answered_with_the_delivery(need: Stream) -> None:
    delivered, again = statuses(need, of_offer(notification.Delivered), withdrawn())
    assert delivered == again
    assert states(need, match_revoked(), of_offer(notification.Revoked)) == []


def test_help_given_while_the_withdrawal_was_on_its_way_is_reported(need: Stream) -> None:
    assert states(need, withdrawn(), of_offer(notification.Delivered)) == ["withdrawn", "delivered"]


def test_no_open_state_is_reported_after_an_end(need: Stream) -> None:
    assert states(need, withdrawn(), matched(5), waiting(5), accepted(revision=1)) == ["withdrawn"]


def test_a_requested_status_is_sent_again_and_not_journaled(need: Stream) -> None:
    (status,) = statuses(need, waiting())
    (reply,) = replied(need.handle(status_due()))
    assert (reply.event, reply.topic, reply.key) == (status, topics.status("brest-migration"), NEED)
    assert len(need.entries) == 1


def test_a_need_that_was_not_read_yet_is_received(need: Stream) -> None:
    (reply,) = replied(need.handle(status_due()))
    assert isinstance(reply.event, StatusChanged)
    assert (reply.event.state, reply.event.fhir_status) == ("received", "requested")
    assert states(need, accepted()) == ["accepted"]


def test_a_refused_referral_is_reported_in_the_referrals_stream(need: Stream) -> None:
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


def test_the_row_follows_the_state_and_holds_no_personal_data(need: Stream) -> None:
    assert puts(need.handle(of_offer(notification.Offered))) == [], "not before the need is described"
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


def test_a_correction_changes_the_row_from_then_on_but_not_when_the_need_was_sent(need: Stream) -> None:
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


def test_a_row_that_does_not_change_is_not_written(need: Stream) -> None:
    need.handle(accepted(), now=START)
    assert puts(need.handle(matched(), now=START + timedelta(minutes=1))) == []


def test_no_providers_note_reaches_an_agency_or_the_timeline() -> None:
    assert "note" not in StatusChanged.model_fields.keys() | Noted.model_fields.keys()


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        (intake.Recalled, "recalled"),
        (intake.RecallOverdue, "overdue"),
        (intake.RecallConfirmed, "acknowledged"),
    ],
)
def test_an_agency_reads_a_recall_and_the_need_keeps_its_state(need: Stream, kind: Any, state: str) -> None:
    statuses(need, accepted(), matched(), of_offer(notification.Offered), of_offer(notification.OfferAccepted))
    before = need.state.top
    effects = need.handle(recall(kind))
    [noted, status, report] = [each for each in effects if isinstance(each, Emit)]
    assert isinstance(status.event, StatusChanged)
    assert (status.event.state, status.event.what) == ("taken-up", noted.event.what)  # type: ignore[attr-defined]
    assert isinstance(report.event, RecallChanged)
    assert (report.topic, report.key) == (topics.status("brest-migration"), NEED)
    assert (report.event.state, report.event.fields, report.event.reason) == (
        state,
        [PersonalField.NAME],
        "consent-changed",
    )
    assert (report.event.provider, report.event.attempt, report.event.recall, report.event.since) == (
        "provider-1",
        1,
        1,
        START,
    )
    assert isinstance(noted.event, Noted)
    assert noted.event.what.startswith("recall")
    assert need.state.top == before
    assert need.folded() == need.state


def test_an_agency_reads_a_recall_after_the_end_as_well(need: Stream) -> None:
    statuses(need, accepted(), matched(), of_offer(notification.Offered), of_offer(notification.Delivered))
    effects = need.handle(recall(intake.Recalled, at=START + timedelta(hours=1)))
    assert [type(each) for each in emitted(effects)] == [Noted, RecallChanged]


def test_the_settings_give_the_rules_of_publication() -> None:
    rules = OutcomesSettings(operator_key="A" * 43 + "=", settle_hours=1).publication_rules
    assert (rules.k, rules.k_sensitive, rules.window_days, rules.settle) == (5, 10, 1, timedelta(hours=1))


def test_a_recommendation_is_passed_on_to_its_agency_and_not_journaled(need: Stream) -> None:
    [reply] = replied(need.handle(recommended()))
    assert reply.topic == topics.status("brest-migration")
    assert isinstance(reply.event, RecommendationAnswered)
    assert (reply.event.reference, reply.event.needs) == ("Q-1", recommended().needs)
    assert need.entries == []


def test_a_need_that_is_held_back_has_only_its_code_and_counts_once_it_resumes(need: Stream) -> None:
    registered, waits = statuses(need, accepted(held_back=HeldBack.AGENCY_KNOWS), waiting(code="already-served"))
    assert (registered.state, registered.code) == ("accepted", None)
    assert (waits.state, waits.code, waits.next_by, waits.funnel) == ("waiting", "already-served", None, [])
    assert not need_row(need.state)["history"]
    resumed = statuses(need, accepted(revision=1), waiting())
    assert [(each.state, each.code, each.funnel) for each in resumed] == [("waiting", None, FUNNEL)]
    assert [each["state"] for each in need_row(need.state)["history"]] == ["waiting"]


def test_an_agency_that_must_not_know_sees_an_ordinary_wait(need: Stream) -> None:
    other = Stream("outcomes", OutcomesPolicy(sentences), NEED)
    assert statuses(need, accepted(held_back=HeldBack.AGENCY_UNAWARE), waiting(), unmet()) == statuses(
        other, accepted(), waiting(), unmet()
    )
    assert not need_row(need.state)["history"]
