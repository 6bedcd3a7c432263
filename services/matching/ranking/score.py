"""Ranks the services that can take a need. All terms lie in [0, 1]; more is better."""

from collections.abc import Iterable, Mapping
from operator import attrgetter

from contracts.intake import NeedRegistered
from contracts.words import Fluency, Rule, Urgency

from ..model import geo
from ..model.entry import DirectoryEntry
from ..model.geo import Point
from .candidate import Candidate, Terms

WEIGHTS_VERSION = "2"
"""Recorded with each decision. New weights get a new version; older ones stay, so that the decisions made with them can
still be explained and repeated."""
WEIGHTS_OF = {
    "1": {"distance": 0.45, "free-share": 0.30, "preference": 0.25},
    "2": {"distance": 0.45, "language": 0.25, "preference": 0.20, "free-share": 0.10},
}
WEIGHTS = WEIGHTS_OF[WEIGHTS_VERSION]
_DISTANCE, _LANGUAGE, _PREFERENCE, _FREE_SHARE = WEIGHTS.values()
_FIT = _DISTANCE + _LANGUAGE + _PREFERENCE
URGENCY_WEIGHTS: Mapping[Urgency, float] = {Urgency.EMERGENCY: 8.0, Urgency.URGENT: 4.0, Urgency.NORMAL: 1.5}
"""The value of serving a need perfectly. Prices are in the same unit, so more urgent needs pay less."""
HALF_KM = 25.0
"""The distance at which the distance term has fallen to one half."""
BASIC = 0.75
"""The language term where the person's first language is spoken, but only at a basic level."""
UNKNOWN = 0.5
"""The distance term where the distance is unknown, or nobody has to travel: neither near nor far. Also the language
term where the person's first language is not known to be spoken."""


def rank(
    need: NeedRegistered, candidates: Iterable[Candidate], prices: Mapping[str, float] | None = None
) -> list[Candidate]:
    """The candidates with their scores, best first.

    The price of a place (`prices`, by service id; a missing price is 0) is subtracted from the score. Services that
    must assess the person first come after those where the rules are clear. Ties go to the lower service id.
    """
    here, languages, preferred = geo.centre_of(need.region.cell), need.person.languages, need.preferences.providers
    charged, ranked = 0.0, []
    for each in candidates:
        entry, free = each.entry, each.free
        if prices:
            charged = charge(need, prices.get(entry.id, 0.0))
        liked = float(entry.provider in preferred)
        terms = Terms(_nearness(here, entry), _language(languages, entry), liked, _free_share(entry, free))
        ranked.append(_scored(entry, free, each.unknown, terms, charged))
    if len(ranked) > 1:  # most needs have few options: computing a key for a single one would be a waste
        ranked.sort(key=attrgetter("rank_key"))
    return ranked


def rescore(
    candidate: Candidate, *, free: int | None = None, preferred: bool | None = None, unknown: list[Rule] | None = None
) -> Candidate:
    """The scored candidate as `rank` would have it with one thing changed."""
    terms = candidate.terms
    if free is None:
        free = candidate.free
    liked = terms.preference if preferred is None else float(preferred)
    terms = Terms(terms.distance, terms.language, liked, _free_share(candidate.entry, free))
    unknown = candidate.unknown if unknown is None else unknown
    return _scored(candidate.entry, free, unknown, terms, candidate.charged)


def best_of_each_provider(ranked: Iterable[Candidate], most: int) -> list[Candidate]:
    """The best service of each provider, for at most so many providers, best first."""
    best: dict[str, Candidate] = {}
    for each in ranked:
        best.setdefault(each.entry.provider, each)
    return list(best.values())[:most]


def fit(need: NeedRegistered, entry: DirectoryEntry) -> float:
    """How well a service suits a need, in [0, 1], regardless of its free places: what counts on the waiting list."""
    return fit_of_each(need, [entry])[entry.id]


def fit_of_each(need: NeedRegistered, entries: Iterable[DirectoryEntry]) -> dict[str, float]:
    """`fit` by service id."""
    here, languages, preferred = geo.centre_of(need.region.cell), need.person.languages, need.preferences.providers
    fits = {}
    for entry in entries:
        near, spoken, liked = _nearness(here, entry), _language(languages, entry), float(entry.provider in preferred)
        fits[entry.id] = (_DISTANCE * near + _LANGUAGE * spoken + _PREFERENCE * liked) / _FIT
    return fits


def charge(need: NeedRegistered, price: float) -> float:
    """What a price, which is for a need of weight 1, subtracts from the fit of this need."""
    return price / URGENCY_WEIGHTS[need.urgency]


def _scored(entry: DirectoryEntry, free: int, unknown: list[Rule], terms: Terms, charged: float) -> Candidate:
    distance, language, preference, free_share = terms
    score = _DISTANCE * distance + _LANGUAGE * language + _PREFERENCE * preference + _FREE_SHARE * free_share - charged
    return Candidate(entry, free, unknown, terms, charged, score)


def _free_share(entry: DirectoryEntry, free: int) -> float:
    return min(1.0, free / (entry.capacity or 1))


def _language(languages: list[str], entry: DirectoryEntry) -> float:
    """Whether the person's first language is spoken. Another language, or unknown ones, count one half."""
    if not languages or languages[0] not in entry.languages:
        return UNKNOWN
    return BASIC if entry.languages[languages[0]] is Fluency.BASIC else 1.0


def _nearness(here: Point | None, entry: DirectoryEntry) -> float:
    if here is None or entry.point is None:
        return UNKNOWN
    return HALF_KM / (HALF_KM + geo.distance_km(here, entry.point))
