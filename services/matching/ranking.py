"""Which of the services that can take a need is the best for it. All terms lie in [0, 1]; more is better."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from contracts.intake import Accepted
from contracts.matching import Reason
from contracts.provider import Service
from contracts.words import Fluency, Rule, Urgency

from . import assessment, cells
from .cells import Spot
from .entry import Entry

WEIGHTS_VERSION = "2"
"""Recorded with each decision. Other weights get another version; those before stay, so that what was decided by them
can be explained and made again."""
WEIGHTS_OF = {
    "1": {"distance": 0.45, "free-share": 0.30, "preference": 0.25},
    "2": {"distance": 0.45, "language": 0.25, "preference": 0.20, "free-share": 0.10},
}
WEIGHTS = WEIGHTS_OF[WEIGHTS_VERSION]
_DISTANCE, _LANGUAGE, _PREFERENCE, _FREE_SHARE = WEIGHTS.values()
_FIT = _DISTANCE + _LANGUAGE + _PREFERENCE
URGENCY_WEIGHTS: Mapping[Urgency, float] = {Urgency.EMERGENCY: 8.0, Urgency.URGENT: 4.0, Urgency.NORMAL: 1.5}
"""What a need is worth that is served as well as can be: prices are in these, so who is more urgent pays less."""
HALF_KM = 25.0
"""The distance at which its term has fallen to a half."""
ALIKE = 0.02
"""Scores that lie so close are alike, and who accepts more of its offers goes first: who accepts all is placed as if
its score were so much higher, who accepts half as if half of that. In steps it would make much of nothing: it is a
guess from few answers, and two guesses are hardly ever the same."""
LEAST_ACCEPTANCE = 0.2
"""Who is expected to accept less than this share is asked after all others."""
EXPLORED = 20
"""In one of so many choices it is not: else what was learned of it could never be unlearned."""
BASIC = 0.75
"""The language term where the first language of the person is spoken, but only at a basic level."""
UNKNOWN = 0.5
"""The distance term where nothing is known, or nobody has to travel: neither near nor far. Also the language term
where the person's first language is not known to be spoken."""


class Learned(NamedTuple):
    """What answers have taught: the share of its offers that each service, by id, accepts; and who has not answered."""

    acceptance: Mapping[str, float]
    otherwise: float = 1.0
    least: float = LEAST_ACCEPTANCE

    def of(self, service: str) -> float:
        """What is expected of a service."""
        return self.acceptance.get(service, self.otherwise)

    def exploring(self, match: str) -> "Learned":
        """As it counts in the choice of this match (an id in hexadecimal digits, or none)."""
        return self._replace(least=0.0) if match and int(match[:8], 16) % EXPLORED == 0 else self


Standing = tuple[bool, bool, float, str]
"""By which the best is sorted first, see `standing`."""


class Ranked(NamedTuple):
    """A service, how many of its places are free, and why it stands where it stands.

    `terms` are in the order of `WEIGHTS`. `unknown` are its rules of which nobody can tell whether the need meets them.
    `acceptance` is the share of its offers that it is expected to accept; `seldom`: less than can be relied on.
    """

    entry: Entry
    free: int
    score: float
    terms: tuple[float, ...]
    unknown: list[Rule]
    charged: float = 0.0
    acceptance: float = 1.0
    seldom: bool = False

    @property
    def reasons(self) -> list[Reason]:
        """For those that are told of it: of many that are ranked, only the first. Not how far a hidden address is."""
        price = [("price", -self.charged)] if self.charged else []
        hidden = {"distance"} if self.entry.service.address_confidential else set()
        terms = (each for each in zip(WEIGHTS, self.terms, strict=True) if each[0] not in hidden)
        named = (*terms, *price, ("score", self.score))
        return [Reason(term=term, value=round(value, 4)) for term, value in named]


def fit(need: Accepted, entry: Entry) -> float:
    """How well a service suits a need, in [0, 1], however much is free: what counts among those who wait for it."""
    near, spoken = _near(_spot(need), entry.service), _spoken(need.person.languages[:1], entry.service)
    liked = float(entry.provider in need.preferences.providers)
    return (_DISTANCE * near + _LANGUAGE * spoken + _PREFERENCE * liked) / _FIT


def charge(need: Accepted, price: float) -> float:
    """A price (for a need of weight 1) as it is taken from the fit of this need."""
    return price / URGENCY_WEIGHTS[need.urgency]


def rank(
    need: Accepted,
    offers: Iterable[tuple[Entry, int]],
    unknown: Mapping[str, list[Rule]] | None = None,
    prices: Mapping[str, float] | None = None,
    learned: Learned | None = None,
) -> list[Ranked]:
    """Best first. `offers` are services with their free places. Of equals, the lower service id is first.

    From each score the price of a place there is taken, if there is one (`prices`, by service id).

    Who has to be assessed before anyone can tell whether they may come is offered where that is clear, if anywhere.
    `unknown` says so by entry, where it was found out for all at once.
    """
    spot, first, preferred = _spot(need), need.person.languages[:1], need.preferences.providers
    charged, ranked = 0.0, []
    for entry, free in offers:
        service = entry.service
        near, spoken = _near(spot, service), _spoken(first, service)
        liked = float(entry.provider in preferred)
        share = min(1.0, free / (service.capacity or 1))
        if prices:
            charged = charge(need, prices.get(entry.id, 0.0))
        score = _score(near, spoken, liked, share) - charged
        doubts = assessment.unknown(need, service) if unknown is None else unknown.get(entry.id, [])
        each = Ranked(entry, free, score, (near, spoken, liked, share), doubts, charged)
        if learned is not None:
            expected = learned.of(entry.id)
            each = each._replace(acceptance=expected, seldom=expected < learned.least)
        ranked.append(each)
    ranked.sort(key=standing)
    return ranked


def having(each: Ranked, free: int) -> Ranked:
    """The same service with so many free places, as `rank` would have it."""
    near, spoken, liked, _ = each.terms
    share = min(1.0, free / (each.entry.service.capacity or 1))
    score = _score(near, spoken, liked, share) - each.charged
    return each._replace(free=free, score=score, terms=(near, spoken, liked, share))


def _score(near: float, spoken: float, liked: float, share: float) -> float:
    return _DISTANCE * near + _LANGUAGE * spoken + _PREFERENCE * liked + _FREE_SHARE * share


_DOCUMENTS = [Rule.DOCUMENTS]


def doubtful(each: Ranked) -> bool:
    """Whether somebody has to look closer before anyone can tell. Not for documents: nobody has told of theirs, and to
    say what is required must not be worse than to ask for it later."""
    return bool(each.unknown) and each.unknown != _DOCUMENTS


def standing(each: Ranked) -> Standing:
    """Sorts the best first. Who accepts more goes first only among those that are alike: it is not worth a detour."""
    return each.seldom, doubtful(each), -(each.score + ALIKE * each.acceptance), each.entry.id


def of_different_providers(ranked: Iterable[Ranked], most: int) -> list[Ranked]:
    """The best service of each of the best providers, in their order."""
    best: dict[str, Ranked] = {}
    for each in ranked:
        best.setdefault(each.entry.provider, each)
    return list(best.values())[:most]


def _spot(need: Accepted) -> Spot | None:
    return cells.spot(need.region.cell) if need.region.cell is not None else None


def _spoken(first: list[str], service: Service) -> float:
    """Whether the person's first language is spoken there; another, or who knows which, counts a half."""
    if not first or first[0] not in service.languages:
        return UNKNOWN
    return BASIC if service.language_levels and service.language_levels.get(first[0]) is Fluency.BASIC else 1.0


def _near(spot: Spot | None, service: Service) -> float:
    if spot is None or service.latitude is None or service.longitude is None:
        return UNKNOWN
    return HALF_KM / (HALF_KM + cells.distance_km(spot.centre, (service.latitude, service.longitude)))
