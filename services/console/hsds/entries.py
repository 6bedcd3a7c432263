"""From HSDS 3's service to directory entries, one for each of its locations."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from contracts.eligibility import Criteria, Eligibility
from contracts.schedule import Opening, Schedule
from contracts.service import Cost, Service
from contracts.words import CapacityUnit, Category, Document, Status
from services.chassis.ingress.validation_errors import problems_of

from .shapes import Nested

_ADMIN1 = r"[A-Z]{2}(-[A-Z0-9]{1,3})?"
OLDEST = 150
"""From here on a maximum age is no limit: exports write 200 or 999."""
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
"""Parts of names of documents; the first that fits counts."""
_LONGEST = 2000
"""Characters of a description."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a publisher's own terms mean; keys in lower case. Words and codes of contracts/ need not be in it.

    `area` is where its services are that don't say. `areas` and `categories` are by name, code or term; `category` is
    that of all its services, if they have one in common. A term of `statuses` that maps to None is one that an entry
    can't say; `criteria` are terms among the statuses that mean something else of a person. `capacity` is assumed where
    none is stated. `timezone` is the IANA name of the publisher's, since HSDS has but an offset.
    """

    area: str | None = None
    areas: Mapping[str, str] = field(default_factory=dict)
    categories: Mapping[str, Category] = field(default_factory=dict)
    category: Category | None = None
    statuses: Mapping[str, Status | None] = field(default_factory=dict)
    criteria: Mapping[str, Criteria] = field(default_factory=dict)
    timezone: str | None = None
    capacity: int = 3


@dataclass(frozen=True, slots=True)
class ReadService:
    """What became of one entry: a service with warnings, or, with no service, the reason it is refused."""

    provider: str
    service: Service | None
    notes: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """``taken``, ``warned`` or ``refused``."""
        return "refused" if self.service is None else "warned" if self.notes else "taken"


def slug(name: str) -> str:
    """An organisation's name as an id of a tenant."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:63].strip("-")


def readings(services: Iterable[Nested], words: Vocabulary) -> list[ReadService]:
    """Every service, at each of its locations."""
    seen: Counter[tuple[str, str]] = Counter()
    return [each for said in services for each in _service(said, words, seen)]


def _service(said: Nested, words: Vocabulary, seen: Counter[tuple[str, str]]) -> Iterator[ReadService]:
    provider = slug((said.get("organization") or {}).get("name") or "")
    if said.get("shifted"):
        yield ReadService(provider, None, (f"the row is shifted: see {', '.join(said['shifted'])}",))
        return
    if said.get("status") == "defunct":
        yield ReadService(provider, None, ("is defunct",))
        return
    notes: list[str] = []
    common = {
        "name": str(said.get("name") or "")[:200],
        "categories": _categories(said, words, notes),
        "capacity": _capacity(said, words, notes),
        "languages": _languages(said, notes),
        "areas": _areas(said, words, notes),
        "takes_referrals": _takes(said, notes),
        **_capacity_of(said),
        "documents": _documents(said, notes),
        "cost": _cost(said, notes),
    }
    _unsaid(said, notes)
    places = said.get("service_at_locations") or [{}]
    for number, place in enumerate(places):
        own = list(notes)
        key = str((place.get("id") if len(places) > 1 else None) or said.get("id") or "")
        seen[provider, key] += 1
        if seen[provider, key] > 1:  # under one key the second would replace the first
            key = f"{key}-{seen[provider, key]}"
            own.append("the id is used twice: told apart by a number")
        hours = place.get("schedules") or said.get("schedules")
        at = place.get("location") or {}
        try:
            service = Service(
                **common,
                service=key,
                eligibility=Eligibility(**_ages(said, own), **_statuses(said, words, own), description=_in_words(said)),
                schedule=_schedule(hours or [], words, own),
                **{name: at[name] for name in ("latitude", "longitude") if at.get(name) not in (None, "")},
            )
        except ValidationError as error:
            yield ReadService(provider, None, tuple(f"{each.field}: {each.fix}" for each in problems_of(error)))
            continue
        if number and not at:
            own.append("one of its locations is not told")
        yield ReadService(provider, service, tuple(own))


def _number(value: Any) -> float | None:
    return float(value) if re.fullmatch(r"-?\d+(\.\d+)?", str(value)) else None


def _ages(said: Nested, notes: list[str]) -> dict[str, Any]:
    """A highest age of 150 and more is no limit. What is no number is left for the entry to be refused by."""
    stated = {name: said[name] for name in ("minimum_age", "maximum_age") if said.get(name) not in (None, "")}
    found = {name: value if (number := _number(value)) is None else int(number) for name, value in stated.items()}
    if (_number(found.get("maximum_age")) or 0) >= OLDEST:
        notes.append(f"a maximum age of {found['maximum_age']} is no limit")
        del found["maximum_age"]
    return found


def _statuses(said: Nested, words: Vocabulary, notes: list[str]) -> dict[str, Any]:
    """Joined by "or": so each that means something else is an alternative, and what can't be said is one in words."""
    stated = list(dict.fromkeys(said.get("statuses", [])))
    words_of = {**{each.value: each for each in Status}, **words.statuses}
    known = list(dict.fromkeys(status for each in stated if (status := words_of.get(each.lower())) is not None))
    more = [words.criteria[each.lower()] for each in stated if each.lower() in words.criteria]
    odd = [each for each in stated if each.lower() not in words.criteria and words_of.get(each.lower()) is None]
    if not more and not odd:
        return {"statuses": known}
    if odd:
        notes.append(f"the provider decides on {len(odd)} statuses that have no word here, such as: {odd[-1]}")
        more.append(Criteria(description="; ".join(odd)[:_LONGEST]))
    return {"any_of": [Criteria(statuses=known), *more] if known else more}


def _in_words(said: Nested) -> str | None:
    """What the entry's other fields can't say of whom it is for."""
    told = {what: str(value) for what, value in said.get("conditions", {}).items() if value}
    own = [what if value.lower() in ("true", "yes", "1") else f"{what}: {value}" for what, value in told.items()]
    return "; ".join(filter(None, [str(said.get("eligibility_description") or "").strip(), *own]))[:_LONGEST] or None


def _areas(said: Nested, words: Vocabulary, notes: list[str]) -> list[str]:
    stated = [area.get("name") or area.get("description") or "" for area in said.get("service_areas") or []]
    found = [words.areas.get(each.lower(), each if re.fullmatch(_ADMIN1, each) else "") for each in stated]
    known = [each for each in found if each]
    if len(known) < len(stated):
        notes.append(f"{len(stated) - len(known)} areas are unknown here: the provider decides")
    if not known and words.area:
        notes.append("no area: taken as where its publisher is")
        return [words.area]
    return list(dict.fromkeys(known))


def _categories(said: Nested, words: Vocabulary, notes: list[str]) -> list[Category]:
    """Of a publisher with one kind of help, "employment" is what that is about, and no kind of its own."""
    found = [words.category] if words.category else []
    known = words.categories if words.category else {**{each.value: each for each in Category}, **words.categories}
    for each in said.get("attributes") or []:
        term = each.get("taxonomy_term") or {}
        found += [known[key] for key in _names(term) if key in known]
    if not found:
        notes.append("none of its terms is a category here")
    return list(dict.fromkeys(found))


def _names(term: Mapping[str, Any]) -> list[str]:
    return [str(term[name]).lower() for name in ("code", "name") if term.get(name)]


def _capacity(said: Nested, words: Vocabulary, notes: list[str]) -> int:
    """HSDS 3.1: of each unit, how many there are at most and how many are free."""
    stated = said.get("capacities") or []
    if len(stated) > 1:
        notes.append("capacity in several units: the smallest counts")
    counts = []
    for each in stated:
        available, maximum = _number(each.get("available")), _number(each.get("maximum"))
        if available is not None and maximum is not None and available > maximum:
            notes.append("more places are free than there are: the lower number counts")
        count = available if maximum is None else maximum
        if count is None:
            notes.append("a capacity without a number: left out")
        else:
            counts.append(int(count))
    return min(counts, default=words.capacity)


def _capacity_of(said: Nested) -> dict[str, Any]:
    """Unit and time of the one capacity stated, where they are such as an entry has."""
    if len(said.get("capacities") or []) != 1:
        return {}
    (stated,) = said["capacities"]
    unit = stated.get("unit")
    named = str((unit.get("name") if isinstance(unit, Mapping) else unit) or "").lower()
    updated = re.fullmatch(_MOMENT, str(stated.get("updated") or ""))
    told = {"capacity_unit": named} if named in set(CapacityUnit) else {}
    return {**told, "capacity_updated": updated[0]} if updated else told


def _documents(said: Nested, notes: list[str]) -> list[Document]:
    """Kinds by the words in their names; one of no known kind is another one, for the provider to name."""
    found = []
    for each in said.get("required_documents") or []:
        name = str(each.get("document") or "").lower()
        kind = next((kind for part, kind in _DOCUMENTS.items() if part in name), Document.OTHER)
        if kind is Document.OTHER:
            notes.append(f"a required document of no kind that has a word here: {name[:80]}")
        found.append(kind)
    return list(dict.fromkeys(found))


def _cost(said: Nested, notes: list[str]) -> Cost | None:
    """One option as it is stated; of several the lowest amount counts as none: they are put in words."""
    stated = said.get("cost_options") or []
    if not stated:
        return None
    words = [str(each.get("amount_description") or each.get("option") or "").strip() for each in stated]
    told = "; ".join(filter(None, words))[:200] or None
    amount, currency = _number(stated[0].get("amount")), str(stated[0].get("currency") or "").upper()
    if len(stated) == 1 and amount == 0:
        return Cost(free=True, description=told)
    if len(stated) == 1 and amount is not None and re.fullmatch("[A-Z]{3}", currency):
        return Cost(amount=amount, currency=currency, description=told)
    notes.append("cost in words only: no single amount with its currency")
    amounts = ", ".join(str(each["amount"]) for each in stated if each.get("amount") not in (None, ""))
    return Cost(description=(told or amounts or "not told")[:200])


def _languages(said: Nested, notes: list[str]) -> list[str]:
    codes = [str(each.get("code") or "").lower() for each in said.get("languages") or []]
    known = [code for code in codes if re.fullmatch(r"[a-z]{2,3}", code)]
    if len(known) < len(codes):
        notes.append("a language without a code: left out")
    return list(dict.fromkeys(known))


def _takes(said: Nested, notes: list[str]) -> bool:
    status = said.get("status") or "active"
    if status != "active":
        notes.append(f"is {status}: nobody is sent")
    return bool(status == "active")


def _schedule(stated: Sequence[Mapping[str, Any]], words: Vocabulary, notes: list[str]) -> Schedule | None:
    """Weekly openings. Without a zone, or by another rule than days of the week, hours can't be counted."""
    if not stated:
        return None
    openings = []
    for each in stated:
        days = [day for day in str(each.get("byday") or "").replace(" ", "").split(",") if day]
        hours = {name: str(each.get(name) or "")[:8] for name in ("opens_at", "closes_at")}
        until = each.get("valid_to")
        if not words.timezone or not days or not all(hours.values()) or each.get("freq") not in (None, "WEEKLY"):
            notes.append("opening hours that are not by days of the week: not counted")
        elif any(each.get(name) for name in ("bymonthday", "byyearday", "byweekno")) or until:
            notes.append("opening hours that hold for some dates only: not counted")
        else:
            openings.append(Opening(days=days, **hours))
    return Schedule(timezone=words.timezone or "", openings=openings) if openings else None


def _unsaid(said: Nested, notes: list[str]) -> None:
    """What an entry has no words for."""
    if said.get("eligibility_description"):
        notes.append("the provider decides: eligibility in its own words")
    notes += [f"the provider decides: {what}" for what, value in said.get("conditions", {}).items() if value]
