"""Leaving out full services at once gives the same choice as looking at each service by itself."""

from typing import Any

from hypothesis import event, given, settings
from hypothesis import strategies as st

from contracts.words import Rule
from services.chassis.decider import Claim, Put
from services.matching.capacity import places
from services.matching.capacity.places import Places, document, match_id, row_id
from services.matching.directory import entry_flags
from services.matching.directory.directory import Directory
from services.matching.directory.entry_flags import EntryFlags
from services.matching.domain.choice import choose
from services.matching.domain.context import MatchingContext, Moment
from services.matching.model.entry import DirectoryEntry
from services.matching.model.limits import Limits
from services.matching.waitlist.queue import Waiter
from tests.support.builders import accepted, service
from tests.support.clock import START

LIMITS = Limits()
SERVICES = ["p1/a", "p2/b", "p3/c"]
NEEDS = ["n1", "n2"]
MATCH = match_id("n1", 1)
ids = st.sampled_from(SERVICES)
capacities = st.integers(0, 3)
holders = st.sampled_from([("n1", MATCH), ("n1", match_id("n1", 2)), ("n2", "m2"), ("n3", "m3")])
rows = st.dictionaries(st.tuples(ids, st.integers(0, 3)), holders, max_size=8)
steps = st.one_of(
    st.tuples(st.just("publish"), ids, capacities),
    st.tuples(st.just("take"), ids, st.integers(0, 3)),
    st.tuples(st.just("says no"), ids, st.none()),
    st.tuples(st.just("give back"), ids, st.integers(0, 3)),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(capacities, min_size=3, max_size=3), rows, st.integers(1, 2), st.lists(steps, max_size=6))
def test_full_bitmaps_agree_with_each_single_service(
    first: list[int], held: dict[tuple[str, int], tuple[str, str]], wanted: int, happens: list[tuple[str, str, Any]]
) -> None:
    directory = Directory()
    offset = 0
    for id_, capacity in zip(SERVICES, first, strict=True):
        _publish(directory, id_, capacity, offset)
    docs = {row_id(id_, slot): document(need, match, id_, "r") for (id_, slot), (need, match) in held.items()}
    context = MatchingContext(directory, Places(docs), (), EntryFlags())
    _agrees(context, wanted)
    for what, id_, number in happens:
        entry = directory.get(id_)
        assert entry is not None
        match what:
            case "publish":
                offset += 1
                _publish(directory, id_, number, offset)
            case "take":
                context.consume([Claim(places.TABLE, row_id(id_, number), document("n4", "m4", id_, "r"))])
            case "give back":
                context.places.release(row_id(id_, number))
            case "says no":
                context.consume([Put(entry_flags.FULL, entry.version, {})])
        _agrees(context, wanted)


def _publish(directory: Directory, id_: str, capacity: int, offset: int) -> None:
    provider, _, key = id_.partition("/")
    directory.put(provider, key, offset, service(capacity=capacity))


def _agrees(context: MatchingContext, wanted: int) -> None:
    companions = list(accepted().people)[:1] * (wanted - 1)
    waiter = Waiter(accepted(need_id="n1", places=wanted, companions=companions), (), START, 0)
    choice = choose(waiter, MATCH, Moment(START, context, LIMITS))
    eligible = context.directory.find(waiter.case(START, LIMITS.retry_after)).entries
    reported_full = [each for each in eligible if context.entry_flags.full(each)]

    def free(entry: DirectoryEntry) -> int:
        return 0 if entry in reported_full else context.places.free(entry, "n1", MATCH)

    assert {each.entry.id: each.free for each in choice.ranked} == {
        each.id: free(each) for each in eligible if free(each) >= wanted
    }
    assert {each.entry.id: each.free for each in choice.closed} == {
        each.id: free(each) for each in eligible if free(each) < wanted
    }
    counts = {step.rule: step.left for step in choice.funnel}
    assert counts.get(Rule.FULL, 0) == len(eligible) - len(reported_full)
    assert counts.get(Rule.PLACE, 0) == len(choice.ranked)
    event(f"{len(choice.ranked)} with a place, {len(reported_full)} reported that they are full")
