"""How long a provider has for each step, and the clocks that follow from it.

Every clock runs the same way: half-way, the provider is reminded; at the end, it is overdue; some time later, that is
escalated. An offer that was accepted but not started expires after a further grace period. An undecided offer expires
as soon as its decision is overdue. All times of a clock are in the fact that starts it, so a change of settings leaves
running clocks alone.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from contracts.notification import Running
from contracts.schedule import Schedule
from contracts.words import Category, DeadlineKind, Urgency
from services.chassis.decider import SetTimer

from .offer import Accepted, OfferTerms
from .opening_hours import add_open_time
from .transitions import EXPIRE_TIMER, DeadlineStep, timer_name


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """How long a provider has, for one category and urgency.

    `acknowledge` and `decide` count from the offer, `start` from acceptance, `close` from the start of help. What is
    overdue is escalated after `escalate`; what was accepted but not started expires `grace` after that.
    """

    acknowledge: timedelta
    decide: timedelta
    start: timedelta = timedelta(days=14)
    close: timedelta = timedelta(days=90)
    escalate: timedelta = timedelta(hours=12)
    grace: timedelta = timedelta(days=3)

    def length(self, clock: DeadlineKind) -> timedelta:
        """How long a clock runs until it is overdue."""
        match clock:
            case DeadlineKind.ACKNOWLEDGE:
                return self.acknowledge
            case DeadlineKind.DECIDE:
                return self.decide
            case DeadlineKind.START:
                return self.start
            case DeadlineKind.CLOSE:
                return self.close


@dataclass(frozen=True, slots=True)
class DeadlineRules:
    """The time limits of all needs.

    For the categories and urgencies in `opening_hours` time counts only while the service is open. `check_ins` is how
    often a provider may restart one clock.
    """

    by_urgency: Mapping[Urgency, TimeLimits]
    by_category: Mapping[tuple[Category, Urgency], TimeLimits] = field(default_factory=dict)
    opening_hours: Set[tuple[Category, Urgency]] = frozenset()
    check_ins: int = 2

    def limits(self, category: Category | None, urgency: Urgency | None) -> TimeLimits:
        """The limits of a need. An offer from before it had these fields counts as normal, of no category."""
        urgency = urgency or Urgency.NORMAL
        own = None if category is None else self.by_category.get((category, urgency))
        return own or self.by_urgency[urgency]

    def counted_hours(self, category: Category, urgency: Urgency, schedule: Schedule | None) -> Schedule | None:
        """The opening hours in which a need's time counts; None if it counts around the clock."""
        return schedule if (category, urgency) in self.opening_hours else None

    def due_at(self, terms: OfferTerms, clock: DeadlineKind, begun: datetime) -> datetime:
        """When a clock that begins at `begun` is overdue, in whole seconds."""
        length = self.limits(terms.category, terms.urgency).length(clock)
        return whole_seconds(add_open_time(begun, length, terms.schedule))

    def start_clock(
        self, terms: OfferTerms, clock: DeadlineKind, begun: datetime, due: datetime | None = None
    ) -> Running:
        """A clock that begins at `begun`. It is overdue at `due`, or else as the limits say."""
        limits = self.limits(terms.category, terms.urgency)
        due = due or self.due_at(terms, clock, begun)
        expires = None
        if clock is DeadlineKind.START:
            expires = whole_seconds(add_open_time(due, limits.escalate + limits.grace, terms.schedule))
        return Running(
            clock=clock,
            remind_at=whole_seconds(begun + (due - begun) / 2),
            due_at=due,
            escalate_at=whole_seconds(add_open_time(due, limits.escalate, terms.schedule)),
            expires_at=expires,
        )

    def latest_start(self, offer: Accepted) -> datetime:
        """The latest moment to which appointments can postpone the start: when help would have had to be closed."""
        limits = self.limits(offer.terms.category, offer.terms.urgency)
        return whole_seconds(offer.accepted_at + limits.start + limits.close)

    def appointment_news_due(self, terms: OfferTerms, appointment_at: datetime) -> datetime:
        """When the provider must have reported how an appointment went: as long after it as it has to acknowledge."""
        return whole_seconds(appointment_at + self.limits(terms.category, terms.urgency).acknowledge)


def whole_seconds(moment: datetime) -> datetime:
    """In whole seconds: a timer's time is compared with its clock's, and MongoDB stores only milliseconds."""
    return moment.replace(microsecond=0)


def steps_of(run: Running) -> list[tuple[DeadlineStep, datetime]]:
    """The steps of a clock, with their times. A decision that is overdue ends the offer by `EXPIRE_TIMER` instead."""
    if run.clock is DeadlineKind.DECIDE:
        return [(DeadlineStep.REMIND, run.remind_at)]
    steps = [
        (DeadlineStep.REMIND, run.remind_at),
        (DeadlineStep.OVERDUE, run.due_at),
        (DeadlineStep.ESCALATE, run.escalate_at),
    ]
    return steps if run.expires_at is None else [*steps, (DeadlineStep.EXPIRE, run.expires_at)]


def decision_timer(decide_by: datetime) -> SetTimer:
    """The timer that ends an undecided offer."""
    return SetTimer(EXPIRE_TIMER, decide_by)


def next_timer(run: Running, done: Set[str]) -> list[SetTimer]:
    """The timer of the first step that is not done yet, if any. Only one, since most clocks stop before their first."""
    timers = ((timer_name(run.clock, step), at) for step, at in steps_of(run))
    return [SetTimer(name, at) for name, at in timers if name not in done][:1]
