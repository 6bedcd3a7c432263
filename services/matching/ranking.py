"""Which of the services that can take a need is the best for it. All terms lie in [0, 1]; more is better."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from contracts.intake import Accepted
from contracts.matching import Reason
from contracts.provider import Service
from contracts.words import Rule

from . import assessment, cells
from .cells import Spot
from .entry import Entry

WEIGHTS_VERSION = "1"
"""Recorded with each decision. Other weights get another version; those before stay, so that what was decided by them
can be explained and made again."""
WEIGHTS_OF = {"1": {"distance": 0.45, "free-share": 0.30, "preference": 0.25}}
WEIGHTS = WEIGHTS_OF[WEIGHTS_VERSION]
_DISTANCE, _FREE_SHARE, _PREFERENCE = WEIGHTS.values()
HALF_KM = 25.0
"""The distance at which its term has fallen to a half."""
UNKNOWN = 0.5
"""The distance term where nothing is known, or nobody has to travel: neither near nor far."""


class Ranked(NamedTuple):
    """A service, how many of its places are free, and why it stands where it stands.

    `terms` are in the order of `WEIGHTS`. `unknown` are its rules of which nobody can tell whether the need meets them.
    """

    entry: Entry
    free: int
    score: float
    terms: tuple[float, ...]
    unknown: list[Rule]

    @property
    def reasons(self) -> list[Reason]:
        """For those that are told of it: of many that are ranked, only the first."""
        named = (*zip(WEIGHTS, self.terms, strict=True), ("score", self.score))
        return [Reason(term=term, value=round(value, 4)) for term, value in named]


def fit(need: Accepted, entry: Entry) -> float:
    """How well a service suits a need, in [0, 1], however much is free: what counts among those who wait for it."""
    near, liked = _near(_spot(need), entry.service), float(entry.provider in need.preferences.providers)
    return (_DISTANCE * near + _PREFERENCE * liked) / (_DISTANCE + _PREFERENCE)


def rank(
    need: Accepted, offers: Iterable[tuple[Entry, int]], unknown: Mapping[str, list[Rule]] | None = None
) -> list[Ranked]:
    """Best first. `offers` are services with their free places. Of equals, the lower service id is first.

    Who has to be assessed before anyone can tell whether they may come is offered where that is clear, if anywhere.
    `unknown` says so by entry, where it was found out for all at once.
    """
    spot, preferred = _spot(need), need.preferences.providers
    ranked = []
    for entry, free in offers:
        service = entry.service
        near = _near(spot, service)
        share = min(1.0, free / (service.capacity or 1))
        liked = float(entry.provider in preferred)
        score = _DISTANCE * near + _FREE_SHARE * share + _PREFERENCE * liked
        doubts = assessment.unknown(need, service) if unknown is None else unknown.get(entry.id, [])
        ranked.append(Ranked(entry, free, score, (near, share, liked), doubts))
    ranked.sort(key=standing)
    return ranked


def standing(each: Ranked) -> tuple[bool, float, str]:
    """Sorts the best first."""
    return bool(each.unknown), -each.score, each.entry.id


def of_different_providers(ranked: Iterable[Ranked], most: int) -> list[Ranked]:
    """The best service of each of the best providers, in their order."""
    best: dict[str, Ranked] = {}
    for each in ranked:
        best.setdefault(each.entry.provider, each)
    return list(best.values())[:most]


def _spot(need: Accepted) -> Spot | None:
    return cells.spot(need.region.cell) if need.region.cell is not None else None


def _near(spot: Spot | None, service: Service) -> float:
    if spot is None or service.latitude is None or service.longitude is None:
        return UNKNOWN
    return HALF_KM / (HALF_KM + cells.distance_km(spot.centre, (service.latitude, service.longitude)))
