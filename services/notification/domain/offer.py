"""One offer as it stands, by the phase it is in.

An offer is `Undecided` until its provider accepts it, then `Accepted` until its end, then `Ended`. What was offered
(`OfferTerms`) stays the same throughout.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from contracts.matching import Broadcast
from contracts.notification import Running
from contracts.schedule import Schedule
from contracts.words import Category, DeadlineKind, Lifecycle, Urgency

from .transitions import CLOCKS, DeadlineStep, timer_name


@dataclass(frozen=True, slots=True)
class OfferTerms:
    """What is offered to whom. One offer is one attempt for its need.

    `schedule` is there if time counts only while the service is open. `category` and `urgency` are missing in offers
    from before facts had them.
    """

    referral_id: str
    need_id: str
    need: str
    agency: str
    reference: str
    attempt: int
    provider: str
    service: str
    category: Category | None = None
    urgency: Urgency | None = None
    schedule: Schedule | None = None
    broadcast: Broadcast | None = None


@dataclass(frozen=True, slots=True)
class Deadlines:
    """The deadlines of an open offer.

    `clocks` are the clocks as they were last started. `done` names the steps that have been taken; none is taken twice.
    `check_ins` counts the check-ins of the running clock. `turn` counts the news that brought no higher state.
    """

    decide_by: datetime
    clocks: tuple[Running, ...] = ()
    done: frozenset[str] = frozenset()
    check_ins: int = 0
    turn: int = 0

    def due_at(self, clock: DeadlineKind) -> datetime | None:
        """When a clock is overdue; None if it was never started."""
        return next((run.due_at for run in self.clocks if run.clock is clock), None)

    def after_step(self, clock: DeadlineKind, step: DeadlineStep) -> "Deadlines":
        """The deadlines when a step has been taken."""
        return replace(self, done=self.done | {timer_name(clock, step)})

    def restarted(
        self, clocks: Sequence[Running], *, check_ins: int | None = None, turn: int | None = None
    ) -> "Deadlines":
        """The deadlines with these clocks and counts; a count that is not given stays.

        Facts from before there were clocks have none: then the clocks stay as well.
        """
        decide_by = next((run.due_at for run in clocks if run.clock is DeadlineKind.DECIDE), self.decide_by)
        return replace(
            self,
            clocks=tuple(clocks) or self.clocks,
            decide_by=decide_by,
            check_ins=self.check_ins if check_ins is None else check_ins,
            turn=self.turn if turn is None else turn,
        )

    def next_due(self, phase: Lifecycle) -> tuple[DeadlineKind, datetime] | None:
        """What the provider has to do next in an open phase, and by when; None if no clock was ever started."""
        times = ((self.due_at(clock), clock) for clock in CLOCKS[phase])
        known = [(at, clock) for at, clock in times if at is not None]
        if not known:
            return None
        at, clock = min(known)
        return clock, at


@dataclass(frozen=True, slots=True)
class Undecided:
    """An offer that its provider can still accept or decline: offered, or acknowledged as well.

    `provider_reference` is the provider's own case number, here and in the other phases.
    """

    terms: OfferTerms
    deadlines: Deadlines
    phase: Lifecycle = Lifecycle.OFFERED
    provider_reference: str | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """An offer that its provider has accepted, and that has not ended.

    `appointment_at` is the latest appointment, if there was any, even after the person has missed or kept it.
    `release_asked`: intake was asked to release the person's contact to this provider.
    """

    terms: OfferTerms
    deadlines: Deadlines
    accepted_at: datetime
    phase: Lifecycle = Lifecycle.ACCEPTED_BY_PROVIDER
    provider_reference: str | None = None
    appointment_at: datetime | None = None
    release_asked: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """An offer after its end: declined, expired, revoked, delivered or not. `accepted`: it had been accepted before."""

    terms: OfferTerms
    phase: Lifecycle
    accepted: bool
    provider_reference: str | None = None


OpenOffer = Undecided | Accepted
"""An offer that has not ended."""

OfferState = Undecided | Accepted | Ended
"""One offer as it stands. (`contracts.provider.Offer` is the message its provider reads.)"""


def has_accepted(offer: OfferState) -> bool:
    """Whether the provider has ever accepted the offer, however it ended later."""
    return isinstance(offer, Accepted) or (isinstance(offer, Ended) and offer.accepted)
