"""Estimates how long places are taken. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from .observations import Stay

STRENGTH = 4.0
"""So many stays of its own count as much as what the services of the category have in common."""


def mean_stays(stays: Iterable[Stay], now: datetime) -> Mapping[str, timedelta]:
    """The mean time for which a place of each service is taken: the total time taken, by the number of places returned.

    So stays that last count too, with their time so far; only counting those that have ended would favour short stays.
    A service with few stays of its own is estimated to be like others of its category. Left out are services of
    categories where no place has returned yet. Stays that began after `now`, and ends after it, are not known yet.
    """
    taken: dict[str, timedelta] = defaultdict(timedelta)
    returned: dict[str, int] = defaultdict(int)
    category_of: dict[str, str] = {}
    for stay in stays:
        if stay.since >= now:
            continue
        category_of[stay.service] = stay.category
        until = stay.until if stay.until is not None and stay.until <= now else None
        for key in (stay.service, stay.category):
            taken[key] += max((until or now) - stay.since, timedelta(0))  # the clock that dated the end may be behind
            returned[key] += until is not None
    common = {
        category: taken[category] / returned[category] for category in set(category_of.values()) if returned[category]
    }
    return {
        service: (taken[service] + STRENGTH * common[category]) / (returned[service] + STRENGTH)
        for service, category in category_of.items()
        if category in common
    }
