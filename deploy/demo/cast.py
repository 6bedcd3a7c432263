"""The agencies and providers of the demo. All are fictional; the towns are real, so that distances make sense."""

from dataclasses import dataclass, field

from contracts.provider import Eligibility, Service
from contracts.words import Category, Flag, ReferrerKind, Sex

C = Category

AGENCIES = {
    "border-minsk": ReferrerKind.GOVERNMENT,
    "migration-brest": ReferrerKind.MIGRATION_AGENCY,
    "community-gomel": ReferrerKind.PEER,
}
"""A government institution, a migration agency, and a community group that forwards referrals from peers."""

TOWNS = {
    "Minsk": ("BY-HM", 53.902, 27.561),
    "Brest": ("BY-BR", 52.094, 23.685),
    "Gomel": ("BY-HO", 52.434, 30.975),
    "Grodno": ("BY-HR", 53.678, 23.829),
    "Vitebsk": ("BY-VI", 55.190, 30.205),
    "Mogilev": ("BY-MA", 53.894, 30.331),
}
"""Town to ISO 3166-2 subdivision, latitude and longitude (WGS 84)."""

STORY_TOWNS = {
    "Borisov": ("BY-MI", 54.228, 28.506),
    "Naroch": ("BY-MI", 54.914, 26.711),
    "Soligorsk": ("BY-MI", 52.793, 27.536),
}
"""Towns of Minsk Region, where none of the two hundred referrals come from: their places are for the stories."""

LANGUAGES = ("be", "ru", "uk", "en", "ar", "fa")


@dataclass(frozen=True, slots=True)
class Temper:
    """How a simulated provider answers, as shares of its offers in [0, 1]. It stays silent on the rest."""

    accepts: float = 0.72
    declines: float = 0.20
    keeps: float = 0.85
    """Share of the accepted offers that it delivers."""


WILLING = Temper(accepts=1, declines=0, keeps=1)


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider, its services and its temper."""

    id: str
    name: str
    services: list[Service] = field(default_factory=list)
    temper: Temper = field(default_factory=Temper)


def _service(service: str, name: str, town: str, categories: list[Category], capacity: int, **more: object) -> Service:
    area, latitude, longitude = (TOWNS | STORY_TOWNS)[town]
    place = {"areas": [area], "latitude": latitude, "longitude": longitude}
    languages = {"languages": ["be", "ru", "uk", "en"]}
    whole = {"service": service, "name": name, "categories": categories, "capacity": capacity, **place, **languages}
    return Service.model_validate({**whole, **more})


_REMOTE: dict[str, object] = {"areas": [], "latitude": None, "longitude": None}
_ADULTS = Eligibility(minimum_age=18)

PROVIDERS = [
    Provider(
        "lighthouse-minsk",
        "Lighthouse Shelter",
        [
            _service("beds", "Night shelter for adults", "Minsk", [C.SHELTER], 8, eligibility=_ADULTS),
            _service("families", "Family rooms", "Minsk", [C.SHELTER], 4, step_free=True),
        ],
    ),
    Provider(
        "bug-river-brest",
        "Bug River House",
        [
            _service("beds", "Shelter beds", "Brest", [C.SHELTER], 6, languages=["be", "ru", "uk", "ar"]),
            _service("meals", "Warm meals", "Brest", [C.FOOD], 12),
        ],
        Temper(accepts=0.6, declines=0.25),
    ),
    Provider(
        "white-stork-clinic",
        "White Stork Clinic",
        [_service("clinic", "General practice", "Minsk", [C.HEALTH], 14, areas=["BY"], languages=[])],
        Temper(accepts=0.85, declines=0.1),
    ),
    Provider(
        "polesie-health",
        "Polesie Health Point",
        [_service("clinic", "Walk-in clinic", "Gomel", [C.HEALTH, C.MENTAL_HEALTH], 8)],
    ),
    Provider(
        "open-door-law",
        "Open Door Legal Aid",
        [
            _service("advice", "Legal advice by phone", "Minsk", [C.LEGAL, C.DOCUMENTATION], 20, **_REMOTE),
            _service("court", "Representation in court", "Minsk", [C.LEGAL], 5, areas=["BY-HM", "BY-MI"]),
        ],
        Temper(accepts=0.8, declines=0.15),
    ),
    Provider(
        "safe-harbour",
        "Safe Harbour",
        [
            _service(
                "women",
                "Crisis room for women",
                "Minsk",
                [C.GBV, C.TRAFFICKING],
                6,
                areas=["BY"],
                eligibility=Eligibility(sexes=[Sex.FEMALE]),
            ),
            _service(
                "line", "Counselling line", "Minsk", [C.GBV, C.MENTAL_HEALTH], 10, **_REMOTE, languages=["be", "ru"]
            ),
        ],
        Temper(accepts=0.8, declines=0.15, keeps=0.95),
    ),
    Provider(
        "red-thread",
        "Red Thread",
        [_service("victims", "Help after trafficking", "Brest", [C.TRAFFICKING, C.PROTECTION], 6, areas=["BY"])],
    ),
    Provider(
        "little-owl",
        "Little Owl Centre for Children",
        [
            _service(
                "care",
                "Care for children alone",
                "Minsk",
                [C.CHILD_PROTECTION, C.SHELTER],
                6,
                areas=["BY"],
                eligibility=Eligibility(maximum_age=17),
            )
        ],
        Temper(accepts=0.85, declines=0.1, keeps=0.95),
    ),
    Provider(
        "neman-school",
        "Neman Language School",
        [
            _service("belarusian", "Belarusian from zero", "Grodno", [C.LANGUAGE], 8, areas=["BY"], languages=[]),
            _service("school", "School places", "Grodno", [C.EDUCATION], 6, eligibility=Eligibility(maximum_age=17)),
        ],
        Temper(accepts=0.5, declines=0.2),
    ),
    Provider(
        "dvina-work",
        "Dvina Work",
        [_service("jobs", "Job counselling", "Vitebsk", [C.EMPLOYMENT], 8, areas=["BY"], eligibility=_ADULTS)],
        Temper(accepts=0.45, declines=0.4),
    ),
    Provider(
        "common-table",
        "Common Table",
        [
            _service("kitchen", "Soup kitchen", "Mogilev", [C.FOOD], 10),
            _service("parcels", "Food parcels by post", "Mogilev", [C.FOOD, C.NON_FOOD_ITEMS], 10, **_REMOTE),
        ],
    ),
    Provider(
        "quiet-hours",
        "Quiet Hours",
        [
            _service(
                "counselling",
                "Counselling in Arabic and Persian",
                "Minsk",
                [C.MENTAL_HEALTH],
                4,
                **_REMOTE,
                languages=["ar", "fa", "en"],
                eligibility=Eligibility(not_flags=[Flag.MEDICAL_EMERGENCY]),
            )
        ],
        Temper(accepts=0.5, declines=0.1),  # does not answer two offers in five
    ),
    Provider(
        "grodno-roof",
        "Grodno Roof",
        [_service("beds", "Shelter beds", "Grodno", [C.SHELTER], 5, eligibility=_ADULTS)],
        Temper(accepts=0.65, declines=0.15),
    ),
    Provider("berezina-borisov", "Berezina House", [_service("rooms", "Rooms", "Borisov", [C.SHELTER], 2)], WILLING),
    Provider("naroch-rest", "Naroch Rest", [_service("rooms", "Rooms", "Naroch", [C.SHELTER], 4)], WILLING),
    Provider("sluch-soligorsk", "Sluch House", [_service("rooms", "Rooms", "Soligorsk", [C.SHELTER], 3)], WILLING),
]
