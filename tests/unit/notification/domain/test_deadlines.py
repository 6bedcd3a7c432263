"""Reminder, overdue, escalation, expiry: what follows from a provider's silence, and from its check-ins."""

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from contracts import notification, provider
from contracts.base import Message
from contracts.schedule import Opening, Schedule, Weekday
from contracts.words import Answer, AnswerFault, Category, DeadlineKind, Lifecycle, Urgency
from services.chassis.decider import SetTimer
from services.chassis.engine.journal import OutgoingEvent
from services.chassis.telemetry.metrics import Meter
from services.notification.domain.deadlines import DeadlineRules, TimeLimits
from services.notification.domain.opening_hours import add_open_time
from services.notification.domain.policy import NotificationPolicy
from services.notification.outbound.alerts import warn_of_escalations
from services.notification.settings import NotificationSettings
from tests.support.builders import NEED, answer_received, elapsed, matched, of_offer
from tests.support.clock import START
from tests.support.stream import Stream, emitted, replied

HOUR = timedelta(hours=1)
URGENT = TimeLimits(4 * HOUR, 24 * HOUR, start=72 * HOUR, close=30 * 24 * HOUR, escalate=4 * HOUR, grace=24 * HOUR)
DEADLINES = DeadlineRules(dict.fromkeys(Urgency, URGENT))
KEY = "A" * 43 + "="
OFFICE = Schedule(
    timezone="Europe/Warsaw",
    openings=[Opening(days=list(Weekday)[:5], opens_at=time(9), closes_at=time(17))],
    closed_on=[date(2026, 3, 4)],
)


class Need:
    """One stream and its timers. `silence` lets time pass and returns the facts that follow."""

    def __init__(self, rules: DeadlineRules = DEADLINES, **match: Any) -> None:
        self.stream = Stream("notification", NotificationPolicy(rules), NEED)
        self.timers: dict[tuple[str, datetime], None] = {}
        self.handle(matched(**match), START)

    def handle(self, event: Message, at: datetime) -> Any:
        effects = self.stream.handle(event, id=f"{at}{event.TYPE}{len(self.stream.entries)}", now=at)
        self.timers.update({(each.name, each.due_at): None for each in effects if isinstance(each, SetTimer)})
        return effects

    def answer(self, answer: Answer, hours: float = 0, **changes: Any) -> Any:
        at = START + hours * HOUR
        return self.handle(answer_received(answer, answered_at=at, **changes), at)

    def silence(self, hours: float = 10_000) -> list[tuple[float, str, str]]:
        """Each fact: hours since the start, its type, and its clock or code."""
        facts = []
        while due := sorted((at, name) for name, at in self.timers if at <= START + hours * HOUR):
            at, name = due[0]
            del self.timers[name, at]
            for fact in emitted(self.handle(elapsed(name, at), at)):
                if type(fact).__module__ == "contracts.notification":
                    clock = getattr(fact, "clock", None) or fact.code or ""
                    facts.append(((at - START) / HOUR, type(fact).__name__, str(clock)))
        return facts


def refusal(effects: Any) -> provider.AnswerRefused:
    (reply,) = replied(effects)
    assert isinstance(reply.event, provider.AnswerRefused)
    return reply.event


def test_a_silent_provider_is_reminded_overdue_escalated_and_loses_the_offer() -> None:
    assert Need().silence() == [
        (2, "Reminded", "acknowledge"),
        (4, "Overdue", "acknowledge"),
        (8, "Escalated", "acknowledge"),
        (24, "Overdue", "decide"),
        (24, "Escalated", "decide"),
        (24, "Expired", ""),
    ]


def test_a_reminder_that_fires_after_the_deadline_is_left_out() -> None:
    need, back = Need(), START + 5 * HOUR
    facts = emitted(need.handle(elapsed("acknowledge-remind", START + 2 * HOUR), back))
    facts += emitted(need.handle(elapsed("acknowledge-overdue", START + 4 * HOUR), back))
    assert [type(fact).__name__ for fact in facts] == ["Overdue"]
    assert need.silence(8)[-1] == (8, "Escalated", "acknowledge"), "the later steps follow"


def test_a_provider_that_only_acknowledged_is_reminded_half_way_to_the_decision() -> None:
    need = Need()
    need.answer(Answer.ACKNOWLEDGED, 4)
    assert need.silence()[0] == (14, "Reminded", "decide")


def test_an_accepted_offer_that_is_not_started_is_escalated_and_expires_after_a_grace() -> None:
    need = Need()
    need.answer(Answer.ACCEPTED, 1)
    assert need.silence() == [
        (37, "Reminded", "start"),
        (73, "Overdue", "start"),
        (77, "Escalated", "start"),
        (101, "Expired", "not-started"),
    ]
    refused = refusal(need.answer(Answer.IN_PROGRESS, 102))
    assert (refused.reason, refused.state, refused.allowed) == (AnswerFault.LATE, "expired", [])


def test_the_provider_learns_that_it_lost_an_offer_it_did_not_start() -> None:
    need = Need()
    need.answer(Answer.ACCEPTED)
    need.silence(99)
    ((name, at),) = need.timers
    (closed,) = emitted(need.handle(elapsed(name, at), at), provider.OfferClosed)
    assert (closed.reason, closed.provider) == ("not-started", "provider-1")


def test_help_that_has_begun_never_expires() -> None:
    need = Need()
    need.answer(Answer.ACCEPTED)
    need.answer(Answer.IN_PROGRESS, 10)
    month = 30 * 24
    assert need.silence() == [
        (10 + month / 2, "Reminded", "close"),
        (10 + month, "Overdue", "close"),
        (14 + month, "Escalated", "close"),
    ]
    assert emitted(need.answer(Answer.DELIVERED, 9000), notification.Delivered)


def test_overdue_has_the_state_of_the_offer_and_when_it_expires() -> None:
    need = Need()
    need.silence(3)
    (overdue,) = emitted(need.handle(elapsed("acknowledge-overdue", START + 4 * HOUR), START + 4 * HOUR))
    assert (overdue.state, overdue.due_at) == (Lifecycle.OFFERED, START + 4 * HOUR)
    assert overdue.expires_at == START + 24 * HOUR


def test_a_reminder_names_the_clock_and_when_it_is_due() -> None:
    need = Need()
    need.answer(Answer.ACCEPTED)
    (reminder,) = emitted(need.handle(elapsed("start-remind", START + 36 * HOUR), START + 36 * HOUR), provider.Reminder)
    assert (reminder.clock, reminder.due_at) == (DeadlineKind.START, START + 72 * HOUR)


# check-ins ------------------------------------------------------------------------------------------------------------


def test_a_check_in_restarts_the_running_clock_and_the_provider_learns_when_it_is_due() -> None:
    need = Need()
    need.answer(Answer.ACKNOWLEDGED)
    (counted,) = emitted(need.answer(Answer.CHECK_IN, 20), provider.CheckInCounted)
    assert (counted.clock, counted.due_at, counted.left) == (DeadlineKind.DECIDE, START + 44 * HOUR, 1)
    assert [when for when, what, _ in need.silence() if what == "Expired"] == [44]


def test_too_many_check_ins_are_refused_and_the_next_clock_has_its_own() -> None:
    need = Need()
    need.answer(Answer.ACKNOWLEDGED)
    for hour in (1, 2):
        need.answer(Answer.CHECK_IN, hour)
    refused = refusal(need.answer(Answer.CHECK_IN, 3))
    assert (refused.reason, refused.state) == (AnswerFault.TOO_OFTEN, "acknowledged")
    assert refused.allowed == [Answer.ACCEPTED, Answer.DECLINED]
    need.answer(Answer.ACCEPTED, 4)
    assert emitted(need.answer(Answer.CHECK_IN, 5), notification.CheckedIn)[0].count == 1


def test_a_check_in_needs_an_acknowledgement_first() -> None:
    assert refusal(Need().answer(Answer.CHECK_IN)).reason is AnswerFault.NOT_ALLOWED


def test_after_a_check_in_an_overdue_offer_is_not_overdue_again_but_still_expires() -> None:
    need = Need()
    need.answer(Answer.ACCEPTED)
    assert [what for _, what, _ in need.silence(80)] == ["Reminded", "Overdue", "Escalated"]
    need.answer(Answer.CHECK_IN, 80)
    assert need.silence() == [(80 + 72 + 4 + 24, "Expired", "not-started")]


# appointments ---------------------------------------------------------------------------------------------------------


def appointment(hours: float) -> dict[str, datetime]:
    return {"appointment_at": START + hours * HOUR}


def accepted_need() -> Need:
    need = Need()
    need.answer(Answer.ACCEPTED)
    return need


def test_an_appointment_is_proposed_moved_and_kept_and_then_help_is_in_progress() -> None:
    need = accepted_need()
    proposed, _ = emitted(need.answer(Answer.APPOINTMENT_PROPOSED, 1, **appointment(30)))
    moved, _ = emitted(need.answer(Answer.APPOINTMENT_MOVED, 2, **appointment(40)))
    assert [each.moved for each in (proposed, moved)] == [False, True]
    assert (moved.appointment_at, moved.turn) == (START + 40 * HOUR, 2)
    kept, _ = emitted(need.answer(Answer.APPOINTMENT_KEPT, 41))
    assert (type(kept), kept.kept, kept.appointment_at) == (notification.InProgress, True, START + 40 * HOUR)


def test_after_a_no_show_another_appointment_is_proposed_or_the_offer_ends() -> None:
    need = accepted_need()
    need.answer(Answer.APPOINTMENT_PROPOSED, 1, **appointment(30))
    missed, _ = emitted(need.answer(Answer.NO_SHOW, 31))
    assert (type(missed), missed.appointment_at) == (notification.NoShow, START + 30 * HOUR)
    assert refusal(need.answer(Answer.APPOINTMENT_KEPT, 32)).allowed == [
        Answer.APPOINTMENT_PROPOSED,
        Answer.IN_PROGRESS,
        Answer.DELIVERED,
        Answer.PARTLY_DELIVERED,
        Answer.NOT_DELIVERED,
        Answer.CHECK_IN,
    ]
    assert emitted(need.answer(Answer.APPOINTMENT_PROPOSED, 33, **appointment(50)), notification.Appointed)
    need.answer(Answer.NO_SHOW, 51)
    (ended,) = emitted(need.answer(Answer.NOT_DELIVERED, 52), notification.NotDelivered)
    assert ended.code.value == "no-show"


@pytest.mark.parametrize("answer", [Answer.APPOINTMENT_KEPT, Answer.APPOINTMENT_MOVED, Answer.NO_SHOW])
def test_without_an_appointment_there_is_none_to_keep_move_or_miss(answer: Answer) -> None:
    assert refusal(
        accepted_need().answer(answer, **(appointment(9) if answer is Answer.APPOINTMENT_MOVED else {}))
    ).state == ("taken-up")


def test_there_is_no_appointment_before_acceptance() -> None:
    refused = refusal(Need().answer(Answer.APPOINTMENT_PROPOSED, **appointment(9)))
    assert (refused.reason, refused.state) == (AnswerFault.NOT_ALLOWED, "offered")


def test_the_same_appointment_again_is_a_repetition_and_another_one_must_be_moved() -> None:
    need = accepted_need()
    need.answer(Answer.APPOINTMENT_PROPOSED, 1, **appointment(30))
    assert refusal(need.answer(Answer.APPOINTMENT_PROPOSED, 2, **appointment(30))).reason is AnswerFault.REPEATED
    assert refusal(need.answer(Answer.APPOINTMENT_MOVED, 3, **appointment(30))).reason is AnswerFault.REPEATED
    refused = refusal(need.answer(Answer.APPOINTMENT_PROPOSED, 4, **appointment(31)))
    assert refused.reason is AnswerFault.NOT_ALLOWED
    assert Answer.APPOINTMENT_MOVED in refused.allowed


def test_a_later_appointment_moves_the_clock_and_an_early_one_does_not() -> None:
    need = accepted_need()
    need.answer(Answer.APPOINTMENT_PROPOSED, 1, **appointment(30))
    need.answer(Answer.APPOINTMENT_MOVED, 2, **appointment(100))
    assert [(when, what) for when, what, _ in need.silence()][1:] == [
        (104, "Overdue"),
        (108, "Escalated"),
        (132, "Expired"),
    ]
    in_time = accepted_need()
    in_time.answer(Answer.APPOINTMENT_PROPOSED, 1, **appointment(30))
    assert (72, "Overdue", "start") in in_time.silence()


def test_an_appointment_cannot_postpone_the_start_forever() -> None:
    need = accepted_need()
    need.answer(Answer.APPOINTMENT_PROPOSED, 1, **appointment(90_000))
    assert (72 + 30 * 24, "Overdue", "start") in need.silence()


# opening hours --------------------------------------------------------------------------------------------------------


def warsaw(day: int, hour: int, month: int = 3) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=ZoneInfo("Europe/Warsaw"))


@pytest.mark.parametrize(
    ("start", "hours", "end"),
    [
        (warsaw(2, 9), 3, warsaw(2, 12)),
        (warsaw(2, 16), 3, warsaw(3, 11)),  # over night
        (warsaw(3, 16), 3, warsaw(5, 11)),  # over a holiday
        (warsaw(6, 16), 3, warsaw(9, 11)),  # over a weekend
        (warsaw(7, 11), 8, warsaw(9, 17)),  # a whole day ends with it
        (warsaw(27, 16), 3, warsaw(30, 11)),  # over the night on which clocks go forward
        (warsaw(23, 16, 10), 3, warsaw(26, 11, 10)),  # and back
    ],
)
def test_closed_time_does_not_count(start: datetime, hours: int, end: datetime) -> None:
    assert add_open_time(start, hours * HOUR, OFFICE) == end


def test_an_opening_past_midnight_is_an_hour_shorter_when_clocks_go_forward() -> None:
    night = Opening(days=[Weekday.SATURDAY], opens_at=time(22), closes_at=time(6))
    schedule = Schedule(timezone="Europe/Warsaw", openings=[night])
    assert add_open_time(warsaw(28, 22), 7 * HOUR, schedule) == warsaw(29, 6)
    assert add_open_time(warsaw(28, 22), 8 * HOUR, schedule) == warsaw(4, 23, 4)


def test_closed_hours_add_at_most_a_year() -> None:
    hardly = Opening(days=[Weekday.MONDAY], opens_at=time(9), closes_at=time(9, 1))
    assert add_open_time(START, 24 * HOUR, Schedule(timezone="UTC", openings=[hardly])) == START + timedelta(days=367)


def settings(**changes: Any) -> NotificationSettings:
    return NotificationSettings(operator_key=KEY, intake_key=KEY, hash_key=KEY, **changes)


@pytest.mark.parametrize(
    ("category", "urgency", "changes", "counts"),
    [
        ("legal", "urgent", {}, True),
        ("shelter", "urgent", {}, False),
        ("legal", "emergency", {}, False),
        ("legal", "emergency", {"opening_hours_emergencies": True}, True),
        ("legal", "urgent", {"opening_hours_categories": []}, False),
    ],
)
def test_opening_hours_count_where_the_settings_say_so(
    category: str, urgency: str, changes: dict[str, Any], counts: bool
) -> None:
    kind = {"category": Category(category), "urgency": Urgency(urgency)}
    need = Need(settings(**changes).deadline_rules, schedule=OFFICE, **kind)
    around_the_clock = Need(settings(**changes).deadline_rules, **kind)
    offer, other = need.stream.state.current, around_the_clock.stream.state.current
    assert (offer.terms.schedule is not None) is counts
    assert (offer.deadlines.decide_by > other.deadlines.decide_by) is counts


def test_every_clock_of_a_need_counts_opening_hours() -> None:
    need = Need(DeadlineRules(DEADLINES.by_urgency, opening_hours={(Category.LEGAL, Urgency.URGENT)}),
                category=Category.LEGAL, schedule=OFFICE)  # fmt: skip
    acknowledge_by = need.stream.state.current.deadlines.due_at(DeadlineKind.ACKNOWLEDGE)
    assert acknowledge_by == warsaw(2, 13), "START is a Sunday"
    need.answer(Answer.ACCEPTED)
    assert need.stream.state.current.deadlines.due_at(DeadlineKind.START) == add_open_time(START, 72 * HOUR, OFFICE)


def test_a_category_has_limits_of_its_own_and_the_rest_from_its_urgency() -> None:
    rules = settings(times_by_category={"legal": {"normal": {"decide": 7200, "start": 60}}}).deadline_rules
    own, others = rules.limits(Category.LEGAL, Urgency.NORMAL), rules.limits(Category.FOOD, Urgency.NORMAL)
    assert (own.decide, own.start, own.acknowledge) == (timedelta(days=5), HOUR, others.acknowledge)
    assert others.decide == timedelta(days=3)


def test_limits_of_a_category_are_checked_like_the_others() -> None:
    with pytest.raises(ValueError, match="legal, urgent: the time to acknowledge"):
        settings(times_by_category={"legal": {"urgent": {"decide": 60}}})


def test_the_default_limits_are_those_of_the_inter_agency_forms() -> None:
    limits = settings().limits_by_urgency
    assert [limits[each].start / HOUR for each in Urgency] == [24, 72, 14 * 24]
    assert [limits[each].close.days for each in Urgency] == [7, 30, 90]


# warnings to operators ------------------------------------------------------------------------------------------------


async def test_operators_are_warned_of_an_escalation_with_ids_and_a_hint(
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    fields = {"clock": DeadlineKind.START, "state": Lifecycle.ACCEPTED_BY_PROVIDER, "due_at": START}
    facts = [of_offer(notification.Overdue, **fields), of_offer(notification.Escalated, **fields)]
    outgoing = [
        OutgoingEvent(topic="t", key="k", id=f"e{n}", type=fact.ce_type(), text=fact.model_dump_json(), stream=NEED,
                 cause="c", referral="r", at=START, trace=None)
        for n, fact in enumerate(facts)
    ]  # fmt: skip

    async def render(events: list[OutgoingEvent]) -> list[OutgoingEvent]:
        return events[:1]

    meter = Meter("notification")
    assert await warn_of_escalations(render, meter)(outgoing) == outgoing[:1]
    counted = {"service": "notification", "warning": "escalated"}
    assert meter.registry.get_sample_value("referrals_warnings_total", counted) == 1
    overdue = {"service": "notification", "clock": "start"}
    assert meter.registry.get_sample_value("referrals_overdue_total", overdue) == 1
    line = capsysbinary.readouterr().out.decode()
    assert line.count("escalated") == 1
    for part in ("warning", NEED, "provider-1", "start", "call the provider"):
        assert part in line
