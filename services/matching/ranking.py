"""Which of the services that can take a need is the best for it. All terms lie in [0, 1]; more is better."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from contracts.intake import Accepted
from contracts.matching import Reason
from contracts.words import Rule, Urgency

from .assessment import unknown
from .directory import Entry
from .eligibility import distance_km

WEIGHTS = {"distance": 0.45, "language": 0.25, "preference": 0.20, "free-share": 0.10}
URGENCY_WEIGHTS: Mapping[Urgency, float] = {Urgency.EMERGENCY: 8.0, Urgency.URGENT: 4.0, Urgency.NORMAL: 1.5}
"""What a need is worth that is served as well as can be: prices are in these, so who is more urgent pays less."""
HALF_KM = 25.0
"""The distance at which its term has fallen to a half."""
UNKNOWN = 0.5
"""The distance term where nothing is known, or nobody has to travel: neither near nor far."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A service, how many of its places are free, and why it stands where it stands.

    `unknown` are its rules of which nobody can tell whether the need meets them.
    """

    entry: Entry
    free: int
    score: float
    reasons: list[Reason]
    unknown: list[Rule] = field(default_factory=list)


def fit(need: Accepted, entry: Entry) -> float:
    """How well a service suits a need, in [0, 1], however much is free: what counts among those who wait for it."""
    terms = _terms(need, entry)
    return sum(WEIGHTS[term] * value for term, value in terms.items()) / sum(WEIGHTS[term] for term in terms)


def charge(need: Accepted, price: float) -> float:
    """A price (for a need of weight 1) as it is taken from the fit of this need."""
    return price / URGENCY_WEIGHTS[need.urgency]


def rank(
    need: Accepted, offers: Iterable[tuple[Entry, int]], prices: Mapping[str, float] | None = None
) -> list[Ranked]:
    """Best first. `offers` are services with their free places. Of equals, the lower service id is first.

    From each score the price of a place there is taken, if there is one (`prices`, by service id).

    Who has to be assessed before anyone can tell whether they may come is offered where that is clear, if anywhere.
    """
    charged = prices or {}
    scored = (_scored(need, entry, free, charge(need, charged.get(entry.id, 0.0))) for entry, free in offers)
    return sorted(scored, key=lambda each: (bool(each.unknown), -each.score, each.entry.id))


def of_different_providers(ranked: Iterable[Ranked], most: int) -> list[Ranked]:
    """The best service of each of the best providers, in their order."""
    best: dict[str, Ranked] = {}
    for each in ranked:
        best.setdefault(each.entry.provider, each)
    return list(best.values())[:most]


def _scored(need: Accepted, entry: Entry, free: int, charged: float = 0.0) -> Ranked:
    terms = {**_terms(need, entry), "free-share": min(1.0, free / max(1, entry.service.capacity))}
    score = sum(WEIGHTS[term] * value for term, value in terms.items())
    if charged:
        terms["price"] = -charged
        score -= charged
    reasons = [Reason(term=term, value=round(value, 4)) for term, value in (*terms.items(), ("score", score))]
    return Ranked(entry, free, score, reasons, unknown(need, entry.service))


def _terms(need: Accepted, entry: Entry) -> dict[str, float]:
    return {
        "distance": _near(need, entry),
        "language": _spoken(need, entry),
        "preference": _preferred(need, entry),
    }


def _spoken(need: Accepted, entry: Entry) -> float:
    """The person's first language is spoken there; another, or who knows which, counts a half."""
    return 1.0 if set(need.person.languages[:1]) & set(entry.service.languages) else UNKNOWN


def _near(need: Accepted, entry: Entry) -> float:
    distance = distance_km(need, entry.service)
    return UNKNOWN if distance is None else HALF_KM / (HALF_KM + distance)


def _preferred(need: Accepted, entry: Entry) -> float:
    return float(entry.provider in need.preferences.providers)
