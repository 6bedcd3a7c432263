"""Reminder, overdue, escalation, end: what comes of a provider's silence, and of its word that it needs more time."""

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
from services.notification.domain.deadlines import Deadline, Times
from services.notification.domain.opening_hours import after
from services.notification.domain.policy import NotificationPolicy
from services.notification.outbound.alerts import warning
from services.notification.settings import NotificationSettings
from tests.support.builders import NEED, answer_received, elapsed, matched, of_offer
from tests.support.clock import START
from tests.support.stream import Stream, emitted, replied

HOUR = timedelta(hours=1)
URGENT = Deadline(4 * HOUR, 24 * HOUR, start=72 * HOUR, close=30 * 24 * HOUR, escalate=4 * HOUR, grace=24 * HOUR)
TIMES = Times(dict.fromkeys(Urgency, URGENT))
KEY = "A" * 43 + "="
OFFICE = Schedule(
    timezone="Europe/Warsaw",
    openings=[Opening(days=list(Weekday)[:5], opens_at=time(9), closes_at=time(17))],
    closed_on=[date(2026, 3, 4)],
)


class Need:
    """One stream and its timers: `silence` lets time pass, and tells what was said."""

    def __init__(self, times: Times = TIMES, **match: Any) -> None:
        self.stream = Stream("notification", NotificationPolicy(times), NEED)
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
        """Hours since the start, what, and of which clock."""
        said = []
        while due := sorted((at, name) for name, at in self.timers if at <= START + hours * HOUR):
            at, name = due[0]
            del self.timers[name, at]
            for fact in emitted(self.handle(elapsed(name, at), at)):
                if type(fact).__module__ == "contracts.notification":
                    clock = getattr(fact, "clock", None) or fact.code or ""
                    said.append(((at - START) / HOUR, type(fact).__name__, str(clock)))
        return said


def refusal(effects: Any) -> provider.AnswerRefused:
    (reply,) = replied(effects)
    assert isinstance(reply.event, provider.AnswerRefused)
    return reply.event


def test_a_silent_provider_is_reminded_is_overdue_is_escalated_and_loses_the_offer() -> None:
    assert Need().silence() == [
        (2, "Reminded", "acknowledge"),
        (4, "Overdue", "acknowledge"),
        (8, "Escalated", "acknowledge"),
        (24, "Overdue", "decide"),
        (24, "Escalated", "decide"),
        (24, "Expired", ""),
    ]


def test_nobody_is_reminded_of_a_clock_that_is_over_when_we_come_back() -> None:
    need, back = Need(), START + 5 * HOUR
    said = emitted(need.handle(elapsed("acknowledge-remind", START + 2 * HOUR), back))
    said += emitted(need.handle(elapsed("acknowledge-overdue", START + 4 * HOUR), back))
    assert [type(fact).__name__ for fact in said] == ["Overdue"]
    assert need.silence(8)[-1] == (8, "Escalated", "acknowledge"), "and its other steps are taken"


def test_one_that_has_only_acknowledged_is_reminded_half_way_to_the_decision() -> None:
    need = Need()
    need.answer(Answer.ACKNOWLEDGED, 4)
    assert need.silence()[0] == (14, "Reminded", "decide")


def test_what_is_accepted_and_not_started_is_escalated_and_after_a_grace_taken_back() -> None:
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


def test_the_provider_that_loses_it_is_told_so() -> None:
    need = Need()
    need.answer(Answer.ACCEPTED)
    need.silence(99)
    ((name, at),) = need.timers
    (closed,) = emitted(need.handle(elapsed(name, at), at), provider.OfferClosed)
    assert (closed.reason, closed.provider) == ("not-started", "provider-1")


def test_help_that_has_begun_is_never_taken_back() -> None:
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


def test_an_overdue_says_where_the_offer_stands_and_what_comes_next() -> None:
    need = Need()
    need.silence(3)
    (overdue,) = emitted(need.handle(elapsed("acknowledge-overdue", START + 4 * HOUR), START + 4 * HOUR))
    assert (overdue.state, overdue.due_at) == (Lifecycle.OFFERED, START + 4 * HOUR)
    assert overdue.expires_at == START + 24 * HOUR


def test_a_reminder_says_of_what_and_until_when() -> None:
    need = Need()
    need.answer(Answer.ACCEPTED)
    (reminder,) = emitted(need.handle(elapsed("start-remind", START + 36 * HOUR), START + 36 * HOUR), provider.Reminder)
    assert (reminder.clock, reminder.due_at) == (DeadlineKind.START, START + 72 * HOUR)


# check-ins ------------------------------------------------------------------------------------------------------------


def test_a_check_in_sets_the_running_clock_anew_and_the_provider_is_told_until_when() -> None:
    need = Need()
    need.answer(Answer.ACKNOWLEDGED)
    (counted,) = emitted(need.answer(Answer.CHECK_IN, 20), provider.CheckInCounted)
    assert (counted.clock, counted.due_at, counted.left) == (DeadlineKind.DECIDE, START + 44 * HOUR, 1)
    assert [when for when, what, _ in need.silence() if what == "Expired"] == [44]


def test_more_check_ins_than_allowed_are_refused_aloud_and_the_next_clock_has_its_own() -> None:
    need = Need()
    need.answer(Answer.ACKNOWLEDGED)
    for hour in (1, 2):
        need.answer(Answer.CHECK_IN, hour)
    refused = refusal(need.answer(Answer.CHECK_IN, 3))
    assert (refused.reason, refused.state) == (AnswerFault.TOO_OFTEN, "acknowledged")
    assert refused.allowed == [Answer.ACCEPTED, Answer.DECLINED]
    need.answer(Answer.ACCEPTED, 4)
    assert emitted(need.answer(Answer.CHECK_IN, 5), notification.CheckedIn)[0].count == 1


def test_an_offer_is_acknowledged_before_one_checks_in() -> None:
    assert refusal(Need().answer(Answer.CHECK_IN)).reason is AnswerFault.NOT_ALLOWED


def test_a_check_in_when_it_is_overdue_already_is_not_overdue_again_and_yet_it_ends() -> None:
    need = Need()
    need.answer(Answer.ACCEPTED)
    assert [what for _, what, _ in need.silence(80)] == ["Reminded", "Overdue", "Escalated"]
    need.answer(Answer.CHECK_IN, 80)
    assert need.silence() == [(80 + 72 + 4 + 24, "Expired", "not-started")]


# appointments ---------------------------------------------------------------------------------------------------------


def appointment(hours: float) -> dict[str, datetime]:
    return {"appointment_at": START + hours * HOUR}


def taken_up() -> Need:
    need = Need()
    need.answer(Answer.ACCEPTED)
    return need


def test_an_appointment_is_proposed_moved_and_kept_and_then_help_is_in_progress() -> None:
    need = taken_up()
    (proposed,) = emitted(need.answer(Answer.APPOINTMENT_PROPOSED, 1, **appointment(30)))
    (moved,) = emitted(need.answer(Answer.APPOINTMENT_MOVED, 2, **appointment(40)))
    assert [each.moved for each in (proposed, moved)] == [False, True]
    assert (moved.appointment_at, moved.turn) == (START + 40 * HOUR, 2)
    (kept,) = emitted(need.answer(Answer.APPOINTMENT_KEPT, 41))
    assert (type(kept), kept.kept, kept.appointment_at) == (notification.InProgress, True, START + 40 * HOUR)


def test_after_a_no_show_another_is_proposed_or_it_is_over() -> None:
    need = taken_up()
    need.answer(Answer.APPOINTMENT_PROPOSED, 1, **appointment(30))
    (missed,) = emitted(need.answer(Answer.NO_SHOW, 31))
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
        taken_up().answer(answer, **(appointment(9) if answer is Answer.APPOINTMENT_MOVED else {}))
    ).state == ("taken-up")


def test_there_is_no_appointment_before_acceptance() -> None:
    refused = refusal(Need().answer(Answer.APPOINTMENT_PROPOSED, **appointment(9)))
    assert (refused.reason, refused.state) == (AnswerFault.NOT_ALLOWED, "offered")


def test_the_same_appointment_again_is_a_repetition_and_another_one_has_to_be_moved() -> None:
    need = taken_up()
    need.answer(Answer.APPOINTMENT_PROPOSED, 1, **appointment(30))
    assert refusal(need.answer(Answer.APPOINTMENT_PROPOSED, 2, **appointment(30))).reason is AnswerFault.REPEATED
    assert refusal(need.answer(Answer.APPOINTMENT_MOVED, 3, **appointment(30))).reason is AnswerFault.REPEATED
    refused = refusal(need.answer(Answer.APPOINTMENT_PROPOSED, 4, **appointment(31)))
    assert refused.reason is AnswerFault.NOT_ALLOWED
    assert Answer.APPOINTMENT_MOVED in refused.allowed


def test_a_later_appointment_moves_the_clock_and_one_in_time_does_not() -> None:
    need = taken_up()
    need.answer(Answer.APPOINTMENT_PROPOSED, 1, **appointment(30))
    need.answer(Answer.APPOINTMENT_MOVED, 2, **appointment(100))
    assert [(when, what) for when, what, _ in need.silence()][1:] == [
        (104, "Overdue"),
        (108, "Escalated"),
        (132, "Expired"),
    ]
    in_time = taken_up()
    in_time.answer(Answer.APPOINTMENT_PROPOSED, 1, **appointment(30))
    assert (72, "Overdue", "start") in in_time.silence()


def test_no_appointment_keeps_a_person_waiting_without_end() -> None:
    need = taken_up()
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
    assert after(start, hours * HOUR, OFFICE) == end


def test_a_night_goes_on_past_midnight_and_is_an_hour_shorter_when_clocks_go_forward() -> None:
    night = Opening(days=[Weekday.SATURDAY], opens_at=time(22), closes_at=time(6))
    schedule = Schedule(timezone="Europe/Warsaw", openings=[night])
    assert after(warsaw(28, 22), 7 * HOUR, schedule) == warsaw(29, 6)
    assert after(warsaw(28, 22), 8 * HOUR, schedule) == warsaw(4, 23, 4)


def test_a_service_that_hardly_opens_is_not_awaited_for_ever() -> None:
    hardly = Opening(days=[Weekday.MONDAY], opens_at=time(9), closes_at=time(9, 1))
    assert after(START, 24 * HOUR, Schedule(timezone="UTC", openings=[hardly])) == START + timedelta(days=367)


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
    need = Need(settings(**changes).times, schedule=OFFICE, **kind)
    around_the_clock = Need(settings(**changes).times, **kind)
    offer, other = need.stream.state.current, around_the_clock.stream.state.current
    assert (offer.schedule is not None) is counts
    assert (offer.decide_by > other.decide_by) is counts


def test_all_times_of_a_need_that_counts_opening_hours_do() -> None:
    need = Need(Times(TIMES.by_urgency, opening_hours={(Category.LEGAL, Urgency.URGENT)}),
                category=Category.LEGAL, schedule=OFFICE)  # fmt: skip
    assert need.stream.state.current.acknowledge_by == warsaw(2, 13), "START is a Sunday"
    need.answer(Answer.ACCEPTED)
    assert need.stream.state.current.due(DeadlineKind.START) == after(START, 72 * HOUR, OFFICE)


def test_a_category_has_times_of_its_own_and_the_rest_from_its_urgency() -> None:
    times = settings(times_by_category={"legal": {"normal": {"decide": 7200, "start": 60}}}).times
    own, others = times.of(Category.LEGAL, Urgency.NORMAL), times.of(Category.FOOD, Urgency.NORMAL)
    assert (own.decide, own.start, own.acknowledge) == (timedelta(days=5), HOUR, others.acknowledge)
    assert others.decide == timedelta(days=3)


def test_times_of_a_category_are_checked_like_the_others() -> None:
    with pytest.raises(ValueError, match="legal, urgent: the time to acknowledge"):
        settings(times_by_category={"legal": {"urgent": {"decide": 60}}})


def test_the_standard_times_are_those_of_the_forms() -> None:
    deadlines = settings().deadlines
    assert [deadlines[each].start / HOUR for each in Urgency] == [24, 72, 14 * 24]
    assert [deadlines[each].close.days for each in Urgency] == [7, 30, 90]


# the operator's warning -----------------------------------------------------------------------------------------------


async def test_operators_are_warned_of_an_escalation_by_ids_and_with_what_to_do(
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    late = {"clock": DeadlineKind.START, "state": Lifecycle.ACCEPTED_BY_PROVIDER, "due_at": START}
    facts = [of_offer(notification.Overdue, **late), of_offer(notification.Escalated, **late)]
    outgoing = [
        OutgoingEvent(topic="t", key="k", id=f"e{n}", type=fact.ce_type(), text=fact.model_dump_json(), stream=NEED,
                 cause="c", referral="r", at=START, trace=None)
        for n, fact in enumerate(facts)
    ]  # fmt: skip

    async def render(them: list[OutgoingEvent]) -> list[OutgoingEvent]:
        return them[:1]

    meter = Meter("notification")
    assert await warning(render, meter)(outgoing) == outgoing[:1]
    counted = {"service": "notification", "warning": "escalated"}
    assert meter.registry.get_sample_value("referrals_warnings_total", counted) == 1
    late_to = {"service": "notification", "clock": "start"}
    assert meter.registry.get_sample_value("referrals_overdue_total", late_to) == 1
    said = capsysbinary.readouterr().out.decode()
    assert said.count("escalated") == 1
    for part in ("warning", NEED, "provider-1", "start", "call the provider"):
        assert part in said
