"""The scenarios of matching.md section 3. Frozen, since figures are compared across changes.

Weights, patience, stays and demand are assumptions: the order of the policies is firmer than the percentages.
"""

from dataclasses import dataclass, replace

from contracts.words import Category, Urgency

SEEDS = range(41, 51)
"""Ten seeds that were not used while the policy and its weights were chosen. To try something out, take others."""

WEIGHTS = {Urgency.EMERGENCY: 8.0, Urgency.URGENT: 4.0, Urgency.NORMAL: 1.5}
"""The value of serving a need at once and perfectly. Normal is between the design's 1 and 2."""
SHARES = {Urgency.EMERGENCY: 0.08, Urgency.URGENT: 0.22, Urgency.NORMAL: 0.70}
PATIENCE = {Urgency.EMERGENCY: 12.0, Urgency.URGENT: 24.0, Urgency.NORMAL: 120.0}
"""Hours after which a person whom no service has accepted is gone. By then a need is worth half of what it was."""
SIZES = (1, 2, 3, 4, 5)
"""Relative sizes of a category's services, in equal numbers; scaled so that its places add up to those in `KINDS`."""
WEEK, TIDE = 168.0, 0.5
"""Demand rises and falls once a week, by this share of its mean."""
EASE = 0.77
"""A factor on a scenario's load, which is named as in matching.md.

The simulation of matching.md is lost, and not all of its assumptions are written down. What it leaves open was set so
that hindsight and the *rivals* come near to its table at load 1.15, on seeds 31 to 36: `EASE`, `SHARES`, `PATIENCE`
(except the shortest), `SIZES`, `TIDE`, how `KINDS` share their places, and the number of towns in `world`. Our own
policy was not used for this, with one exception: playing it showed that seeds differed too much (greedy by 10 points,
the design's policy by 5), and so the number of towns became 12 and the sizes even. There and here (seeds 31 to 35), %:

    first come: greedy   72.3  72.3 of hindsight    36.6  39.1 critical unmet    10.5   9.5 unmet    12.3  11.2 minority
                nearest  69.6  71.3                 35.9  38.6                   10.5   9.3          12.4  11.1
    by class:   and age  80.2  79.5                 12.8  12.8                    8.8   7.1          11.3   9.7
                and fit  82.0  81.5                 12.9  12.2                    9.7   8.3          13.4  12.2
    hindsight           100.0 100.0                  0.6   0.4                    6.3   3.2           8.9   4.4

Differences that remain: nearest is better here, and hindsight serves more. The longest patience is 5 days (of three
urgencies), there 10 (of four)."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A category: the number of services, all their places, and the mean stay in days."""

    category: Category
    services: int
    places: int
    stay: float


KINDS = (
    Kind(Category.HEALTH, 12, 28, 0.5),
    Kind(Category.LEGAL, 16, 42, 1.5),
    Kind(Category.MENTAL_HEALTH, 22, 70, 3.0),
    Kind(Category.SHELTER, 28, 110, 6.0),
    Kind(Category.PROTECTION, 32, 180, 12.0),
)
"""110 services with 430 places; at load 1.15 some 4,700 needs in 40 days, the more of them the shorter they stay."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """`load` is demand over places: stays, and the hours that offers hold a place until they are answered.

    Needs that arrive in `window` (days) are counted.

    `drift`: the shares of people who speak scarce languages, at the start and the end. `surge`: from day, to day, how
    many times the demand; the additional needs are in one town. `declines`: services decline a part of their offers,
    always for the same needs. `answer`: mean hours until a service answers. `quota`: places are used up, and a need
    that cannot be placed at once is gone.
    """

    name: str
    load: float
    days: int = 40
    window: tuple[float, float] = (10, 38)
    drift: tuple[float, float] = (0.15, 0.40)
    surge: tuple[float, float, float] | None = None
    declines: bool = True
    answer: float = 1.5
    quota: bool = False
    kinds: tuple[Kind, ...] = KINDS


BASE = Scenario("returning, load 1.15", 1.15)
SLACK = replace(BASE, name="returning, load 0.7", load=0.7)
TIGHT = replace(BASE, name="returning, load 1.6", load=1.6)
SURGE = replace(BASE, name="flash surge", surge=(18, 21, 3.0))
QUOTA = Scenario("annual quota", 1.15, days=365, window=(0, 365), declines=False, answer=0.0, quota=True)
QUICK = replace(BASE, name="quick", days=8, window=(2, 7), kinds=KINDS[1:3])
"""For tests: two categories, eight days."""
SCENARIOS = (BASE, SLACK, TIGHT, SURGE, QUOTA)
