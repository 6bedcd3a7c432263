"""A toy policy for tests of the loop. Each counter is a stream; it can be read, set to ring, and given a seat."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

from contracts import topics
from contracts.base import Event, Message
from contracts.operations import DeliveryFailed, TimerElapsed
from services.chassis.decider import Claim, Drop, Effect, Emit, IncomingEvent, Put, Reply, SetTimer
from services.chassis.ports import Claims

SERVICE = "counter"
INBOX = topics.inbox(SERVICE)
OTHER = "referrals.zeta"
"""A second input, whose name sorts after the inbox's. `FIRST` sorts before it."""
FIRST = "referrals.alpha"
COUNTED = "referrals.counted"
ANSWERS = "referrals.answers"


class _OfCounter(Event):
    counter: str


class Add(_OfCounter):
    """Input. With 13, the policy has a bug."""

    TYPE: ClassVar[str] = "counter.add.v1"
    by: int = 1
    to: str = COUNTED


class ReadTotal(_OfCounter):
    """Input. Only answered, never journaled."""

    TYPE: ClassVar[str] = "counter.ask.v1"


class Wind(_OfCounter):
    """Input. Sets the timer."""

    TYPE: ClassVar[str] = "counter.wind.v1"
    minutes: int


class Sit(_OfCounter):
    """Input. Takes the first free seat."""

    TYPE: ClassVar[str] = "counter.sit.v1"


class Stand(_OfCounter):
    """Input. Returns the seat."""

    TYPE: ClassVar[str] = "counter.stand.v1"


class Counted(_OfCounter):
    """Fact. With 99, `evolve` raises."""

    TYPE: ClassVar[str] = "counter.counted.v1"
    by: int
    total: int


class Wound(_OfCounter):
    TYPE: ClassVar[str] = "counter.wound.v1"
    due_at: datetime


class Rang(_OfCounter):
    TYPE: ClassVar[str] = "counter.rang.v1"


class Seated(_OfCounter):
    TYPE: ClassVar[str] = "counter.seated.v1"
    seat: str


class Stood(_OfCounter):
    TYPE: ClassVar[str] = "counter.stood.v1"
    seat: str


class Bounced(_OfCounter):
    """Fact: one of our events could not be delivered."""

    TYPE: ClassVar[str] = "counter.bounced.v1"
    reason: str
    text: str


class Answered(_OfCounter):
    """Answer: the total, or a problem."""

    TYPE: ClassVar[str] = "counter.told.v1"
    total: int
    wrong: str = ""


@dataclass(frozen=True, slots=True)
class Counter:
    name: str
    total: int = 0
    due_at: datetime | None = None
    seat: str | None = None


class CounterPolicy:
    handles: Mapping[str, type[Message]] = {
        each.ce_type(): each for each in (Add, ReadTotal, Wind, Sit, Stand, TimerElapsed, DeliveryFailed)
    }
    facts: Mapping[str, type[Message]] = {
        each.ce_type(): each for each in (Counted, Wound, Rang, Seated, Stood, Bounced)
    }

    def stream(self, event: Message) -> str:
        return event.stream if isinstance(event, TimerElapsed | DeliveryFailed) else event.counter

    def initial(self, stream: str) -> Counter:
        return Counter(stream)

    def decide(self, state: Counter, event: IncomingEvent, now: datetime, context: Any) -> Sequence[Effect]:
        name = state.name
        match event.data:
            case Add(by=13):
                raise RuntimeError("unlucky")
            case Add(by=by, to=to):
                total = state.total + by
                return [Emit(Counted(counter=name, by=by, total=total), to), Put("board", name, {"total": total})]
            case ReadTotal():
                return [Reply(Answered(counter=name, total=state.total), ANSWERS)]
            case Wind(minutes=minutes):
                due_at = now + timedelta(minutes=minutes)
                return [Emit(Wound(counter=name, due_at=due_at)), SetTimer("ring", due_at)]
            case TimerElapsed(due_at=due_at) if due_at == state.due_at:
                return [Emit(Rang(counter=name), COUNTED)]
            case Sit() if state.seat is None and (context.held.get(name) or context.free):
                seat = (
                    context.held.get(name) or context.free[0]
                )  # held: taken by an attempt that died before it was stored
                return [Emit(Seated(counter=name, seat=seat), COUNTED), Claim("seats", seat, {"counter": name})]
            case Sit():
                return [Reply(Answered(counter=name, total=state.total, wrong="no seat"), ANSWERS)]
            case Stand() if state.seat is not None:
                return [Emit(Stood(counter=name, seat=state.seat)), Drop("seats", state.seat, {"counter": name})]
            case DeliveryFailed(reason=reason, text=text):
                return [Emit(Bounced(counter=name, reason=reason, text=text))]
        return []

    def evolve(self, state: Counter, fact: Message) -> Counter:
        match fact:
            case Counted(by=99):
                raise TypeError("cannot count that far")
            case Counted(by=by):
                return replace(state, total=state.total + by)
            case Wound(due_at=due_at):
                return replace(state, due_at=due_at)
            case Rang():
                return replace(state, due_at=None)
            case Seated(seat=seat):
                return replace(state, seat=seat)
            case Stood():
                return replace(state, seat=None)
        return state

    def on_id_reuse(self, state: Counter, event: IncomingEvent) -> Sequence[Effect]:
        return [Reply(Answered(counter=state.name, total=state.total, wrong="id used twice"), ANSWERS)]


class FreeSeats:
    def __init__(self, free: list[str], held: dict[str, str] | None = None) -> None:
        self.free = free
        self.held = held or {}

    def consume(self, effects: Sequence[Effect]) -> None:
        taken = {effect.id for effect in effects if isinstance(effect, Claim)}
        self.free = [seat for seat in self.free if seat not in taken]


class Seats:
    """Gathers the free seats. If `careless`, it reports all seats as free the first time."""

    def __init__(self, claims: Claims, *seats: str, careless: bool = False) -> None:
        self._claims = claims
        self._seats = seats
        self._careless = careless

    async def gather(self, pairs: Sequence[tuple[Any, Message]]) -> FreeSeats:
        if self._careless:
            self._careless = False
            return FreeSeats(list(self._seats))
        taken = await self._claims.all("seats")
        free = [seat for seat in self._seats if seat not in taken]
        return FreeSeats(free, {row["counter"]: seat for seat, row in taken.items()})
