"""Reads the fields of an HSDS 3 service into those of a directory entry. Each function adds its warnings to `notes`."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from contracts.eligibility import Criteria
from contracts.schedule import Opening, Schedule
from contracts.service import Cost
from contracts.words import CapacityUnit, Category, Document, Status

from .shapes import Nested

_ADMIN1 = r"[A-Z]{2}(-[A-Z0-9]{1,3})?"
OLDEST = 150
"""A maximum age of this or more is no limit: exports write 200 or 999."""
_MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)"
_DOCUMENTS = {
    "passport": Document.IDENTITY,
    "identi": Document.IDENTITY,
    "photo id": Document.IDENTITY,
    "government-issued": Document.IDENTITY,
    "birth": Document.BIRTH_CERTIFICATE,
    "resid": Document.RESIDENCE,
    "address": Document.RESIDENCE,
    "medical": Document.MEDICAL_RECORD,
    "guardian": Document.GUARDIAN_CONSENT,
    "income": Document.PROOF_OF_INCOME,
    "pay": Document.PROOF_OF_INCOME,
    "referral": Document.REFERRAL_LETTER,
}
"""Kinds of documents by a part of their name; the first match counts."""
_LONGEST = 2000
"""Characters of a description."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a publisher's own terms mean; keys are in lower case. The words and codes of contracts/ need not be in it.

    `area` is used for services without an area. `areas` and `categories` are by name, code or term; `category` is that
    of all services, if they have one in common. A term of `statuses` that maps to None cannot be expressed in an entry;
    `criteria` are terms among the statuses that mean something else about a person. `capacity` is assumed where none is
    given. `timezone` is the publisher's IANA name, because HSDS has only an offset.
    """

    area: str | None = None
    areas: Mapping[str, str] = field(default_factory=dict)
    categories: Mapping[str, Category] = field(default_factory=dict)
    category: Category | None = None
    statuses: Mapping[str, Status | None] = field(default_factory=dict)
    criteria: Mapping[str, Criteria] = field(default_factory=dict)
    timezone: str | None = None
    capacity: int = 3


def _number(value: Any) -> float | None:
    return float(value) if re.fullmatch(r"-?\d+(\.\d+)?", str(value)) else None


def ages(source: Nested, notes: list[str]) -> dict[str, Any]:
    """Minimum and maximum age, without a maximum of `OLDEST` or more. Validation refuses what is not a number."""
    stated = {name: source[name] for name in ("minimum_age", "maximum_age") if source.get(name) not in (None, "")}
    limits = {name: value if (number := _number(value)) is None else int(number) for name, value in stated.items()}
    if (_number(limits.get("maximum_age")) or 0) >= OLDEST:
        notes.append(f"a maximum age of {limits['maximum_age']} is no limit")
        del limits["maximum_age"]
    return limits


def statuses(source: Nested, vocabulary: Vocabulary, notes: list[str]) -> dict[str, Any]:
    """The residence statuses that are accepted, as fields of `Eligibility`.

    HSDS joins them by "or". So a term that means something else becomes an alternative, and all terms that cannot be
    expressed become one alternative in words.
    """
    stated = list(dict.fromkeys(source.get("statuses", [])))
    meanings = {**{each.value: each for each in Status}, **vocabulary.statuses}
    known = list(dict.fromkeys(status for each in stated if (status := meanings.get(each.lower())) is not None))
    alternatives = [vocabulary.criteria[each.lower()] for each in stated if each.lower() in vocabulary.criteria]
    unknown = [
        each for each in stated if each.lower() not in vocabulary.criteria and meanings.get(each.lower()) is None
    ]
    if not alternatives and not unknown:
        return {"statuses": known}
    if unknown:
        notes.append(
            f"the provider decides on {len(unknown)} statuses that an entry cannot express, such as: {unknown[-1]}"
        )
        alternatives.append(Criteria(description="; ".join(unknown)[:_LONGEST]))
    return {"any_of": [Criteria(statuses=known), *alternatives] if known else alternatives}


def conditions_in_words(source: Nested) -> str | None:
    """Eligibility that no other field of an entry can express, as text."""
    conditions = {name: str(value) for name, value in source.get("conditions", {}).items() if value}
    texts = [
        name if value.lower() in ("true", "yes", "1") else f"{name}: {value}" for name, value in conditions.items()
    ]
    description = str(source.get("eligibility_description") or "").strip()
    return "; ".join(filter(None, [description, *texts]))[:_LONGEST] or None


def note_conditions_in_words(source: Nested, notes: list[str]) -> None:
    """Warn of eligibility that only a person can check."""
    if source.get("eligibility_description"):
        notes.append("the provider decides: eligibility in its own words")
    notes += [f"the provider decides: {name}" for name, value in source.get("conditions", {}).items() if value]


def areas(source: Nested, vocabulary: Vocabulary, notes: list[str]) -> list[str]:
    """The service areas as ISO 3166 codes; that of the publisher when none is known."""
    stated = [area.get("name") or area.get("description") or "" for area in source.get("service_areas") or []]
    codes = [vocabulary.areas.get(each.lower(), each if re.fullmatch(_ADMIN1, each) else "") for each in stated]
    known = [each for each in codes if each]
    if len(known) < len(stated):
        notes.append(f"{len(stated) - len(known)} areas are unknown: the provider decides")
    if not known and vocabulary.area:
        notes.append("no area: the publisher's area is used")
        return [vocabulary.area]
    return list(dict.fromkeys(known))


def categories(source: Nested, vocabulary: Vocabulary, notes: list[str]) -> list[Category]:
    """The categories of help.

    When all services of a publisher have one category, a term such as "employment" is the subject of the help (legal
    aid about employment, say) and not a category.
    """
    categories = [vocabulary.category] if vocabulary.category else []
    known = vocabulary.categories
    if not vocabulary.category:
        known = {**{each.value: each for each in Category}, **vocabulary.categories}
    for each in source.get("attributes") or []:
        term = each.get("taxonomy_term") or {}
        categories += [known[key] for key in _names(term) if key in known]
    if not categories:
        notes.append("none of its terms is a known category")
    return list(dict.fromkeys(categories))


def _names(term: Mapping[str, Any]) -> list[str]:
    return [str(term[name]).lower() for name in ("code", "name") if term.get(name)]


def capacity(source: Nested, vocabulary: Vocabulary, notes: list[str]) -> int:
    """The number of places. HSDS 3.1 states for each unit the maximum and how many are available."""
    stated = source.get("capacities") or []
    if len(stated) > 1:
        notes.append("capacity in several units: the smallest number is used")
    counts = []
    for each in stated:
        available, maximum = _number(each.get("available")), _number(each.get("maximum"))
        if available is not None and maximum is not None and available > maximum:
            notes.append("more places are free than exist: the lower number is used")
        count = available if maximum is None else maximum
        if count is None:
            notes.append("a capacity without a number: left out")
        else:
            counts.append(int(count))
    return min(counts, default=vocabulary.capacity)


def capacity_details(source: Nested) -> dict[str, Any]:
    """Unit and time of the capacity, when exactly one is stated and an entry can express them."""
    if len(source.get("capacities") or []) != 1:
        return {}
    (stated,) = source["capacities"]
    unit = stated.get("unit")
    unit_name = str((unit.get("name") if isinstance(unit, Mapping) else unit) or "").lower()
    updated = re.fullmatch(_MOMENT, str(stated.get("updated") or ""))
    details = {"capacity_unit": unit_name} if unit_name in set(CapacityUnit) else {}
    return {**details, "capacity_updated": updated[0]} if updated else details


def documents(source: Nested, notes: list[str]) -> list[Document]:
    """The required documents, recognised by their names. An unknown one is OTHER, for the provider to explain."""
    kinds = []
    for each in source.get("required_documents") or []:
        name = str(each.get("document") or "").lower()
        kind = next((kind for part, kind in _DOCUMENTS.items() if part in name), Document.OTHER)
        if kind is Document.OTHER:
            notes.append(f"a required document of an unknown kind: {name[:80]}")
        kinds.append(kind)
    return list(dict.fromkeys(kinds))


def cost(source: Nested, notes: list[str]) -> Cost | None:
    """The cost: an amount when one option with a currency is stated, else text only."""
    stated = source.get("cost_options") or []
    if not stated:
        return None
    texts = [str(each.get("amount_description") or each.get("option") or "").strip() for each in stated]
    description = "; ".join(filter(None, texts))[:200] or None
    amount, currency = _number(stated[0].get("amount")), str(stated[0].get("currency") or "").upper()
    if len(stated) == 1 and amount == 0:
        return Cost(free=True, description=description)
    if len(stated) == 1 and amount is not None and re.fullmatch("[A-Z]{3}", currency):
        return Cost(amount=amount, currency=currency, description=description)
    notes.append("cost in words only: no single amount with its currency")
    amounts = ", ".join(str(each["amount"]) for each in stated if each.get("amount") not in (None, ""))
    return Cost(description=(description or amounts or "unknown")[:200])


def languages(source: Nested, notes: list[str]) -> list[str]:
    """The languages as ISO 639 codes."""
    codes = [str(each.get("code") or "").lower() for each in source.get("languages") or []]
    known = [code for code in codes if re.fullmatch(r"[a-z]{2,3}", code)]
    if len(known) < len(codes):
        notes.append("a language without a code: left out")
    return list(dict.fromkeys(known))


def takes_referrals(source: Nested, notes: list[str]) -> bool:
    """Whether the service is active, and so gets offers."""
    status = source.get("status") or "active"
    if status != "active":
        notes.append(f"is {status}: it gets no offers")
    return bool(status == "active")


def schedule(stated: Sequence[Mapping[str, Any]], vocabulary: Vocabulary, notes: list[str]) -> Schedule | None:
    """The weekly opening hours. They cannot be used without a time zone, or when they do not repeat weekly."""
    if not stated:
        return None
    openings = []
    for each in stated:
        days = [day for day in str(each.get("byday") or "").replace(" ", "").split(",") if day]
        hours = {name: str(each.get(name) or "")[:8] for name in ("opens_at", "closes_at")}
        until = each.get("valid_to")
        if not vocabulary.timezone or not days or not all(hours.values()) or each.get("freq") not in (None, "WEEKLY"):
            notes.append("opening hours that do not repeat weekly, or have no time zone: left out")
        elif any(each.get(name) for name in ("bymonthday", "byyearday", "byweekno")) or until:
            notes.append("opening hours that apply on some dates only: left out")
        else:
            openings.append(Opening(days=days, **hours))
    return Schedule(timezone=vocabulary.timezone or "", openings=openings) if openings else None
