"""How good the matches are: matching's policy and its rivals, in percent of what hindsight would reach."""

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
"""The last is the bench's own and knows the simulated fit itself: the upper end of what prices can reach."""


@dataclass(frozen=True, slots=True)
class Quality:
    """The figures of needs that arrived in the window, as shares in [0, 1].

    `percent` is the value in percent of hindsight's. `above` is set for hindsight only: by how much, relatively, the
    true optimum of the whole scenario may be higher. `waited` is the mean wait in hours until a service accepted, of
    majority and minority; unknown for hindsight, which serves by shares.
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
        """Served majority minus served minority (scarce language, disability); above 0, the minority fares worse."""
        return self.majority - self.minority


def quality(
    needs: Sequence[Arrival],
    served: Callable[[Arrival], float],
    value: float,
    best: float,
    starts: Mapping[int, float] | None = None,
) -> Quality:
    """`served` is the share of a need that was served; `starts` are the hours at which services accepted."""

    def share(of: Iterable[Arrival]) -> float:
        shares = [served(each) for each in of]
        return statistics.fmean(shares) if shares else 1.0

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
    """The quality of all players of a scenario, and of hindsight, by name."""
    world = draw(scenario, seed)
    needs = world.counted
    best = hindsight(world)
    most = best.value(needs)
    by_hindsight = quality(needs, lambda each: best.served.get(each.number, 0.0), most, most)
    by_name = {HINDSIGHT: replace(by_hindsight, above=best.above)}
    for name, make in (USED_UP if scenario.quota else RETURNING).items():
        played = play(world, make(world))
        starts = {number: hour for number, (_, hour) in played.served.items()}
        by_name[name] = quality(needs, lambda each, of=starts: float(each.number in of), played.value(), most, starts)
    return by_name


def measure(console: Console, seeds: int = len(SEEDS), scenarios: Sequence[Scenario] = SCENARIOS) -> dict[str, float]:
    """Play the base scenario on so many seeds and the others on fewer, show a table of each, and return the figures.

    Runs on all cores, since no time is measured here.
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
