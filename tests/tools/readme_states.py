"""``make table``: writes state × event → state into ``contracts/README.md``. A test fails if README and code differ.

The answers of a provider are read from `services.notification.domain.transitions.NEXT`. All other rows come from
letting the policies decide each event in each state. The next step of a state comes from outcomes' table.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import Any

from contracts import matching, notification, operations, provider
from contracts.base import Message
from contracts.outcomes import Noted
from contracts.words import Answer, Category, DeadlineKind, Lifecycle
from services.chassis.decider import Emit, IncomingEvent
from services.chassis.telemetry import logs
from services.matching.domain.state import HeldNeed, MatchedNeed, WaitingNeed
from services.matching.model.limits import Limits
from services.notification.domain.deadlines import steps_of
from services.notification.domain.offer import Deadlines, Ended
from services.notification.domain.policy import NotificationPolicy
from services.notification.domain.state import Offers, evolve
from services.notification.domain.transitions import EXPIRE_TIMER, NEXT, DeadlineStep, timer_name
from services.notification.settings import NotificationSettings
from services.outcomes.domain.status import next_step
from tests.support.builders import (
    NEED,
    OF_NEED,
    REFERRAL,
    accepted,
    answer_received,
    elapsed,
    match_revoked,
    matched,
    of_offer,
    service,
    withdrawn,
)
from tests.support.clock import START
from tests.support.matching_world import MatchingWorld

README = Path(__file__).parents[2] / "contracts" / "README.md"
BEGIN, END = "<!-- make table -->\n", "<!-- end of table -->"
NOTHING = "·"
"""Nothing changes. An answer that changes nothing is refused, and its sender learns why."""

# offers ---------------------------------------------------------------------------------------------------------------

_POLICY = NotificationPolicy(NotificationSettings.model_construct().deadline_rules)
_PHASES = list(NEXT)
_ENDED = Lifecycle.DECLINED
"""Stands for every end of an offer: they all have the same row."""


def _offers_in(phase: Lifecycle) -> Offers:
    """One offer in that phase, reached by the fewest answers."""
    reached = [_after(Offers(), matched())]
    while (state := reached.pop(0)).all[0].phase is not phase:
        reached += [_after(state, answer_received(answer)) for answer in NEXT.get(state.all[0].phase, {})]
    return state


def _after(state: Offers, event: Message) -> Offers:
    return reduce(evolve, [each.event for each in _decide(state, event) if isinstance(each, Emit)], state)


def _decide(state: Offers, event: Message) -> Sequence[Any]:
    return _POLICY.decide(state, IncomingEvent(event, "e", START, "key"), START, None)


def _undeliverable(offers: Offers) -> operations.DeliveryFailed:
    sent = next(
        each.event
        for each in _decide(Offers(), matched())
        if isinstance(each, Emit) and isinstance(each.event, provider.Offer)
    )
    return operations.DeliveryFailed(
        stream=NEED, event_type=sent.ce_type(), event_id="e", topic="t", reason="r", text=sent.model_dump_json()
    )


def _deadlines(offers: Offers) -> Deadlines:
    """The deadlines of the offer; those it had when it was made if it has ended."""
    (offer,) = offers.all if not isinstance(offers.all[0], Ended) else _offers_in(Lifecycle.OFFERED).all
    assert not isinstance(offer, Ended)
    return offer.deadlines


def _timer(clock: DeadlineKind, step: DeadlineStep) -> Callable[[Offers], Message]:
    """The timer of a step, at the time of the offer's own clock if it has that clock."""

    def at(offers: Offers) -> Message:
        times = {(run.clock, each): time for run in _deadlines(offers).clocks for each, time in steps_of(run)}
        return elapsed(timer_name(clock, step), times.get((clock, step), START))

    return at


_OFFER_EVENTS: Mapping[str, Callable[[Offers], Message]] = {
    "half of the time to acknowledge has passed": _timer(DeadlineKind.ACKNOWLEDGE, DeadlineStep.REMIND),
    "the time to acknowledge has passed": _timer(DeadlineKind.ACKNOWLEDGE, DeadlineStep.OVERDUE),
    "the time to decide has passed": lambda offers: elapsed(EXPIRE_TIMER, _deadlines(offers).decide_by),
    "the time to start has passed": _timer(DeadlineKind.START, DeadlineStep.OVERDUE),
    "help has still not started some time later": _timer(DeadlineKind.START, DeadlineStep.ESCALATE),
    "the grace period to start has passed": _timer(DeadlineKind.START, DeadlineStep.EXPIRE),
    "the time to close has passed": _timer(DeadlineKind.CLOSE, DeadlineStep.OVERDUE),
    "the offer could not be delivered": _undeliverable,
    "the match is revoked: withdrawn or corrected": lambda _: match_revoked(),
}


def offers() -> Iterator[list[str]]:
    """A row for each event: the state to which it leads from each state of an offer."""
    yield ["an offer that is", *(phase.value for phase in _PHASES), "ended"]
    for answer in Answer:
        yield [f"`{answer.value}`", *(NEXT.get(phase, {}).get(answer, NOTHING) for phase in [*_PHASES, _ENDED])]
    for name, event in _OFFER_EVENTS.items():
        yield [name, *(_state_after(_offers_in(phase), event) for phase in [*_PHASES, _ENDED])]


def _state_after(before: Offers, event: Callable[[Offers], Message]) -> str:
    facts = [each.event for each in _decide(before, event(before)) if isinstance(each, Emit)]
    after = reduce(evolve, facts, before).all[0]
    if after.phase is not before.all[0].phase:
        return after.phase.value
    return next((_fact_name(fact) for fact in facts if fact.TYPE.startswith("notification.")), NOTHING)


def _fact_name(fact: Message) -> str:
    return f"({fact.TYPE.split('.')[1]})"


# needs ----------------------------------------------------------------------------------------------------------------

_ONE_ATTEMPT = Limits(max_attempts=1)


def _new(world: MatchingWorld) -> None:
    pass


def _matched(world: MatchingWorld) -> None:
    world.publish(service(capacity=1), "provider-1")
    world.handle(accepted())


def _waiting(world: MatchingWorld) -> None:
    world.handle(accepted())


def _ended(world: MatchingWorld) -> None:
    _matched(world)
    world.handle(of_offer(notification.Delivered))


def _publish_place(world: MatchingWorld) -> None:
    world.publish(service(capacity=1), "provider-2")


def _handles(*events: Message, place: bool = False) -> Callable[[MatchingWorld], None]:
    def act(world: MatchingWorld) -> None:
        if place:
            _publish_place(world)
        world.handle(*events)

    return act


_RECALL = matching.WaitingRecalled(referral_id=REFERRAL, need_id=NEED)
_NEED_STATES: Mapping[str, Callable[[MatchingWorld], None]] = {
    "new": _new,
    "matched": _matched,
    "waiting": _waiting,
    "ended": _ended,
}
_NEED_EVENTS: Mapping[str, tuple[Callable[[MatchingWorld], None], Limits]] = {
    "registered by intake, a place is free": (_handles(accepted(), place=True), Limits()),
    "registered by intake, no place is free": (_handles(accepted()), Limits()),
    "corrected, the match still fits": (_handles(accepted(revision=1)), Limits()),
    "corrected, the match no longer fits": (_handles(accepted(revision=1, category=Category.HEALTH)), Limits()),
    "offer declined or expired, another place is free": (
        _handles(of_offer(notification.Declined), place=True),
        Limits(),
    ),
    "offer declined or expired, no place is free": (_handles(of_offer(notification.Expired)), Limits()),
    "offer declined or expired, the last attempt": (
        _handles(of_offer(notification.Declined), place=True),
        _ONE_ATTEMPT,
    ),
    "a place becomes free": (_handles(_RECALL, place=True), Limits()),
    "the longest wait has passed": (lambda world: world.elapse(days=60), Limits()),
    "withdrawn": (_handles(withdrawn()), Limits()),
    "delivered": (_handles(of_offer(notification.Delivered)), Limits()),
    "not delivered": (_handles(of_offer(notification.NotDelivered)), Limits()),
}


def needs() -> Iterator[list[str]]:
    """A row for each event: the state to which it leads from each state of a need."""
    yield ["a need that is", *_NEED_STATES]
    for name, (act, limits) in _NEED_EVENTS.items():
        yield [name, *(_need_state_after(before, act, limits) for before in _NEED_STATES.values())]


def _need_state_after(
    before: Callable[[MatchingWorld], None], act: Callable[[MatchingWorld], None], limits: Limits
) -> str:
    world = MatchingWorld(limits)
    before(world)
    count, before_state = len(world.facts(NEED)) if world.streams else 0, _need_state(world)
    act(world)
    assert not world.dead
    changed = world.streams and len(world.facts(NEED)) > count
    state = _need_state(world)
    return state if changed and (state != before_state or _matched_again(world, count)) else NOTHING


def _matched_again(world: MatchingWorld, count: int) -> bool:
    return any(isinstance(fact, matching.Matched) for fact in world.facts(NEED)[count:])


def _need_state(world: MatchingWorld) -> str:
    if not world.streams:
        return "new"
    state = world.state(NEED)
    match state:
        case MatchedNeed():
            return f"matched ({state.record.attempt})"
        case WaitingNeed():
            return "waiting"
        case HeldNeed():
            return "held"
    ends = [fact for fact in world.facts(NEED) if isinstance(fact, matching.NeedEnded | matching.Unmet)]
    return ends[-1].end if isinstance(ends[-1], matching.NeedEnded) else "unmet"


# states that agencies see ---------------------------------------------------------------------------------------------


def statuses() -> Iterator[list[str]]:
    """A row for each state: its FHIR Task status, and the next step."""
    yield ["state", "FHIR Task", "next"]
    for state in Lifecycle:
        step, _ = next_step(Noted(**OF_NEED, what=state.value, state=state, at=START))
        yield [f"**{state.value}**" if state.ended else state.value, state.fhir, step.value]


def markdown() -> str:
    """The three tables."""
    return "\n".join(f"{_table(list(rows))}" for rows in (offers(), needs(), statuses()))


def _table(rows: Sequence[Sequence[str]]) -> str:
    head, *body = rows
    lines = [head, ["---"] * len(head), *body]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def written(text: str) -> str:
    """The README text with the current tables. Raises `ValueError` if it lacks the markers."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"contracts/README.md has no place for the tables: add the lines {BEGIN.strip()} and {END}")
    return f"{before}{BEGIN}{markdown()}{END}{after}"


if __name__ == "__main__":
    logs.configure("table", "critical")
    try:
        README.write_text(written(README.read_text()))
    except ValueError as error:
        sys.exit(str(error))
