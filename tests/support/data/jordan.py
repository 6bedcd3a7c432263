"""562 real services for refugees in Jordan, as of 2014, as directory entries (`shared/data/jordan-services`).

None of the data is copied here, and no address is ever printed. Each feature is read, read with warnings where it
states what an entry can't express (then a person decides), or refused with the reason.
"""

import json
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import h3
from pydantic import ValidationError

from contracts.eligibility import Criteria, Eligibility
from contracts.provider import Service
from contracts.words import Category, Flag, IntakeMethod, Sex
from services.chassis.ingress.validation_errors import problems_of
from services.console.hsds import ReadService, slug

PATH = Path(__file__).parents[4] / "shared/data/jordan-services/services_en.redacted.json"
CAPACITY = 3
"""Places of each service: an assumption, as the source states no capacities."""

GOVERNORATES = {
    "JO-AM": (31.95, 35.93),
    "JO-IR": (32.55, 35.85),
    "JO-MA": (32.34, 36.21),
    "JO-AZ": (32.07, 36.09),
    "JO-BA": (32.04, 35.73),
    "JO-MD": (31.72, 35.79),
    "JO-JA": (32.28, 35.90),
    "JO-AJ": (32.33, 35.75),
    "JO-KA": (31.18, 35.70),
    "JO-AT": (30.84, 35.60),
    "JO-MN": (30.20, 35.73),
    "JO-AQ": (29.53, 35.01),
}
"""By ISO 3166-2 code, the latitude and longitude of the capital."""

_REGIONS = {
    "Countrywide": ["JO"],
    "North": ["JO-IR", "JO-MA", "JO-JA", "JO-AJ"],
    "Central": ["JO-AM", "JO-AZ", "JO-BA", "JO-MD"],
    "South": ["JO-KA", "JO-AT", "JO-MN", "JO-AQ"],
}
_RADII = {
    "Office location only - walk in distance": 10.0,  # a cell's centre may be that far from the person
    "City where the service is located": 15.0,
    "District where the service is located": 30.0,
    "Governorate & Adjacent Governorates": 80.0,
}
_OWN_GOVERNORATE = ("Governorate where the service is located", "Governorate & Adjacent Governorates")

_BY_SECTOR = {
    "PROTECTION": Category.PROTECTION,
    "CASH": Category.CASH,
    "NFI": Category.NON_FOOD_ITEMS,
    "WASH": Category.WASH,
    "HEALTH": Category.HEALTH,
    "EDUCATION": Category.EDUCATION,
    "SHELTER": Category.SHELTER,
    "FOOD": Category.FOOD,
}
_BY_ACTIVITY = {
    "Child Protection": Category.CHILD_PROTECTION,
    "Women Safe Spaces": Category.GBV,
    "Psychosocial & Mental Health": Category.MENTAL_HEALTH,
    "Cash For Rent": Category.CASH,
    "Education for children with disabilities": Category.DISABILITY,
}
_BY_INDICATOR = {
    "Mental health care": Category.MENTAL_HEALTH,
    "Legal services": Category.LEGAL,
    "Family tracing": Category.TRACING,
    "survivors of gender-based violence": Category.GBV,
    "survivers of gender-based violence": Category.GBV,
    "unaccompanied and/or separated children": Category.CHILD_PROTECTION,
    "persons with disabilities": Category.DISABILITY,
    "provision of documentation": Category.DOCUMENTATION,
    "Non-food items": Category.NON_FOOD_ITEMS,
    "Shelter for": Category.SHELTER,
}
_FLAGS = {
    "Disability": [Flag.DISABILITY],
    "Single parent or caregiver": [Flag.SINGLE_PARENT],
    "Serious medical condition": [Flag.MEDICAL_EMERGENCY, Flag.CHRONIC_ILLNESS],
    "Older person at risk": [Flag.OLDER_ALONE],
    "Unaccompanied or separated child": [Flag.UNACCOMPANIED_CHILD, Flag.SEPARATED_CHILD],
    "SGBV": [Flag.GBV_SURVIVOR, Flag.VIOLENCE_SURVIVOR],
}


_INTAKE = {
    "Referrals only": [IntakeMethod.REFERRAL_ONLY],
    "Walk-in": [IntakeMethod.WALK_IN],
    "Walk-in & Outreach": [IntakeMethod.WALK_IN],
    "Outreach Information hotline": [IntakeMethod.PHONE],
    "Hotline and follow up home visit": [IntakeMethod.PHONE],
}


def read(path: Path = PATH) -> list[ReadService]:
    """Every feature, in order."""
    seen: Counter[str] = Counter()
    return [_reading(feature, seen) for feature in json.loads(path.read_text())]


def _reading(feature: dict[str, Any], seen: Counter[str]) -> ReadService:
    properties = feature["properties"]
    provider = slug(properties["partnerName"])
    offered = [name for name, value in properties.get("indicators", {}).items() if value]
    if properties.get("indicators") and not offered:
        return ReadService(provider, None, ("every indicator is 0: nothing is offered",))
    notes: list[str] = []
    key = str(feature["id"])
    seen[key] += 1
    if seen[key] > 1:  # under one key the second would replace the first
        key = f"{key}-{seen[key]}"
        notes.append("the id is used twice: a number is added")
    longitude, latitude = feature["geometry"]["coordinates"][:2]
    areas, radius = _coverage(properties, (latitude, longitude), notes)
    try:
        service = Service(
            service=key,
            name=f"{properties['activityName']} ({properties['partnerName'].strip()})",
            categories=_categories(properties, offered),
            capacity=CAPACITY,
            areas=areas,
            latitude=latitude,
            longitude=longitude,
            radius_km=radius,
            eligibility=_eligibility(properties, notes),
            takes_referrals=_takes_referrals(properties, notes),
            intake=[method for each in _ticked(properties, "4. Accessibility") for method in _INTAKE.get(each, [])],
            valid_from=date.fromisoformat(properties["startDate"]),
            valid_to=date.fromisoformat(properties["endDate"]),
        )
    except ValidationError as error:
        return ReadService(provider, None, tuple(f"{each.field}: {each.fix}" for each in problems_of(error)))
    return ReadService(provider, service, tuple(notes))


def _categories(properties: dict[str, Any], offered: list[str]) -> list[Category]:
    categories = [_BY_SECTOR[properties["activityCategory"]]]
    if properties["activityName"] in _BY_ACTIVITY:
        categories.append(_BY_ACTIVITY[properties["activityName"]])
    categories += [category for part, category in _BY_INDICATOR.items() if any(part in each for each in offered)]
    return list(dict.fromkeys(categories))


def _coverage(properties: dict[str, Any], at: tuple[float, float], notes: list[str]) -> tuple[list[str], float | None]:
    stated = _ticked(properties, "5. Coverage")
    if not stated:
        notes.append("no coverage: taken as the district")
        stated = ["District where the service is located"]
    areas = [area for each in stated for area in _REGIONS.get(each, [])]
    if any(each in _OWN_GOVERNORATE for each in stated):
        notes.append("the governorate is that of the nearest capital")
        areas.append(min(GOVERNORATES, key=lambda code: h3.great_circle_distance(GOVERNORATES[code], at)))
    return list(dict.fromkeys(areas)), max((_RADII[each] for each in stated if each in _RADII), default=None)


def _eligibility(properties: dict[str, Any], notes: list[str]) -> Eligibility:
    """Criteria are joined by "or", so what can't be expressed is an alternative in words. All sections apply."""
    stated = _ticked(properties, "3. Intake Criteria")
    flags = [flag for each in stated for flag in _FLAGS.get(each, [])]
    inexpressible = [each for each in stated if each not in _FLAGS and each != "Open to all"]
    sections = (("1. Registration Type Requirement", "No Requirement"), ("2. Nationality", "No restriction"))
    required = [each for section, free in sections for each in _ticked(properties, section) if each != free]
    if inexpressible or required:
        notes.append(f"the provider decides: {', '.join(inexpressible + required)}")
    all_ = "Open to all" in stated
    either = (
        [Criteria(description=", ".join(inexpressible)), *([Criteria(flags_any=flags)] if flags else [])]
        if inexpressible
        else []
    )
    return Eligibility(
        any_of=[] if all_ else either,
        flags_any=[] if all_ or either else flags,
        description=", ".join(required) or None,
        sexes=[Sex.FEMALE] if properties["activityName"] == "Women Safe Spaces" else [],
    )


def _takes_referrals(properties: dict[str, Any], notes: list[str]) -> bool:
    methods = _ticked(properties, "10. Referral Method")
    if "Referrals not accepted" in methods:
        notes.append("says both that a referral is required and that referrals are not accepted: the latter counts")
        return False
    if "Referral is not required" in methods:
        notes.append("says both that a referral is required and that it is not: it may be referred to")
    return True


def _ticked(properties: dict[str, Any], section: str) -> list[str]:
    return [name for name, ticked in properties.get(section, {}).items() if ticked]
