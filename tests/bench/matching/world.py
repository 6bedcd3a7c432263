"""A made-up region: its services, the needs that arrive, and what is hidden from matchers. Determined by the seed.

Eligibility comes from matching's own rules (`eligibility.rules.failing`); the rest is drawn at random.
"""

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import h3

from contracts.agency import Constraints, Preferences
from contracts.intake import NeedRegistered
from contracts.profiles import MinimalProfile, Region
from contracts.provider import Eligibility, Service
from contracts.words import AgeBand, Flag, ReferrerKind, Sex, Urgency
from services.matching.directory.directory import Directory, DirectoryEntry
from services.matching.eligibility.rules import Case, distance_km, failing
from tests.support.clock import START

from .scenarios import EASE, PATIENCE, SHARES, SIZES, TIDE, WEEK, WEIGHTS, Kind, Scenario

NORTH, EAST = (52.9, 54.9), (26.0, 29.2)
"""Some 220 by 210 km around Minsk."""
TOWNS = 12
COMMON, BRIDGE, SCARCE = "ru", "en", ("ps", "fa", "ti", "so")
HOUR = timedelta(hours=1)


@dataclass(slots=True)
class Arrival:
    """A need, when it arrives and leaves, and what is hidden from matchers: its stay, and who would accept. In hours.

    `fits` is the fit of each service that can take it, in [0, 1]; `willing` are those that would accept.
    """

    number: int
    need: NeedRegistered
    at: float
    leaves: float
    stay: float
    minority: bool
    fits: dict[str, float] = field(default_factory=dict)
    willing: frozenset[str] = frozenset()

    @property
    def weight(self) -> float:
        """The value of serving it perfectly."""
        return WEIGHTS[self.need.urgency]

    def value(self, service: str, start: float) -> float:
        """The value of being accepted by this service at that hour: weight * fit * (1 - wait / (2 patience))."""
        wait = max(0.0, start - self.at)
        patience = PATIENCE[self.need.urgency]
        return self.weight * self.fits[service] * max(0.0, 1 - wait / (2 * patience))


class World:
    """`entries` by id, `arrivals` in order of time, which is the order of their numbers, from 0."""

    def __init__(self, scenario: Scenario, directory: Directory, arrivals: Sequence[Arrival]) -> None:
        self.scenario, self.directory, self.arrivals = scenario, directory, arrivals
        self.entries: dict[str, DirectoryEntry] = {
            entry.id: entry for kind in scenario.kinds for entry in directory.of(kind.category)
        }

    @property
    def counted(self) -> list[Arrival]:
        """The needs that arrive in the window that is measured."""
        first, last = self.scenario.window
        return [each for each in self.arrivals if first * 24 <= each.at < last * 24]

    def delay(self, arrival: Arrival, service: str) -> float:
        """Hours until the service answers the offer of this need; between two thirds and four thirds of the mean."""
        spread = random.Random(f"{arrival.number}/{service}").uniform(2 / 3, 4 / 3)
        return self.scenario.answer * spread


def time(hour: float) -> datetime:
    """That hour as a date, in whole seconds."""
    return START + timedelta(seconds=round(hour * 3600))


def draw(scenario: Scenario, seed: int) -> World:
    """Draw a region."""
    drawing = _Drawing(scenario, seed)
    return World(scenario, drawing.directory, drawing.arrivals)


class _Drawing:
    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.scenario = scenario
        self._chance = chance = random.Random(f"{scenario.name}/{seed}")
        self._towns = [(chance.uniform(*NORTH), chance.uniform(*EAST)) for _ in range(TOWNS)]
        self._sizes = [chance.choice((1, 1, 2, 4)) for _ in self._towns]
        self.directory = Directory()
        self.acceptance: dict[str, float] = {}
        for kind in scenario.kinds:
            self._settle(kind)
        moments = sorted((at, kind) for kind in scenario.kinds for at in self._moments(kind))
        self.arrivals = [self._arrival(number, at, kind) for number, (at, kind) in enumerate(moments)]

    def _settle(self, kind: Kind) -> None:
        chance = self._chance
        sizes = [SIZES[number % len(SIZES)] for number in range(kind.services)]
        chance.shuffle(sizes)
        scale = kind.places / sum(sizes)
        if self.scenario.quota:  # as many needs as come in a year, over the load
            scale *= self.scenario.days / kind.stay / _QUOTA_TURNOVER
        for number, size in enumerate(sizes):
            languages = [COMMON] if chance.random() < 0.9 else []
            languages += [each for each in (BRIDGE, *SCARCE) if chance.random() < (0.5 if each == BRIDGE else 0.3)]
            provider = f"{kind.category}-{number}"
            north, east = self._somewhere(15)
            service = Service(
                service="s",
                name="Made up",
                categories=[kind.category],
                capacity=max(1, round(size * scale)),
                languages=languages,
                latitude=north,
                longitude=east,
                radius_km=chance.uniform(50, 130),
                step_free=chance.random() < 0.6,
                eligibility=Eligibility(
                    sexes=chance.choices(([], [Sex.FEMALE], [Sex.MALE]), (75, 17, 8))[0],
                    minimum_age=chance.choices((0, 18), (85, 15))[0],
                ),
                quota_until=time(24 * self.scenario.days).date() - timedelta(days=1) if self.scenario.quota else None,
            )
            self.directory.put(provider, "s", 0, service, START)
            self.acceptance[f"{provider}/s"] = chance.uniform(0.55, 0.95) if self.scenario.declines else 1.0

    def _somewhere(self, spread: float) -> tuple[float, float]:
        """Latitude and longitude around a town; `spread` is the standard deviation in kilometres, in each direction."""
        chance = self._chance
        north, east = chance.choices(self._towns, self._sizes)[0]
        return chance.gauss(north, spread / 111), chance.gauss(east, spread / 65)

    def _moments(self, kind: Kind) -> Iterator[float]:
        """Hours of arrival: Poisson, with the week's tide, by thinning."""
        scenario, chance = self.scenario, self._chance
        places = sum(entry.service.capacity for entry in self.directory.of(kind.category))
        held = 24 * kind.stay + scenario.answer * _OFFERS
        busy = 24 * scenario.days if scenario.quota else held / EASE
        mean = scenario.load * places / busy
        at, highest = 0.0, (1 + TIDE) * (scenario.surge[2] if scenario.surge else 1)
        while (at := at + chance.expovariate(mean * highest)) < scenario.days * 24:
            tide = 1 + TIDE * math.sin(2 * math.pi * at / WEEK)
            if chance.random() * highest < tide * self._surging(at):
                yield at

    def _surging(self, at: float) -> float:
        """The demand at that hour, in multiples of the usual demand."""
        surge = self.scenario.surge
        return surge[2] if surge and surge[0] * 24 <= at < surge[1] * 24 else 1.0

    def _arrival(self, number: int, at: float, kind: Kind) -> Arrival:
        """Drawn again until some service would accept: a need that no policy can serve says nothing about policies."""
        chance, quota = self._chance, self.scenario.quota
        while True:
            need, minority = self._need(number, at, kind)
            fits = {
                entry.id: fit(need, entry)
                for entry in self.directory.of(kind.category)
                if failing(Case(need, (), time(at), HOUR), entry) is None
            }
            willing = frozenset(each for each in fits if chance.random() < self.acceptance[each])
            if willing:
                break
        stay = 24 * kind.stay * chance.gammavariate(2, 0.5)
        return Arrival(
            number,
            need,
            at,
            leaves=at if quota else at + PATIENCE[need.urgency],
            stay=math.inf if quota else stay,
            minority=minority,
            fits=fits,
            willing=willing,
        )

    def _need(self, number: int, at: float, kind: Kind) -> tuple[NeedRegistered, bool]:
        chance, scenario = self._chance, self.scenario
        first, last = scenario.drift
        scarce = chance.random() < first + (last - first) * at / (24 * scenario.days)
        disabled = chance.random() < 0.08
        languages = [chance.choice(SCARCE) if scarce else COMMON]
        if chance.random() < 0.4:
            languages.append(BRIDGE)
        north, east = self._somewhere(25)
        surging = self._surging(at)
        if chance.random() < 1 - 1 / surging:  # all the more come to one town
            north, east = (chance.gauss(each, 0.2) for each in self._towns[0])
        person = MinimalProfile(
            age_band=chance.choices((AgeBand.ADULT, AgeBand.OLDER, AgeBand.ADOLESCENT), (75, 12, 13))[0],
            sex=chance.choice((Sex.FEMALE, Sex.MALE)),
            languages=languages,
            flags=[Flag.DISABILITY] if disabled else [],
        )
        liked = [entry.provider for entry in self.directory.of(kind.category) if chance.random() < 0.3][:10]
        need = NeedRegistered(
            referral_id=f"r{number}",
            need_id=f"n{number}",
            need="it",
            agency="agency",
            reference=f"R-{number}",
            referrer=ReferrerKind.ORGANISATION,
            requested_at=time(at),
            category=kind.category,
            urgency=chance.choices(list(Urgency), [SHARES[each] for each in Urgency])[0],
            person=person,
            region=Region(admin1="BY-MI", cell=h3.latlng_to_cell(north, east, 5)),
            constraints=Constraints(step_free=disabled),
            preferences=Preferences(providers=liked),
            recipients="any",
        )
        return need, scarce or disabled


_OFFERS = 1.33
"""Offers until one is accepted, on average: each of them holds a place until it is answered."""
_QUOTA_TURNOVER = 10.4
"""How many times fewer needs a year has than places would turn over in it: some 5,000 in all."""


def fit(need: NeedRegistered, entry: DirectoryEntry) -> float:
    """How well a service would serve a need: the weights of matching.md section 4.2, all terms in [0, 1].

    Distance counts a half at 25 km; a language that is not the person's first counts a half, as does a provider the
    agency has not named as preferred.
    """
    distance = distance_km(need, entry)
    near = 25 / (25 + distance) if distance is not None else 0.5
    spoken = 1.0 if need.person.languages[0] in entry.service.languages else 0.5
    liked = 1.0 if entry.provider in need.preferences.providers else 0.5
    return 0.45 * near + 0.25 * spoken + 0.30 * liked
