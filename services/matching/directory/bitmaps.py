"""Which masks of the `index` an entry is in: a key for each value of it that a rule asks for.

The keys follow from the entry alone, part by part. An update turns those that the old entry has and the new one has
not, or the other way round; a part whose fields have not changed is not looked at.
"""

from collections.abc import Callable, Iterator
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

from contracts.eligibility import Criteria, IfUnknown
from contracts.intake import MinimalProfile, NeedRegistered
from contracts.provider import Service
from contracts.words import AgeBand, Rule, Sex, Status, Unknown

from ..eligibility import criteria
from ..eligibility.alternatives import INVERSE
from ..eligibility.criteria import CHILD_FLAGS, Verdict, settled
from ..eligibility.rules import remote
from ..model import geo
from ..model.entry import DirectoryEntry

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
DOCUMENTS = "documents"
"""Require some; in a tuple, this one."""
CONDITIONS = "conditions"
"""Have alternatives, exclusions, or words of which not everybody passes."""
SAID = "said"
"""With a verdict: say in words what has to be met."""
ANY, NONE = "any", "none"
"""With a number: have so many alternatives, or exclusions, and more; see `planes`. With a number and one of the keys
above: the one of that number says this."""
FEW = 30
"""The largest capacity that has a mask of its own. No household is larger."""


class Judged(NamedTuple):
    """A rule that is judged person by person: all kinds of person there are, and the verdict on one (`criteria`)."""

    limited: Callable[[Criteria], bool]
    verdict: Callable[[MinimalProfile, Criteria], Verdict]
    unknown: Callable[[IfUnknown], Unknown]
    kind: Callable[[MinimalProfile], Any]
    kinds: list[MinimalProfile]


def age_kind(person: MinimalProfile) -> tuple[AgeBand, bool]:
    """Two of one kind are of one age, as far as `criteria` see."""
    return person.age_band, bool(person.flags) and criteria.flagged_child(person)


def _person(**known: Any) -> MinimalProfile:
    return MinimalProfile(**{"age_band": AgeBand.ADULT, "sex": Sex.UNDISCLOSED, "languages": [], **known})


_NOTHING: Any = "undescribed"
STRANGER = MinimalProfile.model_construct(age_band=_NOTHING, sex=_NOTHING, status=_NOTHING, languages=[], flags=[])
"""Of whom nothing is known: of each rule a kind of its own."""


def everybody(need: NeedRegistered) -> list[MinimalProfile]:
    """Those whom a need is for; where not all of them are described, a stranger among them."""
    people = need.people
    return people if need.places <= len(people) else [*people, STRANGER]


JUDGED: dict[Rule, Judged] = {
    Rule.AGE: Judged(
        criteria.limits_age,
        criteria.aged_for,
        attrgetter("age"),
        age_kind,
        [_person(age_band=band, flags=flags) for band in AgeBand for flags in ([], sorted(CHILD_FLAGS))] + [STRANGER],
    ),
    Rule.SEX: Judged(
        criteria.limits_sex,
        criteria.of_sex,
        attrgetter("sex"),
        attrgetter("sex"),
        [_person(sex=sex) for sex in Sex] + [STRANGER],
    ),
    Rule.STATUS: Judged(
        criteria.limits_status,
        criteria.of_status,
        attrgetter("status"),
        attrgetter("status"),
        [_person(status=status) for status in (None, *Status)] + [STRANGER],
    ),
}
"""In the order of `assessment.unknown`."""
KINDS = tuple((rule, rule.value, of.kind) for rule, of in JUDGED.items())


def _tenant(entry: DirectoryEntry) -> set[Key]:
    keys: set[Key] = {IN_CATEGORY, (CONSENT, entry.provider)}
    return keys | {BARRED} if entry.barred else keys


def _open(entry: DirectoryEntry) -> set[Key]:
    service = entry.service
    if not service.takes_referrals:
        return set()
    return {OPEN} if service.valid_from is service.valid_to is None else {DATED}


def _area(entry: DirectoryEntry) -> set[Key]:
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
    within, edge = geo.reach((service.latitude, service.longitude), service.radius_km)
    return {RADIUS} | {(WITHIN, cell) for cell in within} | {(EDGE, cell) for cell in edge}


def _language(entry: DirectoryEntry) -> set[Key]:
    spoken: set[Key] = {(LANGUAGE, language) for language in entry.service.languages}
    return spoken or {ANY_LANGUAGE}


def _capacity(entry: DirectoryEntry) -> set[Key]:
    capacity = entry.capacity
    return {(CAPACITY, capacity)} if 0 < capacity <= FEW else set()


def _documents(entry: DirectoryEntry) -> set[Key]:
    required: set[Key] = {(DOCUMENTS, each) for each in entry.service.documents}
    return required | {DOCUMENTS} if required else required


def _whom(entry: DirectoryEntry) -> set[Key]:
    limits = entry.service.eligibility
    keys = set(_stated(limits, (), inverse=False))
    for name, conjunctions in ((ANY, limits.any_of), (NONE, limits.none_of)):
        for number, each in enumerate(conjunctions):
            keys |= {(name, number), *_stated(each, (name, number), inverse=name == NONE)}
    return keys | {CONDITIONS} if limits.any_of or limits.none_of or limits.description else keys


def _stated(limits: Criteria, of: tuple[Any, ...], *, inverse: bool) -> Iterator[Key]:
    """What these criteria rule out or leave unknown. `inverse`: what they exclude, where unknown means the contrary."""

    def word(verdict: Verdict, unknown: Unknown) -> Verdict:
        return settled(verdict, INVERSE[unknown] if inverse else unknown)

    if limits.maximum_household is not None:
        yield (*of, AT_MOST, limits.maximum_household)
    for rule, judged in JUDGED.items():
        if judged.limited(limits):
            unknown = judged.unknown(limits.unknown)
            for each in judged.kinds:
                found = word(None if each is STRANGER else judged.verdict(each, limits), unknown)
                if found is not True:
                    yield (*of, rule.value, found, judged.kind(each))
            if inverse:
                yield (*of, rule.value)
    wanted, excluded = set(limits.flags_any), set(limits.not_flags)
    both = {False: NOT, None: LOOK}.get(word(None, limits.unknown.flags))
    yield from ((*of, NOT, flag) for flag in excluded - wanted)
    yield from ((*of, both, flag) for flag in excluded & wanted if both)
    yield from ((*of, FOR, flag) for flag in wanted)
    if wanted:
        yield (*of, FOR_SOME)
    if limits.description is not None and (said := word(None, limits.unknown.description)) is not True:
        yield (*of, SAID, said)


class Part(NamedTuple):
    """Keys, and the fields of the service that they depend on; without any, they depend on whether it is `barred`."""

    keys: Callable[[DirectoryEntry], set[Key]]
    fields: Callable[[dict[str, Any]], object] | None
    dated: bool = False
    """Whether they depend on dates."""


PARTS = (
    Part(_tenant, None),
    Part(_open, itemgetter("takes_referrals", "valid_from", "valid_to"), dated=True),
    Part(_area, itemgetter("areas", "latitude", "longitude", "radius_km", "step_free")),
    Part(_language, itemgetter("languages")),
    Part(_capacity, itemgetter("capacity")),
    Part(_whom, itemgetter("eligibility")),
    Part(_documents, itemgetter("documents")),
)


def changed(old: DirectoryEntry, new: DirectoryEntry) -> list[Part]:
    """The parts whose keys may differ."""
    before, after = vars(old.service), vars(new.service)
    barred = old.barred != new.barred
    return [part for part in PARTS if (part.fields(before) != part.fields(after) if part.fields else barred)]
