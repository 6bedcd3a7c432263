"""How good the matches are: matching's own policy and its rivals, each in percent of what hindsight could have done."""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from rich.console import Console
from rich.table import Table

from contracts.words import Urgency
from tests.support.processes import pool

from .clairvoyant import hindsight
from .ours import ONE_BY_ONE, Ours
from .play import Matcher, play
from .rivals import Priced, Rival, class_then_fit, nearest
from .scenarios import BASE, QUOTA, SCENARIOS, SEEDS, Scenario
from .world import Arrival, World, draw

OURS, GREEDY, HINDSIGHT = "our policy", "greedy, first come", "hindsight"
RETURNING: dict[str, Callable[[World], Matcher]] = {
    OURS: Ours,
    "our policy, one offer at a time": lambda world: Ours(world, ONE_BY_ONE),
    GREEDY: Rival,
    "nearest, first come": lambda world: Rival(world, nearest(world)),
    "greedy, by class and fit": lambda world: Rival(world, order=class_then_fit),
}
USED_UP: dict[str, Callable[[World], Matcher]] = {
    OURS: Ours,
    GREEDY: Rival,
    "nearest, first come": lambda world: Rival(world, nearest(world)),
    "greedy less price": Priced,
}
"""Of the last the chooser is the bench's own, and knows the fit itself: prices are no better than that."""


@dataclass(frozen=True, slots=True)
class Quality:
    """Of needs that arrived in the window. Shares in [0, 1], `gap` = served of the majority less of the minority.

    `percent` is the value in percent of the hindsight's; `above`, of hindsight alone, how much higher (relative) the
    true optimum of the whole scenario may be, at most. `waited`: mean hours until those served were taken on, of
    majority and minority; not known of hindsight, which serves by shares.
    """

    percent: float
    unmet: float
    critical_unmet: float
    majority: float
    minority: float
    waited: tuple[float, float] | None = None
    above: float = 0.0

    @property
    def gap(self) -> float:
        """Above 0: the minority (a scarce language, or a disability) is served less often."""
        return self.majority - self.minority


def quality(
    needs: Sequence[Arrival],
    served: Callable[[Arrival], float],
    value: float,
    best: float,
    starts: Mapping[int, float] | None = None,
) -> Quality:
    """`served` tells of a need which share of it was; `starts` are the hours at which those served were taken on."""

    def share(of: Iterable[Arrival]) -> float:
        found = [served(each) for each in of]
        return statistics.fmean(found) if found else 1.0

    return Quality(
        percent=100 * value / best,
        unmet=1 - share(needs),
        critical_unmet=1 - share(each for each in needs if each.need.urgency is Urgency.EMERGENCY),
        majority=share(each for each in needs if not each.minority),
        minority=share(each for each in needs if each.minority),
        waited=None if starts is None else (_mean_wait(needs, starts, False), _mean_wait(needs, starts, True)),
    )


def _mean_wait(needs: Sequence[Arrival], starts: Mapping[int, float], minority: bool) -> float:
    group = (each for each in needs if each.minority is minority and each.number in starts)
    return statistics.fmean([starts[each.number] - each.at for each in group] or [0.0])


def compare(scenario: Scenario, seed: int) -> dict[str, Quality]:
    """All who play one scenario, and hindsight."""
    world = draw(scenario, seed)
    needs = world.counted
    best = hindsight(world)
    most = best.value(needs)
    by_hindsight = quality(needs, lambda each: best.served.get(each.number, 0.0), most, most)
    found = {HINDSIGHT: replace(by_hindsight, above=best.above)}
    for name, make in (USED_UP if scenario.quota else RETURNING).items():
        played = play(world, make(world))
        starts = {number: hour for number, (_, hour) in played.served.items()}
        found[name] = quality(needs, lambda each, of=starts: float(each.number in of), played.value(), most, starts)
    return found


def measure(console: Console, seeds: int = len(SEEDS), scenarios: Sequence[Scenario] = SCENARIOS) -> dict[str, float]:
    """Play the base on so many seeds and the other scenarios on fewer, show a table of each, and return the figures.

    On all cores: what is measured here is no time.
    """
    figures: dict[str, float] = {}
    with pool("bench") as processes:
        for scenario in scenarios:
            some = SEEDS[:seeds] if scenario is BASE else SEEDS[: min(seeds, 3)]
            runs = list(processes.map(partial(compare, scenario), some))
            title = f"{scenario.name}, {len(some)} seeds, means in %; majority and minority: served, and hours waited"
            console.print(_table(title, runs))
            above = max(0.0, *(run[HINDSIGHT].above for run in runs))
            console.print(f"the best there is lies at most {100 * above:.1f} % above this hindsight\n")
            figures |= _figures(scenario, runs)
    return figures


def _figures(scenario: Scenario, runs: list[dict[str, Quality]]) -> dict[str, float]:
    ours, greedy = ([run[name] for run in runs] for name in (OURS, GREEDY))
    percent = [each.percent for each in ours]
    if scenario is BASE:
        gaps = [run[OURS].gap - run[HINDSIGHT].gap for run in runs]
        return {
            "match.returning_pct_mean": statistics.fmean(percent),
            "match.returning_pct_min": min(percent),
            "match.returning_pct_greedy": statistics.fmean(each.percent for each in greedy),
            "match.critical_unmet_pct": 100 * statistics.fmean(each.critical_unmet for each in ours),
            "match.critical_unmet_pct_greedy": 100 * statistics.fmean(each.critical_unmet for each in greedy),
            "match.group_gap_points": 100 * statistics.fmean(gaps),
        }
    if scenario is QUOTA:
        return {
            "match.quota_pct": statistics.fmean(percent),
            "match.quota_pct_greedy": statistics.fmean(each.percent for each in greedy),
            "match.quota_pct_priced": statistics.fmean(run["greedy less price"].percent for run in runs),
        }
    return {}


def _table(title: str, runs: list[dict[str, Quality]]) -> Table:
    table = Table(title=title, title_justify="left")
    columns = ("policy", "of hindsight", "least", "critical unmet", "unmet", "majority", "minority", "gap", "waited h")
    for column in columns:
        table.add_column(column, justify="left" if column == "policy" else "right")
    for name in runs[0]:
        each = [run[name] for run in runs]
        shares = ("critical_unmet", "unmet", "majority", "minority", "gap")
        means = [statistics.fmean(getattr(one, share) for one in each) for share in shares]
        percent = [one.percent for one in each]
        table.add_row(
            name,
            f"{statistics.fmean(percent):.1f}",
            f"{min(percent):.1f}",
            *(f"{100 * mean:.1f}" for mean in means),
            _hours([one.waited for one in each if one.waited is not None]),
        )
    return table


def _hours(waited: Sequence[tuple[float, float]]) -> str:
    """Of the majority and of the minority."""
    return " / ".join(f"{statistics.fmean(group):.1f}" for group in zip(*waited, strict=True)) or "-"
