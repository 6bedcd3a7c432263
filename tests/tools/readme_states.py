"""``make table``: state × event → state, as the code has it, written into README; a test fails where the two differ.

What a provider may answer is `services.notification.domain.state.NEXT`. Everything else that happens to an offer or a
need comes from letting the policies decide each event in each state. The status of a state comes from outcomes' table.
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
from services.matching.domain.state import Phase
from services.matching.model.limits import Limits
from services.notification.domain.deadlines import EXPIRE, Step, name, steps
from services.notification.domain.policy import NotificationPolicy
from services.notification.domain.state import NEXT, Offers, evolve
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
"""No change. An answer that leads nowhere is refused, and its sender is told why."""

# offers ---------------------------------------------------------------------------------------------------------------

_POLICY = NotificationPolicy(NotificationSettings.model_construct().times)
_PHASES = list(NEXT)
_ENDED = Lifecycle.DECLINED
"""Any end of an offer is as good as another here."""


def _offers(phase: Lifecycle) -> Offers:
    """One offer that has come to that phase by answers: the shortest way there is."""
    ways = [_after(Offers(), matched())]
    while (state := ways.pop(0)).all[0].phase is not phase:
        ways += [_after(state, answer_received(answer)) for answer in NEXT.get(state.all[0].phase, {})]
    return state


def _after(state: Offers, event: Message) -> Offers:
    return reduce(evolve, [each.event for each in _decided(state, event) if isinstance(each, Emit)], state)


def _decided(state: Offers, event: Message) -> Sequence[Any]:
    return _POLICY.decide(state, IncomingEvent(event, "e", START, "key"), START, None)


def _lost(offers: Offers) -> operations.DeliveryFailed:
    sent = next(
        each.event
        for each in _decided(Offers(), matched())
        if isinstance(each, Emit) and isinstance(each.event, provider.Offer)
    )
    return operations.DeliveryFailed(
        stream=NEED, event_type=sent.ce_type(), event_id="e", topic="t", reason="r", text=sent.model_dump_json()
    )


def _timer(clock: DeadlineKind, step: Step) -> Callable[[Offers], Message]:
    """The timer of a clock's step, at the time that the offer's own clock has it, if it has that clock."""

    def at(offers: Offers) -> Message:
        times = {(run.clock, each): time for run in offers.all[0].clocks for each, time in steps(run)}
        return elapsed(name(clock, step), times.get((clock, step), START))

    return at


_TO_OFFERS: Mapping[str, Callable[[Offers], Message]] = {
    "half the time to acknowledge is over": _timer(DeadlineKind.ACKNOWLEDGE, Step.REMIND),
    "time to acknowledge is over": _timer(DeadlineKind.ACKNOWLEDGE, Step.OVERDUE),
    "time to decide is over": lambda offers: elapsed(EXPIRE, offers.all[0].decide_by),
    "time to start is over": _timer(DeadlineKind.START, Step.OVERDUE),
    "some time after that": _timer(DeadlineKind.START, Step.ESCALATE),
    "and its grace is over": _timer(DeadlineKind.START, Step.EXPIRE),
    "time to close is over": _timer(DeadlineKind.CLOSE, Step.OVERDUE),
    "could not be delivered": _lost,
    "match taken back: withdrawn, corrected": lambda _: match_revoked(),
}


def offers() -> Iterator[list[str]]:
    """Event by event, what becomes of an offer in each of its states."""
    yield ["an offer that is", *(phase.value for phase in _PHASES), "ended"]
    for answer in Answer:
        yield [f"`{answer.value}`", *(NEXT.get(phase, {}).get(answer, NOTHING) for phase in [*_PHASES, _ENDED])]
    for what, event in _TO_OFFERS.items():
        yield [what, *(_becomes(_offers(phase), event) for phase in [*_PHASES, _ENDED])]


def _becomes(before: Offers, event: Callable[[Offers], Message]) -> str:
    facts = [each.event for each in _decided(before, event(before)) if isinstance(each, Emit)]
    after = reduce(evolve, facts, before).all[0]
    if after.phase is not before.all[0].phase:
        return after.phase.value
    return next((_word(fact) for fact in facts if fact.TYPE.startswith("notification.")), NOTHING)


def _word(fact: Message) -> str:
    return f"({fact.TYPE.split('.')[1]})"


# needs ----------------------------------------------------------------------------------------------------------------

_ONE = Limits(max_attempts=1)


def _new(world: MatchingWorld) -> None:
    pass


def _matched(world: MatchingWorld) -> None:
    world.publish(service(capacity=1), "provider-1")
    world.handle(accepted())


def _waiting(world: MatchingWorld) -> None:
    world.handle(accepted())


def _over(world: MatchingWorld) -> None:
    _matched(world)
    world.handle(of_offer(notification.Delivered))


def _another(world: MatchingWorld) -> None:
    world.publish(service(capacity=1), "provider-2")


def _hears(*events: Message, place: bool = False) -> Callable[[MatchingWorld], None]:
    def act(world: MatchingWorld) -> None:
        if place:
            _another(world)
        world.handle(*events)

    return act


_RECALL = matching.WaitingRecalled(referral_id=REFERRAL, need_id=NEED)
_BEFORE: Mapping[str, Callable[[MatchingWorld], None]] = {
    "new": _new,
    "matched": _matched,
    "waiting": _waiting,
    "ended": _over,
}
_TO_NEEDS: Mapping[str, tuple[Callable[[MatchingWorld], None], Limits]] = {
    "accepted by intake, a place is free": (_hears(accepted(), place=True), Limits()),
    "accepted by intake, none is": (_hears(accepted()), Limits()),
    "corrected, the match still fits": (_hears(accepted(revision=1)), Limits()),
    "corrected, it does not": (_hears(accepted(revision=1, category=Category.HEALTH)), Limits()),
    "offer declined or expired, another place is free": (_hears(of_offer(notification.Declined), place=True), Limits()),
    "offer declined or expired, none is": (_hears(of_offer(notification.Expired)), Limits()),
    "offer declined or expired, the last attempt": (_hears(of_offer(notification.Declined), place=True), _ONE),
    "a place becomes free": (_hears(_RECALL, place=True), Limits()),
    "the wait is over": (lambda world: world.elapse(days=60), Limits()),
    "withdrawn": (_hears(withdrawn()), Limits()),
    "delivered": (_hears(of_offer(notification.Delivered)), Limits()),
    "not delivered": (_hears(of_offer(notification.NotDelivered)), Limits()),
}


def needs() -> Iterator[list[str]]:
    """Event by event, what becomes of a need in each of its states."""
    yield ["a need that is", *_BEFORE]
    for what, (act, limits) in _TO_NEEDS.items():
        yield [what, *(_leads(before, act, limits) for before in _BEFORE.values())]


def _leads(before: Callable[[MatchingWorld], None], act: Callable[[MatchingWorld], None], limits: Limits) -> str:
    world = MatchingWorld(limits)
    before(world)
    count, stood = len(world.facts(NEED)) if world.streams else 0, _stands(world)
    act(world)
    assert not world.dead
    moved = world.streams and len(world.facts(NEED)) > count
    stands = _stands(world)
    return stands if moved and (stands != stood or _matched_anew(world, count)) else NOTHING


def _matched_anew(world: MatchingWorld, count: int) -> bool:
    return any(isinstance(fact, matching.Matched) for fact in world.facts(NEED)[count:])


def _stands(world: MatchingWorld) -> str:
    if not world.streams:
        return "new"
    state = world.state(NEED)
    if state.phase is not Phase.ENDED:
        return f"matched ({state.attempt})" if state.phase is Phase.MATCHED else state.phase.value
    ends = [fact for fact in world.facts(NEED) if isinstance(fact, matching.NeedEnded | matching.Unmet)]
    return ends[-1].end if isinstance(ends[-1], matching.NeedEnded) else "unmet"


# states as they are told ----------------------------------------------------------------------------------------------


def told() -> Iterator[list[str]]:
    """State by state: its FHIR status, and what comes next."""
    yield ["state", "FHIR Task", "next"]
    for state in Lifecycle:
        step, _ = next_step(Noted(**OF_NEED, what=state.value, state=state, at=START))
        yield [f"**{state.value}**" if state.ended else state.value, state.fhir, step.value]


def markdown() -> str:
    """The three tables."""
    return "\n".join(f"{_table(list(rows))}" for rows in (offers(), needs(), told()))


def _table(rows: Sequence[Sequence[str]]) -> str:
    head, *body = rows
    lines = [head, ["---"] * len(head), *body]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def written(text: str) -> str:
    """README with the tables of now. Raises `ValueError` where it has no place for them."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"README.md has no place for it: {BEGIN.strip()} … {END}")
    return f"{before}{BEGIN}{markdown()}{END}{after}"


if __name__ == "__main__":
    logs.configure("table", "critical")
    try:
        README.write_text(written(README.read_text()))
    except ValueError as error:
        sys.exit(str(error))
