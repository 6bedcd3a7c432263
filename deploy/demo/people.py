"""Fictional referrals; the same seed gives the same people."""

import random
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from contracts.agency import Submitted
from contracts.words import Category, ConsentGiver, Flag, PersonalField, ReferrerKind, Urgency
from contracts.words.people import age_on
from contracts.zones import local_day

from .cast import AGENCIES, LANGUAGES, TOWNS

C = Category
_NAMES = ("Alesia", "Yanina", "Taras", "Olena", "Samir", "Leyla", "Mikola", "Vera", "Nadia", "Hanna", "Ihar", "Darya")
_SURNAMES = ("Kavalenka", "Novik", "Bondar", "Haddad", "Karimi", "Zhuk", "Litvin", "Melnyk", "Rahimi", "Sokal")
_CATEGORY_WEIGHTS = {
    C.SHELTER: 30,
    C.HEALTH: 24,
    C.LEGAL: 22,
    C.DOCUMENTATION: 12,
    C.FOOD: 26,
    C.MENTAL_HEALTH: 14,
    C.LANGUAGE: 12,
    C.EMPLOYMENT: 12,
    C.GBV: 6,
    C.TRAFFICKING: 5,
    C.EDUCATION: 8,
    C.NON_FOOD_ITEMS: 8,
    C.CASH: 3,  # no provider gives cash, so these needs end unmet, with the reason
}
_URGENCY_WEIGHTS = {Urgency.EMERGENCY: 15, Urgency.URGENT: 35, Urgency.NORMAL: 50}
_HOUSEHOLD = (1, 1, 1, 2, 3, 4)


def referrals(count: int, seed: int, now: datetime, year: str = "2026") -> Iterator[tuple[str, Submitted]]:
    """`count` referrals, each with its agency. Their references begin with `year`."""
    chance = random.Random(seed)
    for number in range(1, count + 1):
        agency = chance.choice(list(AGENCIES))
        yield agency, Submitted.model_validate(_referral(chance, f"{year}-{number:04}", AGENCIES[agency], now))


def _referral(chance: random.Random, reference: str, referrer: ReferrerKind, now: datetime) -> dict[str, Any]:
    town = chance.choice(list(TOWNS))
    area, latitude, longitude = TOWNS[town]
    born = date(now.year - int(chance.triangular(1, 85, 30)) - 1, chance.randint(1, 12), chance.randint(1, 28))
    age = age_on(local_day(area, now), born)
    flags = _flags(chance, age)
    count = chance.choices((1, 2, 3), (70, 24, 6))[0]
    categories = chance.sample(list(_CATEGORY_WEIGHTS), count, counts=list(_CATEGORY_WEIGHTS.values()))
    return {
        "reference": reference,
        "referrer": ReferrerKind.SELF if referrer is ReferrerKind.PEER and chance.random() < 0.2 else referrer,
        "person": {
            "name": f"{chance.choice(_NAMES)} {chance.choice(_SURNAMES)}",
            "birth_date": born,
            "sex": chance.choice(("female", "female", "male", "male", "undisclosed")),
            "languages": sorted(set(chance.choices(LANGUAGES, (15, 40, 25, 8, 7, 5), k=2))),
            "flags": flags,
            "caregiver": {"informed": Flag.UNACCOMPANIED_CHILD not in flags} if age < 18 else None,
            "contact": {"may_contact": True, "phone": f"+375 29 {chance.randint(1_000_000, 9_999_999)}"}
            if chance.random() < 0.8
            else {"may_contact": False},
        },
        "household_size": chance.choice(_HOUSEHOLD),
        "location": {
            "admin1": area,
            "place": town,
            "latitude": latitude + chance.uniform(-0.1, 0.1),
            "longitude": longitude + chance.uniform(-0.1, 0.1),
        },
        "consent": {
            "basis": "consent",
            "given_at": now,
            "given_by": _consent_giver(age, flags),
            "grants": [
                {"recipients": "any", "fields": [PersonalField.NAME, PersonalField.CONTACT]}
                if chance.random() < 0.9
                else {"recipients": "any", "fields": []}
            ],
        },
        "needs": [
            {
                "need": str(index),
                "category": category,
                "urgency": chance.choices(list(_URGENCY_WEIGHTS), list(_URGENCY_WEIGHTS.values()))[0],
            }
            for index, category in enumerate(dict.fromkeys(categories), 1)
        ],
    }


def _consent_giver(age: int, flags: list[Flag]) -> ConsentGiver:
    """Whoever may consent for the person, also if it has its 18th birthday before the referral is sent."""
    if age >= 18:
        return ConsentGiver.PERSON
    has_guardian = age == 17 or Flag.UNACCOMPANIED_CHILD in flags
    return ConsentGiver.LEGAL_GUARDIAN if has_guardian else ConsentGiver.CAREGIVER


def _flags(chance: random.Random, age: int) -> list[Flag]:
    flags = []
    if age < 18 and chance.random() < 0.2:
        flags.append(Flag.UNACCOMPANIED_CHILD)
    if chance.random() < 0.08:
        flags.append(Flag.CHRONIC_ILLNESS)
    if age >= 18 and chance.random() < 0.08:
        flags.append(Flag.SINGLE_PARENT)
    if chance.random() < 0.03:
        flags.append(Flag.MEDICAL_EMERGENCY)
    return flags
