"""Which masks of the `index` an entry is in: a key for each value of it that a rule asks for.

The keys follow from the entry alone, part by part. An update turns those that the old entry has and the new one has
not, or the other way round; a part whose fields have not changed is not looked at.
"""

from collections.abc import Callable
from operator import attrgetter
from typing import Any, NamedTuple

from contracts.intake import Minimum
from contracts.provider import Eligibility, Service
from contracts.words import AgeBand, Rule, Sex, Status

from . import assessment, cells
from .assessment import CHILD_FLAGS, Verdict
from .eligibility import remote
from .entry import Entry

CONSENT, AREA, AGE, SEX, LANGUAGE, STATUS = "consent", "area", "age", "sex", "language", "status"
"""A rule. Keys are of plain strings: to hash an enum's member takes longer than to find a mask."""
Key = str | tuple[Any, ...]
"""What a rule asks for; in a tuple, the rule and the value. What follows says of the services in the mask:"""

IN_CATEGORY = "in-category"
BARRED = "barred"
OPEN = "open"
DATED = "dated"
"""Take referrals within their dates."""
REMOTE = "remote"
ANYWHERE = "anywhere"
"""State no limit."""
STEP_FREE = "step-free"
RADIUS = "radius"
"""Have one; with a cell instead: all of the cell is `WITHIN` it, or at its `EDGE`."""
WITHIN, EDGE = "within", "edge"
ANY_LANGUAGE = "any-language"
CAPACITY, AT_MOST = "capacity", "at-most"
"""With a number: have so many places; take households of at most so many."""
NOT, FOR, LOOK = "not", "for", "look"
"""With a flag: are not for such people; are for them; have to look at them closer."""
FOR_SOME = "for-some"
"""Are for people with some flag only."""
LIMITED = "limited"
"""Of a rule in `JUDGED`: limit it at all. Instead, with a verdict and a kind of person: say this of such people."""
FEW = 30
"""The largest capacity that has a mask of its own. No household is larger."""


class Judged(NamedTuple):
    """A rule that `assessment` judges person by person: all kinds of person there are, and the verdict on one."""

    limited: Callable[[Eligibility], bool]
    verdict: Callable[[Minimum, Eligibility], Verdict]
    kind: Callable[[Minimum], Any]
    kinds: list[Minimum]


def age_kind(person: Minimum) -> tuple[AgeBand, bool]:
    """Two of one kind are of one age, as far as `assessment` sees."""
    return person.age_band, bool(person.flags) and assessment.flagged_child(person)


def _person(**known: Any) -> Minimum:
    return Minimum(**{"age_band": AgeBand.ADULT, "sex": Sex.UNDISCLOSED, "languages": [], **known})


JUDGED: dict[Rule, Judged] = {
    Rule.AGE: Judged(
        assessment.limits_age,
        assessment.aged_for,
        age_kind,
        [_person(age_band=band, flags=flags) for band in AgeBand for flags in ([], sorted(CHILD_FLAGS))],
    ),
    Rule.SEX: Judged(
        lambda limits: bool(limits.sexes),
        assessment.of_sex,
        attrgetter("sex"),
        [_person(sex=sex) for sex in Sex],
    ),
    Rule.STATUS: Judged(
        assessment.limits_status,
        assessment.of_status,
        attrgetter("status"),
        [_person(status=status) for status in (None, *Status)],
    ),
}
"""In the order of `assessment.unknown`."""
KINDS = tuple((rule, rule.value, of.kind) for rule, of in JUDGED.items())


def changed(old: Entry | None, new: Entry | None) -> set[str]:
    """The fields that differ, of those that some part depends on. All, where there is only one entry."""
    if old is None or new is None:
        return _FIELDS
    before, after = vars(old.service), vars(new.service)
    differs = {name for name in _OF_SERVICE if before[name] is not after[name] and before[name] != after[name]}
    if old.barred != new.barred:
        differs.add("barred")
    return differs


def _tenant(entry: Entry) -> set[Key]:
    keys: set[Key] = {IN_CATEGORY, (CONSENT, entry.provider)}
    return keys | {BARRED} if entry.barred else keys


def _open(entry: Entry) -> set[Key]:
    service = entry.service
    if not service.takes_referrals:
        return set()
    return {OPEN} if service.valid_from is service.valid_to is None else {DATED}


def _area(entry: Entry) -> set[Key]:
    service = entry.service
    if remote(service):
        return {REMOTE}
    keys: set[Key] = {(AREA, area) for area in service.areas}
    if service.step_free:
        keys.add(STEP_FREE)
    if not service.areas and service.radius_km is None:
        keys.add(ANYWHERE)
    return keys | _reach(service)


def _reach(service: Service) -> set[Key]:
    if service.radius_km is None or service.latitude is None or service.longitude is None:
        return set()
    within, edge = cells.reach((service.latitude, service.longitude), service.radius_km)
    return {RADIUS} | {(WITHIN, cell) for cell in within} | {(EDGE, cell) for cell in edge}


def _language(entry: Entry) -> set[Key]:
    spoken: set[Key] = {(LANGUAGE, language) for language in entry.service.languages}
    return spoken or {ANY_LANGUAGE}


def _capacity(entry: Entry) -> set[Key]:
    capacity = entry.service.capacity
    return {(CAPACITY, capacity)} if 0 < capacity <= FEW else set()


def _whom(entry: Entry) -> set[Key]:
    limits = entry.service.eligibility
    keys: set[Key] = set() if limits.maximum_household is None else {(AT_MOST, limits.maximum_household)}
    for rule, of in JUDGED.items():
        if of.limited(limits):
            keys.add((rule.value, LIMITED))
            verdicts = [(of.kind(each), of.verdict(each, limits)) for each in of.kinds]
            keys |= {(rule.value, verdict, kind) for kind, verdict in verdicts if verdict is not True}
    wanted, excluded = set(limits.flags_any), set(limits.not_flags)
    keys |= {(NOT, flag) for flag in excluded - wanted} | {(LOOK, flag) for flag in excluded & wanted}
    return keys | {(FOR, flag) for flag in wanted} | ({FOR_SOME} if wanted else set())


PARTS: tuple[tuple[frozenset[str], Callable[[Entry], set[Key]]], ...] = (
    (frozenset({"barred"}), _tenant),
    (frozenset({"takes_referrals", "valid_from", "valid_to"}), _open),
    (frozenset({"areas", "latitude", "longitude", "radius_km", "step_free"}), _area),
    (frozenset({"languages"}), _language),
    (frozenset({"capacity"}), _capacity),
    (frozenset({"eligibility"}), _whom),
)
"""The fields (of the service, and `Entry.barred`) that keys depend on, and the keys."""

_FIELDS = {field for fields, _ in PARTS for field in fields}
_OF_SERVICE = sorted(_FIELDS - {"barred"})
