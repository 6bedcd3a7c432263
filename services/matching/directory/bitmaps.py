"""Which bitmaps of the `index` an entry is in: a key for each value of the entry that a rule compares.

The keys follow from the entry alone, part by part. When an entry changes, only the parts whose fields have changed are
looked at, and only the bitmaps are changed that one version of the entry is in and the other is not.
"""

from collections.abc import Callable, Iterator
from operator import itemgetter
from typing import Any, NamedTuple

from contracts.eligibility import Criteria
from contracts.provider import Service
from contracts.words import Unknown

from ..eligibility.alternatives import INVERSE
from ..eligibility.criteria import LARGEST_HOUSEHOLD, Verdict, meets_description, resolve
from ..eligibility.rules import is_remote
from ..model import geo
from ..model.entry import DirectoryEntry
from .person_kinds import PERSON_KINDS, UNDESCRIBED

Key = str | tuple[Any, ...]
"""The name of a bitmap; or a tuple of the name and a value, such as ``("language", "ru")``.

Names are plain strings: hashing a member of an enum takes longer than finding the bitmap.
"""

IN_CATEGORY = "in-category"
"""All services of the category."""
BARRED = "barred"
"""Services whose provider may not take part."""
CONSENT = "consent"
"""With a provider: its services."""

OPEN = "open"
"""Services that take referrals at any time."""
DATED = "dated"
"""Services that take referrals between two dates only."""

REMOTE = "remote"
"""Services by phone or online."""
ANYWHERE = "anywhere"
"""Services that state no area and no radius."""
AREA = "area"
"""With a region or country: services for it."""
STEP_FREE = "step-free"
RADIUS = "radius"
"""Services that state a radius."""
WITHIN, EDGE = "within", "edge"
"""With an H3 cell: services whose radius covers the whole cell, or may cover parts of it."""

LANGUAGE = "language"
"""With a language: services that speak it."""
ANY_LANGUAGE = "any-language"
"""Services that state no language."""
CAPACITY = "capacity"
"""With a number up to `LARGEST_CAPACITY`: services with just so many places."""
LARGEST_CAPACITY = LARGEST_HOUSEHOLD
DOCUMENTS = "documents"
"""Services that require any document; with a document: those that require it."""

AGE, SEX, STATUS = "age", "sex", "status"
"""With False and a kind of person (`person_kinds`): services that exclude it. With None instead of False: services that
have to assess it. Criteria are stored by what they exclude, so that a service without limits is in no bitmap."""
MAXIMUM_HOUSEHOLD = "maximum-household"
"""With a number: services for households of at most this size."""
REQUIRES_A_FLAG = "requires-a-flag"
"""Services for people with certain flags only."""
REQUIRES, EXCLUDES, ASSESSES = "requires", "excludes", "assesses"
"""With a flag: services that are for people with it, are not for them, or have to assess them."""
DESCRIPTION = "description"
"""With a verdict: services whose description excludes everyone (False) or must be assessed (None)."""

CONDITIONS = "conditions"
"""Services with alternatives, exclusions or a description."""
ANY_OF, NONE_OF = "any-of", "none-of"
"""With a number n, from 0: services that have an n-th alternative, or exclusion (see `alternative_bitmaps`). With n and
then one of the keys in the paragraph above: services whose n-th alternative or exclusion says this."""


def _tenant_keys(entry: DirectoryEntry) -> set[Key]:
    keys: set[Key] = {IN_CATEGORY, (CONSENT, entry.provider)}
    return keys | {BARRED} if entry.barred else keys


def _open_keys(entry: DirectoryEntry) -> set[Key]:
    service = entry.service
    if not service.takes_referrals:
        return set()
    return {OPEN} if service.valid_from is service.valid_to is None else {DATED}


def _area_keys(entry: DirectoryEntry) -> set[Key]:
    service = entry.service
    if is_remote(service):
        return {REMOTE}
    keys: set[Key] = {(AREA, area) for area in service.areas}
    if service.step_free:
        keys.add(STEP_FREE)
    if not service.areas and service.radius_km is None:
        keys.add(ANYWHERE)
    return keys | _radius_keys(service)


def _radius_keys(service: Service) -> set[Key]:
    if service.radius_km is None or service.latitude is None or service.longitude is None:
        return set()
    within, edge = geo.reach((service.latitude, service.longitude), service.radius_km)
    return {RADIUS} | {(WITHIN, cell) for cell in within} | {(EDGE, cell) for cell in edge}


def _language_keys(entry: DirectoryEntry) -> set[Key]:
    spoken: set[Key] = {(LANGUAGE, language) for language in entry.service.languages}
    return spoken or {ANY_LANGUAGE}


def _capacity_keys(entry: DirectoryEntry) -> set[Key]:
    capacity = entry.capacity
    return {(CAPACITY, capacity)} if 0 < capacity <= LARGEST_CAPACITY else set()


def _document_keys(entry: DirectoryEntry) -> set[Key]:
    required: set[Key] = {(DOCUMENTS, each) for each in entry.service.documents}
    return required | {DOCUMENTS} if required else required


def _eligibility_keys(entry: DirectoryEntry) -> set[Key]:
    limits = entry.service.eligibility
    keys = set(_criteria_keys(limits, (), excluding=False))
    for name, alternatives in ((ANY_OF, limits.any_of), (NONE_OF, limits.none_of)):
        for number, criteria in enumerate(alternatives):
            prefix = (name, number)
            keys |= {prefix, *_criteria_keys(criteria, prefix, excluding=name == NONE_OF)}
    return keys | {CONDITIONS} if limits.any_of or limits.none_of or limits.description else keys


def _criteria_keys(limits: Criteria, prefix: tuple[Any, ...], *, excluding: bool) -> Iterator[Key]:
    """What these criteria exclude or leave unknown. `excluding`: an exclusion, for which "if unknown" is inverted."""

    def if_unknown(choice: Unknown) -> Unknown:
        return INVERSE[choice] if excluding else choice

    if limits.maximum_household is not None:
        yield (*prefix, MAXIMUM_HOUSEHOLD, limits.maximum_household)
    yield from _personal_keys(limits, prefix, if_unknown, excluding=excluding)
    yield from _flag_keys(limits, prefix, if_unknown)
    described = meets_description(limits, if_unknown(limits.unknown.description))
    if described is not True:
        yield (*prefix, DESCRIPTION, described)


def _personal_keys(
    limits: Criteria, prefix: tuple[Any, ...], if_unknown: Callable[[Unknown], Unknown], *, excluding: bool
) -> Iterator[Key]:
    """For each personal criterion that is stated: the kinds of people that do not meet it for certain."""
    for criterion, kind, examples in PERSON_KINDS:
        if not criterion.is_stated(limits):
            continue
        choice = if_unknown(criterion.if_unknown(limits.unknown))
        for person in examples:
            verdict: Verdict = None if person is UNDESCRIBED else criterion.met_by(person, limits)
            resolved = resolve(verdict, choice)
            if resolved is not True:
                yield (*prefix, criterion.rule.value, resolved, kind(person))
        if excluding:
            yield (*prefix, criterion.rule.value)


def _flag_keys(limits: Criteria, prefix: tuple[Any, ...], if_unknown: Callable[[Unknown], Unknown]) -> Iterator[Key]:
    required, excluded = set(limits.flags_any), set(limits.not_flags)
    yield from ((*prefix, EXCLUDES, flag) for flag in excluded - required)
    contradictory = {False: EXCLUDES, None: ASSESSES}.get(resolve(None, if_unknown(limits.unknown.flags)))
    if contradictory:
        yield from ((*prefix, contradictory, flag) for flag in excluded & required)
    yield from ((*prefix, REQUIRES, flag) for flag in required)
    if required:
        yield (*prefix, REQUIRES_A_FLAG)


class Part(NamedTuple):
    """Some of an entry's keys, and the fields of its service that they depend on.

    Without `fields`, they depend on whether the entry is `barred`. `dated`: whether they depend on dates as well.
    """

    keys: Callable[[DirectoryEntry], set[Key]]
    fields: Callable[[dict[str, Any]], object] | None
    dated: bool = False


PARTS = (
    Part(_tenant_keys, None),
    Part(_open_keys, itemgetter("takes_referrals", "valid_from", "valid_to"), dated=True),
    Part(_area_keys, itemgetter("areas", "latitude", "longitude", "radius_km", "step_free")),
    Part(_language_keys, itemgetter("languages")),
    Part(_capacity_keys, itemgetter("capacity")),
    Part(_eligibility_keys, itemgetter("eligibility")),
    Part(_document_keys, itemgetter("documents")),
)


def changed_parts(old: DirectoryEntry, new: DirectoryEntry) -> list[Part]:
    """The parts whose keys may differ between two versions of an entry."""
    before, after = vars(old.service), vars(new.service)
    barred_changed = old.barred != new.barred
    return [part for part in PARTS if (part.fields(before) != part.fields(after) if part.fields else barred_changed)]
