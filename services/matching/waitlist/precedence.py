"""The order in which waiting needs are served: which of them gets the next free place of a service.

This file can be read alone. Of the needs that a service can take, a place that is free there goes to the first by, in
this order:

1. **Class**: ``int(2 * urgency + 1.5 * wait / patience)``, where urgency is 2, 1 or 0. So urgency counts most, and a
   need rises by one class, and no more, when two thirds of its patience are over: ageing is bounded, and an hour of an
   emergency is never traded against many hours of a normal need. Classes are half an urgency apart, so a need that has
   aged goes before all needs of the same urgency that have not, and behind those that are more urgent. (The design has
   four urgencies, each worth double, and a need that ages by one class meets those worth double. We have three, and
   urgent is worth 2.7 times normal: rising by a whole urgency costs about 0.7 points of what hindsight reaches, and 2
   points where demand is highest.)
2. **Vulnerability**: how many known circumstances make waiting worse (`vulnerability`), up to `MOST_VULNERABLE`.
3. **Age band**: whether half of the patience is over. It is coarse, so that the next point counts within it.
4. **Net value** at *that* service (fit minus the place's price, in [0, 1]) plus ``0.5 / services open to the need``: of
   two needs that it suits equally, the place goes to the one with hardly any other option.
5. **Arrival**: who asked first; then the need's id, so that the order is total and every matcher computes the same one.

When its patience is over, a need is in the `TOP` class. There only arrival counts, neither fit nor price: only needs of
the top class that asked earlier go before it, which is a bound. So no need starves: none waits past its patience while
a less urgent, later one takes a place that it could have had.

Why this order? Where places return, most of the gain comes from how a returned place is handed out, not from which
place a new need gets. In the simulation that ``design/matching.md`` reports (synthetic demand, load 1.15), percent of
what hindsight would reach, critical needs unmet, and share served of the needs that are hard to place: first come,
first served 72, 37 %, 88 %; by class, vulnerability and age 80, 13 %, 89 %; by class and net value 82, 13 %, 87 %; this
order 81, 10 %, 88 %. No order comes much closer to hindsight: the rest is the cost of not seeing ahead (Xie, Gurvich
and Küçükyavuz 2025; Gong et al. 2022 for taking what comes). A class that rises with the wait is the delay-dependent
priority of Kleinrock (1964), bounded. Net value is that of bid prices (Ahani et al. 2024); the bonus for few options
does for groups what Freund et al. (2023) do by group, without knowing the group.

No protected attribute is part of the order: not status, sex or nationality, and language only as far as a service that
does not speak it was never open to the need. What a person reports as a `Flag`, and being a child or old, counts as
vulnerability, since that is what it is for.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from contracts.household_rules import counts_as_child
from contracts.intake import NeedRegistered
from contracts.profiles import MinimalProfile
from contracts.words import AgeBand, Urgency

TOP = 6
"""Above every class that a need can reach before: an emergency that has aged is 5."""
MOST_VULNERABLE = 3
"""More signs than these make no difference; otherwise ticking every box would be rewarded."""
FEW_OPTIONS = 0.5
"""The bonus of a need with one service open to it; half of it with two, and so on. (The design has 0.3. Over eighteen
seeds of the simulation, the gap in served rates is 0.1 points smaller with 0.5, at no cost to others.)"""

Precedence = tuple[int, int, int, float, datetime, str]
"""Sorts the need to be served first to the front: class, vulnerability, age band, worth (all negated), arrival, id."""


def precedence(
    need: NeedRegistered, waited: timedelta, patience: timedelta, net: float, options: int | None = None
) -> Precedence:
    """The rank of a need that has `waited` so long, at a service with this `net` value for it.

    `options` is the number of services open to it; None: never counted.
    """
    if out_of_patience(waited, patience):
        return (-TOP, 0, 0, 0.0, need.requested_at, need.need_id)
    return (
        -class_of(need.urgency, waited, patience),
        -vulnerability(need.people),
        -age_band(waited, patience),
        -worth(net, options),
        need.requested_at,
        need.need_id,
    )


def out_of_patience(waited: timedelta, patience: timedelta) -> bool:
    """Whether a need has waited as long as it should at most."""
    return waited >= patience


def class_of(urgency: Urgency, waited: timedelta, patience: timedelta) -> int:
    """``int(2 * urgency + 1.5 * wait / patience)``; `TOP` once the patience is over."""
    if out_of_patience(waited, patience):
        return TOP
    return 2 * urgency.rank + max(0, 3 * waited // (2 * patience))


def age_band(waited: timedelta, patience: timedelta) -> int:
    """How many halves of its patience are over."""
    return max(0, 2 * waited // patience)


def vulnerability(people: Iterable[MinimalProfile]) -> int:
    """The number of different signs among the people of a need, each counted once, up to `MOST_VULNERABLE`.

    Signs are the flags, a child among them (by age or by flag), and a person of 60 or more.
    """
    signs: set[str] = set()
    for person in people:
        signs.update(person.flags)
        if counts_as_child(person.age_band, person.flags):
            signs.add("child")
        if person.age_band is AgeBand.OLDER:
            signs.add("older")
    return min(len(signs), MOST_VULNERABLE)


def worth(net: float, options: int | None) -> float:
    """The net value plus the bonus for few options (none where they were never counted), rounded to four digits."""
    return round(net + (FEW_OPTIONS / max(1, options) if options is not None else 0.0), 4)
