"""How long a provider has, and the clocks that follow from it.

Each clock goes the same way: half of it gone, the provider is reminded; all of it, it is overdue; later that is
escalated; what was accepted and is not started after a grace is taken back. An undecided offer ends when its decision
is overdue. All times of a clock stand in the fact that starts it, so that settings may change while it runs.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from contracts.notification import Running
from contracts.schedule import Schedule
from contracts.words import Category, DeadlineKind, Urgency
from services.chassis.decider import SetTimer

from .opening_hours import after
from .state import Offer

EXPIRE = "expire"
"""The timer that ends an undecided offer."""


class Step(StrEnum):
    """What a clock leads to, in this order."""

    REMIND = "remind"
    OVERDUE = "overdue"
    ESCALATE = "escalate"
    EXPIRE = "expire"


@dataclass(frozen=True, slots=True)
class Deadline:
    """How long a provider has: `acknowledge` and `decide` from the offer on, `start` from acceptance, `close` from the
    start of help. Overdue, it is escalated after `escalate`; not started, taken back `grace` after that.
    """

    acknowledge: timedelta
    decide: timedelta
    start: timedelta = timedelta(days=14)
    close: timedelta = timedelta(days=90)
    escalate: timedelta = timedelta(hours=12)
    grace: timedelta = timedelta(days=3)

    def of(self, clock: DeadlineKind) -> timedelta:
        """The length of a clock."""
        return {
            DeadlineKind.ACKNOWLEDGE: self.acknowledge,
            DeadlineKind.DECIDE: self.decide,
            DeadlineKind.START: self.start,
            DeadlineKind.CLOSE: self.close,
        }[clock]


@dataclass(frozen=True, slots=True)
class Times:
    """All deadlines. `opening_hours` are the kinds of needs that count the service's open time only.

    `check_ins` is how often a provider may set one clock anew.
    """

    by_urgency: Mapping[Urgency, Deadline]
    by_category: Mapping[tuple[Category, Urgency], Deadline] = field(default_factory=dict)
    opening_hours: Set[tuple[Category, Urgency]] = frozenset()
    check_ins: int = 2

    def of(self, category: Category | None, urgency: Urgency | None) -> Deadline:
        """What holds for a need; of an offer older than these fields nothing is known, and it has the longest."""
        urgency = urgency or Urgency.NORMAL
        own = None if category is None else self.by_category.get((category, urgency))
        return own or self.by_urgency[urgency]

    def hours(self, category: Category, urgency: Urgency, schedule: Schedule | None) -> Schedule | None:
        """The opening hours that count for a need; None: around the clock."""
        return schedule if (category, urgency) in self.opening_hours else None

    def due(self, offer: Offer, clock: DeadlineKind, begun: datetime) -> datetime:
        """When a clock that begins now is overdue. Whole seconds: MongoDB keeps milliseconds, times are compared."""
        return whole(after(begun, self.of(offer.category, offer.urgency).of(clock), offer.schedule))

    def running(self, offer: Offer, clock: DeadlineKind, begun: datetime, due: datetime | None = None) -> Running:
        """A clock that begins now. Given `due`, it goes until then."""
        deadline = self.of(offer.category, offer.urgency)
        due = due or self.due(offer, clock, begun)
        expires = None
        if clock is DeadlineKind.START:
            expires = whole(after(due, deadline.escalate + deadline.grace, offer.schedule))
        return Running(
            clock=clock,
            remind_at=whole(begun + (due - begun) / 2),
            due_at=due,
            escalate_at=whole(after(due, deadline.escalate, offer.schedule)),
            expires_at=expires,
        )

    def latest_start(self, offer: Offer) -> datetime:
        """However appointments are moved: by then the whole would have been over."""
        deadline = self.of(offer.category, offer.urgency)
        return whole((offer.accepted_at or offer.decide_by) + deadline.start + deadline.close)

    def kept_by(self, offer: Offer, appointment_at: datetime) -> datetime:
        """When news of an appointment is overdue: it is held first, and is told as soon as an offer is acknowledged."""
        return whole(appointment_at + self.of(offer.category, offer.urgency).acknowledge)


def whole(moment: datetime) -> datetime:
    """Without fractions of a second."""
    return moment.replace(microsecond=0)


def name(clock: DeadlineKind, step: Step) -> str:
    """Of the timer, and of the step in the offer's `done`."""
    return f"{clock.value}-{step.value}"


def steps(run: Running) -> list[tuple[Step, datetime]]:
    """What a clock leads to, and when. A decision that is overdue ends the offer: see `EXPIRE`."""
    if run.clock is DeadlineKind.DECIDE:
        return [(Step.REMIND, run.remind_at)]
    found = [(Step.REMIND, run.remind_at), (Step.OVERDUE, run.due_at), (Step.ESCALATE, run.escalate_at)]
    return found if run.expires_at is None else [*found, (Step.EXPIRE, run.expires_at)]


def wait_for_decision(decide_by: datetime) -> SetTimer:
    """The timer that ends an undecided offer."""
    return SetTimer(EXPIRE, decide_by)


def wait_for(run: Running, done: Set[str]) -> list[SetTimer]:
    """The timer of the first step not done yet. One at a time: most clocks stop before their first."""
    return [SetTimer(name(run.clock, step), at) for step, at in steps(run) if name(run.clock, step) not in done][:1]
