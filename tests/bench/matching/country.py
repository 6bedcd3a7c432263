"""A made-up directory and needs for it, the same every time: `matching.md` section 2.

Services and people gather around towns of a region of some 900 by 900 km. In ten categories, with limits of age, sex,
language, household, status, flags, dates and steps, some 2.5 of 10,000 services can take a need, and have a place.
"""

from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import h3

from contracts.agency import Constraints, Preferences
from contracts.intake import NeedRegistered
from contracts.profiles import MinimalProfile, Region
from contracts.provider import Eligibility, Service
from contracts.words import AgeBand, Category, Flag, ReferrerKind, Sex, Status, Urgency
from services.matching.capacity.places import Places, document, row_id
from services.matching.directory.directory import Directory

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CATEGORIES = list(Category)[:10]
_LANGUAGES, _SPOKEN = ["ru", "be", "uk", "pl", "en", "ar", "ps", "fa"], [30, 15, 20, 15, 20, 6, 4, 4]
_REGIONS = [f"{country}-{part:02}" for country in ("BY", "PL", "UA") for part in range(8)]
_AGES = [(0, 17), (18, 150), (18, 150), (18, 59), (60, 150), (16, 30)]


class Country:
    """Towns, and the services and needs drawn around them."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        towns = [(self._random.uniform(49, 57), self._random.uniform(18, 31)) for _ in range(60)]
        self._towns = [(town, self._random.choice(_REGIONS)) for town in towns]
        self._sizes = [1 / (rank + 3) for rank in range(len(towns))]

    def directory(self, size: int) -> tuple[Directory, Places]:
        """A directory of this many services, and the places that are taken: half of the services are full."""
        directory, rows = Directory(), {}
        for number in range(size):
            service, provider = self._service(number), f"p{number // 3}"
            directory.put(provider, service.service, number, service, NOW - timedelta(days=1))
            id_ = f"{provider}/{service.service}"
            taken = service.capacity if self._random.random() < 0.5 else service.capacity // 2
            for slot in range(taken):
                rows[row_id(id_, slot)] = document(f"held-{number}-{slot}", "m", id_, "r")
        return directory, Places(rows)

    def need(self, number: int, **constraints: Any) -> NeedRegistered:
        """A need of some person, somewhere."""
        random, (point, region) = self._random, self._somewhere()
        size = random.choices([1, 2, 3, 4, 5, 6], [55, 15, 12, 10, 5, 3])[0]
        together = size if size > 1 and random.random() < 0.3 else 1
        return NeedRegistered(
            referral_id=f"r{number}",
            need_id=f"n{number}",
            need="it",
            agency="a",
            reference=f"R-{number}",
            referrer=ReferrerKind.ORGANISATION,
            requested_at=NOW,
            category=random.choice(CATEGORIES),
            urgency=random.choices(list(Urgency), [1, 4, 10])[0],
            person=self._person(size),
            region=Region(admin1=region, cell=h3.latlng_to_cell(*point, 5)),
            constraints=Constraints(step_free=random.random() < 0.1, **constraints),
            preferences=Preferences(),
            recipients="any",
            companions=[self._person() for _ in range(together - 1)],
            places=together,
        )

    def _person(self, household: int = 1) -> MinimalProfile:
        random = self._random
        return MinimalProfile(
            age_band=random.choices(list(AgeBand), [8, 12, 15, 55, 10])[0],
            sex=random.choices(list(Sex), [48, 48, 1, 3])[0],
            languages=self._spoken(2),
            status=random.choice([None, *Status]),
            flags=random.sample(list(Flag), random.choices([0, 1, 2], [6, 3, 1])[0]),
            household_size=household,
        )

    def _spoken(self, most: int) -> list[str]:
        return sorted({*self._random.choices(_LANGUAGES, _SPOKEN, k=self._random.randint(1, most))})

    def _somewhere(self) -> tuple[tuple[float, float], str]:
        """A point around some town, within some 40 km, and its region."""
        (latitude, longitude), region = self._random.choices(self._towns, self._sizes)[0]
        return (self._random.gauss(latitude, 0.25), self._random.gauss(longitude, 0.4)), region

    def _service(self, number: int) -> Service:
        random, (point, region) = self._random, self._somewhere()
        where: dict[str, Any] = {"latitude": point[0], "longitude": point[1]}
        reaches = random.random()
        if reaches < 0.75:
            where["radius_km"] = random.choice([10, 20, 30, 40, 60])
        elif reaches < 0.97:
            where["areas"] = [region]
        elif reaches < 0.99:
            where["areas"] = [region[:2]]
        else:
            where = {}
        first = NOW.date() - timedelta(days=random.randint(0, 300))
        return Service(
            service=f"s{number}",
            name="A service",
            categories=[random.choice(CATEGORIES)],
            capacity=random.randint(1, 20),
            languages=self._spoken(3),
            step_free=random.random() < 0.5,
            takes_referrals=random.random() < 0.97,
            valid_from=first if random.random() < 0.3 else None,
            valid_to=date(2026, 12, 31) if random.random() < 0.3 else None,
            eligibility=self._limits(),
            **where,
        )

    def _limits(self) -> Eligibility:
        random = self._random
        low, high = random.choice(_AGES) if random.random() < 0.6 else (0, 150)
        statuses = random.sample(list(Status), random.randint(1, 3)) if random.random() < 0.6 else []
        return Eligibility(
            minimum_age=low,
            maximum_age=high,
            sexes=[random.choice([Sex.FEMALE, Sex.FEMALE, Sex.MALE])] if random.random() < 0.4 else [],
            statuses=statuses,
            flags_any=random.sample(list(Flag), 4) if random.random() < 0.15 else [],
            not_flags=random.sample(list(Flag), 2) if random.random() < 0.3 else [],
            maximum_household=random.randint(1, 6) if random.random() < 0.5 else None,
        )
