"""Which of the services that can take a need is the best for it. All terms lie in [0, 1]; more is better."""

from collections.abc import Iterable, Mapping
from operator import itemgetter
from typing import NamedTuple

from contracts.intake import NeedRegistered
from contracts.matching import MatchReason
from contracts.words import Fluency, Rule, Urgency

from ..eligibility import assessment
from ..model import geo
from ..model.entry import DirectoryEntry
from ..model.geo import Point

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


Terms = tuple[float, float, float, float]
"""In the order of `WEIGHTS`."""
Standing = tuple[bool, bool, float, str]
"""Sorts the best first: who can not be relied on to accept after all others; then who has to be assessed before anyone
can tell; then by score and acceptance, negated; then by id. Who accepts more goes first only among those that are
alike: it is not worth a detour."""


class Ranked(NamedTuple):
    """A service, how many of its places are free, and why it stands where it stands. Sorts the best first.

    `unknown` are its rules of which nobody can tell whether the need meets them. `acceptance` is the share of its
    offers that it is expected to accept.
    """

    standing: Standing
    entry: DirectoryEntry
    free: int
    score: float
    terms: Terms
    unknown: list[Rule]
    charged: float
    acceptance: float

    @property
    def seldom(self) -> bool:
        """Whether it is expected to accept a smaller share than can be relied on."""
        return self.standing[0]

    @property
    def doubtful(self) -> bool:
        """Whether somebody has to look closer before anyone can tell."""
        return self.standing[1]

    @property
    def reasons(self) -> list[MatchReason]:
        """For those that are told of it: of many that are ranked, only the first. Not how far a hidden address is."""
        named = dict(zip(WEIGHTS, self.terms, strict=True))
        if self.entry.service.address_confidential:
            del named["distance"]
        if self.charged:
            named["price"] = -self.charged
        named["score"] = self.score
        return [MatchReason(term=term, value=round(value, 4)) for term, value in named.items()]


def fit(need: NeedRegistered, entry: DirectoryEntry) -> float:
    """How well a service suits a need, in [0, 1], however much is free: what counts among those who wait for it."""
    return fit_of_each(need, [entry])[entry.id]


def fit_of_each(need: NeedRegistered, entries: Iterable[DirectoryEntry]) -> dict[str, float]:
    """`fit` by service id."""
    here, languages, preferred = geo.centre_of(need.region.cell), need.person.languages, need.preferences.providers
    fits = {}
    for entry in entries:
        near, spoken, liked = _near(here, entry), _spoken(languages, entry), float(entry.provider in preferred)
        fits[entry.id] = (_DISTANCE * near + _LANGUAGE * spoken + _PREFERENCE * liked) / _FIT
    return fits


def charge(need: NeedRegistered, price: float) -> float:
    """A price (for a need of weight 1) as it is taken from the fit of this need."""
    return price / URGENCY_WEIGHTS[need.urgency]


def rank(
    need: NeedRegistered,
    offers: Iterable[tuple[DirectoryEntry, int]],
    unknown: Mapping[str, list[Rule]] | None = None,
    prices: Mapping[str, float] | None = None,
    learned: Learned | None = None,
) -> list[Ranked]:
    """Best first. `offers` are services with their free places. Of equals, the lower service id is first.

    From each score the price of a place there is taken, if there is one (`prices`, by service id).

    Who has to be assessed before anyone can tell whether they may come is offered where that is clear, if anywhere.
    `unknown` says so by entry, where it was found out for all at once.
    """
    here, languages, preferred = geo.centre_of(need.region.cell), need.person.languages, need.preferences.providers
    charged, acceptance, seldom, ranked = 0.0, 1.0, False, []
    for entry, free in offers:
        doubts = assessment.unknown(need, entry.service) if unknown is None else unknown.get(entry.id, _CLEAR)
        if prices:
            charged = charge(need, prices.get(entry.id, 0.0))
        if learned is not None:
            acceptance = learned.of(entry.id)
            seldom = acceptance < learned.least
        liked = float(entry.provider in preferred)
        terms = _near(here, entry), _spoken(languages, entry), liked, _share(entry, free)
        ranked.append(_ranked(entry, free, terms, doubts, charged, acceptance, seldom))
    ranked.sort(key=_STANDING)
    return ranked


_STANDING = itemgetter(0)
_CLEAR: list[Rule] = []


def _ranked(
    entry: DirectoryEntry,
    free: int,
    terms: Terms,
    unknown: list[Rule],
    charged: float,
    acceptance: float,
    seldom: bool,
) -> Ranked:
    near, spoken, liked, share = terms
    score = _DISTANCE * near + _LANGUAGE * spoken + _PREFERENCE * liked + _FREE_SHARE * share - charged
    doubtful = bool(unknown) and unknown != _DOCUMENTS
    standing = seldom, doubtful, -(score + ALIKE * acceptance), entry.id
    return Ranked(standing, entry, free, score, terms, unknown, charged, acceptance)


_DOCUMENTS = [Rule.DOCUMENTS]
"""What makes nothing doubtful: nobody has told of theirs, and to say what is required must not be worse than to ask
for it later."""


def as_if(
    each: Ranked, *, free: int | None = None, preferred: bool | None = None, unknown: list[Rule] | None = None
) -> Ranked:
    """The same service with one thing different, as `rank` would have it."""
    near, spoken, liked, _ = each.terms
    free = each.free if free is None else free
    terms = near, spoken, liked if preferred is None else float(preferred), _share(each.entry, free)
    doubts = each.unknown if unknown is None else unknown
    return _ranked(each.entry, free, terms, doubts, each.charged, each.acceptance, each.seldom)


def of_different_providers(ranked: Iterable[Ranked], most: int) -> list[Ranked]:
    """The best service of each of the best providers, in their order."""
    best: dict[str, Ranked] = {}
    for each in ranked:
        best.setdefault(each.entry.provider, each)
    return list(best.values())[:most]


def _share(entry: DirectoryEntry, free: int) -> float:
    return min(1.0, free / (entry.capacity or 1))


def _spoken(languages: list[str], entry: DirectoryEntry) -> float:
    """Whether the person's first language is spoken there; another, or who knows which, counts a half."""
    if not languages or languages[0] not in entry.languages:
        return UNKNOWN
    return BASIC if entry.languages[languages[0]] is Fluency.BASIC else 1.0


def _near(here: Point | None, entry: DirectoryEntry) -> float:
    if here is None or entry.point is None:
        return UNKNOWN
    return HALF_KM / (HALF_KM + geo.distance_km(here, entry.point))
