"""Microseconds to choose the services for a need, compared with the plain rules, which look at every service.

A round chooses once for each need; a first round is not counted. The time of a need is the median of its rounds; the
figures are the mean and the 99th percentile over the needs. It is the thread's own CPU time, so that other load on the
machine does not count.
"""

import gc
import statistics
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from sys import getsizeof
from time import thread_time_ns
from typing import Any

from contracts.provider import Service
from services.chassis.decider import IncomingEvent
from services.chassis.runtime.gc_tuning import tune_gc
from services.matching.capacity.places import Places
from services.matching.directory.directory import Directory, DirectoryEntry
from services.matching.domain.choice import choose
from services.matching.domain.context import MatchingContext, Moment
from services.matching.domain.policy import MatchingPolicy
from services.matching.domain.state import UnknownNeed
from services.matching.eligibility.rules import Case
from services.matching.model.limits import Limits
from services.matching.ranking import score
from services.matching.ranking.candidate import Candidate
from services.matching.waitlist.queue import Waiter
from tests.support.baseline_evaluator import funnel

from .country import CATEGORIES, NOW, Country

NEEDS, ROUNDS, NAIVE = 2_000, 7, 60
LIMITS = Limits()


def measure() -> dict[str, float]:
    """The figures, by their names in build/bench.json."""
    figures: dict[str, float] = {}
    for size, name in ((10_000, "10k"), (100_000, "100k")):
        country = Country(seed=size)
        directory, places = country.directory(size)
        waiters = [Waiter(country.need(number), (), NOW, 0) for number in range(NEEDS)]
        limited = [Waiter(country.need(number, max_distance_km=30), (), NOW, 0) for number in range(NEEDS)]
        context = MatchingContext(directory, places)
        gc.collect()
        tune_gc()
        figures[f"match.us_mean_{name}"], figures[f"match.us_p99_{name}"] = _ours(waiters, context)
        figures[f"match.us_mean_{name}_limited"], figures[f"match.us_p99_{name}_limited"] = _ours(limited, context)
        figures[f"match.us_find_{name}"], _ = _rounds(
            lambda waiter, directory=directory: directory.find(_case(waiter)), waiters
        )
        ranked = [len(choose(waiter, "m", Moment(NOW, context, LIMITS)).ranked) for waiter in waiters]
        figures[f"match.with_a_place_{name}"] = statistics.mean(ranked)
        figures[f"match.masks_bytes_per_service_{name}"] = _bytes(directory) / size
        if name == "10k":
            figures["match.naive_over_ours_10k"] = _naive(waiters[:NAIVE], directory, places, every=True)
            figures["match.naive_of_category_over_ours_10k"] = _naive(waiters[:NAIVE], directory, places, every=False)
            figures["match.us_decision_10k"], figures["match.us_decision_p99_10k"] = _decisions(waiters, context)
            figures["match.us_flip"] = _flips(directory)
        gc.unfreeze()
    figures["match.bytes_per_service"] = figures["match.masks_bytes_per_service_10k"]
    return figures


def _case(waiter: Waiter) -> Case:
    return waiter.case(NOW, LIMITS.retry_after)


def _rounds(measured: Callable[[Any], object], each: Sequence[Any], rounds: int = ROUNDS) -> tuple[float, float]:
    """Mean and 99th percentile, in microseconds."""
    took: list[list[float]] = [[] for _ in each]
    for number in range(rounds + 1):
        for one, times in zip(each, took, strict=True):
            start = thread_time_ns()
            measured(one)
            if number:
                times.append((thread_time_ns() - start) / 1_000)
    typical = sorted(map(statistics.median, took))
    return statistics.mean(typical), typical[int(len(typical) * 0.99)]


def _ours(waiters: Sequence[Waiter], context: MatchingContext) -> tuple[float, float]:
    """The whole choice, as the policy makes it."""
    return _rounds(lambda waiter: choose(waiter, "m", Moment(NOW, context, LIMITS)), waiters)


def _naive(waiters: Sequence[Waiter], directory: Directory, places: Places, *, every: bool) -> float:
    """How many times longer the plain rules take on every service, or on those of the need's category."""
    of = {category: directory.of(category) for category in CATEGORIES}
    all_ = [entry for entries in of.values() for entry in entries]

    def plain(waiter: Waiter) -> object:
        entries: Iterable[DirectoryEntry] = all_ if every else of[waiter.need.category]
        left, _ = funnel(_case(waiter), entries)
        counted = ((entry, places.free(entry, waiter.id, "")) for entry in left)
        with_place = ((entry, free) for entry, free in counted if free >= waiter.need.places)
        return score.rank(waiter.need, [Candidate.assess(waiter.need, entry, free) for entry, free in with_place])

    ours, _ = _ours(waiters, MatchingContext(directory, places))
    return _rounds(plain, waiters, rounds=3)[0] / ours


def _decisions(waiters: Sequence[Waiter], context: MatchingContext) -> tuple[float, float]:
    """A need arrives: the whole decision, up to the facts with their reasons. No need waits."""
    policy, state = MatchingPolicy(LIMITS), UnknownNeed()
    events = [IncomingEvent(waiter.need, f"e{waiter.id}", NOW, waiter.need.referral_id) for waiter in waiters]
    return _rounds(lambda event: policy.decide(state, event, NOW, context), events)


def _flips(directory: Directory) -> float:
    """A provider publishes that it is full, or that it is not (any more)."""
    entries = [entry for category in CATEGORIES for entry in directory.of(category)][:NEEDS]
    flips = [
        (entry.provider, entry.service.service, _with(entry.service, capacity))
        for capacity in (0, 5)
        for entry in entries
    ]
    offsets = count(len(directory))

    def flip(flipped: tuple[str, str, Service]) -> None:
        provider, key, service = flipped
        directory.put(provider, key, next(offsets), service, NOW)

    return _rounds(flip, flips)[0]


def _with(service: Service, capacity: int) -> Service:
    """A copy as it would be read: no part of it is the same object."""
    return Service.read(service.model_copy(update={"capacity": capacity}).model_dump_json())


def _bytes(directory: Directory) -> int:
    """The size of the index besides the entries: its bitmaps with their keys, and the numbers of the services."""
    size = 0
    for shard in directory._shards.values():
        size += sum(getsizeof(bitmap) + getsizeof(key) for key, bitmap in shard.bitmaps.items())
        size += sum(map(getsizeof, (shard.bitmaps, shard._bits, shard._entries)))
    return size
