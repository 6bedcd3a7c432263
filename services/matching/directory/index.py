"""Finds the services of a category that can take a need, and counts how many are left after each rule.

It says what the predicates of `eligibility` say of each single service, much faster. A service is a bit. For each value
that a rule asks for (a language, a region, an age band, …) a mask, a Python integer, has the bits of the services that
it concerns (`masks`). So a rule is a few `&` and `|` for all services at once, and a new entry turns the bits of what
is new in it. Of whom a service is for, the masks have those that a value rules out: one without limits is in none.

What no mask can hold is looked at service by service, by the predicates themselves: the distance a person can go (of
those left in the area), the edge of a wide radius, dates (once a day), and the services that have been tried.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from contracts.intake import MinimalProfile, NeedRegistered
from contracts.matching import FunnelStep
from contracts.words import Rule

from ..eligibility import assessment
from ..eligibility.rules import Case, distance_km, missing_documents, not_ruled_out, valid
from ..model import geo
from ..model.entry import DirectoryEntry
from . import alternative_bitmaps, bitmaps
from .bitmaps import AGE, AREA, CONDITIONS, CONSENT, DOCUMENTS, KINDS, LANGUAGE, SEX, STATUS, Key


class Found(NamedTuple):
    """The services that can take a need, if they have a place; and how many were left after each rule, up to the one
    that left none. `unknown`: for services, by id, their rules of which nobody can tell whether the need meets them.

    `entries`, and `unknown` of them, are without the services that were to be kept `apart`. `steps` count all.
    """

    entries: list[DirectoryEntry]
    steps: list[FunnelStep]
    unknown: dict[str, list[Rule]]
    apart: "Apart"


class Apart(NamedTuple):
    """The services of a `Found` that were kept apart, as `bits` of the shard; looked at only when they are asked for.

    `doubtful` are services of whose conditions nobody can tell.
    """

    shard: "Shard"
    need: NeedRegistered
    people: list[MinimalProfile]
    bits: int
    doubtful: int

    def entries(self) -> list[DirectoryEntry]:
        """These services."""
        return self.shard.at(self.bits)

    def unknown(self) -> dict[str, list[Rule]]:
        """As `Found.unknown` has it of the others."""
        return self.shard.unknown(self.need, self.people, self.bits, self.doubtful)


class Shard:
    """The services of one category."""

    def __init__(self) -> None:
        self._entries: list[DirectoryEntry] = []
        self._bits: dict[str, int] = {}
        self._unused: list[int] = []
        self._masks: dict[Key, int] = {}
        self._day: date | None = None
        """The day of the last question, as of which these two are:"""
        self._valid: int | None = None
        self._stale = 0
        self._doubtful = 0
        """Of the last question: services of whose conditions nobody can tell."""
        self.revision = 0
        """Another number whenever anything has changed."""

    def put(self, entry: DirectoryEntry) -> None:
        """Set an entry, in the place of an earlier one of the same service."""
        self.revision += 1
        bit = self._bits.get(entry.id)
        if bit is not None:
            old, self._entries[bit] = self._entries[bit], entry
            self._turn(bit, old, entry)
            self._age_of(bit, entry)
            return
        bit = self._unused.pop() if self._unused else len(self._entries)
        self._entries[bit : bit + 1] = [entry]
        self._bits[entry.id] = bit
        self._turn(bit, None, entry)
        self._age_of(bit, entry)

    def remove(self, id_: str) -> None:
        """The service is not in this category (any more)."""
        self.revision += 1
        bit = self._bits.pop(id_, None)
        if bit is not None:
            self._turn(bit, self._entries[bit], None)
            self._unused.append(bit)

    def entries(self) -> list[DirectoryEntry]:
        """All there are, open or not."""
        return [self._entries[bit] for bit in self._bits.values()]

    def bit(self, id_: str) -> int:
        """Of a service, to be set in a mask; 0 if it is not here."""
        bit = self._bits.get(id_)
        return 0 if bit is None else 1 << bit

    def at(self, mask: int) -> list[DirectoryEntry]:
        """The entries of these bits."""
        entries = self._entries
        return [entries[bit] for bit in _bits(mask)]

    def speaking(self, languages: Iterable[str]) -> float:
        """The share of the services that speak one of these, or any; 1 where there are none."""
        there, spoken = self._masks.get(bitmaps.IN_CATEGORY, 0), self._masks.get(bitmaps.ANY_LANGUAGE, 0)
        for language in languages:
            spoken |= self._masks.get((LANGUAGE, language), 0)
        return (there & spoken).bit_count() / there.bit_count() if there else 1.0

    def find(self, case: Case, apart: int = 0) -> Found:
        """See `Found`."""
        people = bitmaps.everybody(case.need)
        left, count = self._masks.get(bitmaps.IN_CATEGORY, 0), len(self._bits)
        steps = []
        for of, step in _FUNNEL:
            passed = of(self, case, people, left)
            if passed is not left:
                left, count = passed, passed.bit_count()
            steps.append(step[count])
            if not left:
                break
        doubtful = self._doubtful if left else 0
        apart &= left
        left ^= apart
        unknown = self.unknown(case.need, people, left, doubtful) if left else {}
        return Found(self.at(left), steps, unknown, Apart(self, case.need, people, apart, doubtful))

    def ever(self, need: NeedRegistered) -> list[DirectoryEntry]:
        """Those that could take a need on one day or another, whoever was tried: no others are ever found for it."""
        case, people = Case(need, (), _SOME_DAY, timedelta()), bitmaps.everybody(need)
        left = self._masks.get(bitmaps.IN_CATEGORY, 0)
        for rule, of in _RULES.items():
            if rule not in (Rule.OPEN, Rule.STALE):
                left = of(self, case, people, left)
        return self.at(left)

    def unknown(
        self, need: NeedRegistered, people: list[MinimalProfile], left: int, doubtful: int
    ) -> dict[str, list[Rule]]:
        """As `assessment.unknown` has it of each service, in its order; of those of whom there is anything."""
        found: dict[str, list[Rule]] = {}
        get = self._masks.get
        for rule, name, kind in KINDS:
            perhaps = 0
            for person in people:
                perhaps |= get((name, None, kind(person)), 0)
            perhaps &= left
            if perhaps and not (rule is Rule.STATUS and assessment.blind(need)):
                for bit in _bits(perhaps):
                    found.setdefault(self._entries[bit].id, []).append(rule)
        perhaps = 0
        for person in people:
            for flag in person.flags:
                perhaps |= get((bitmaps.LOOK, flag), 0)
        for bit in _bits(perhaps & left):
            found.setdefault(self._entries[bit].id, []).append(Rule.EXCLUSION)
        if doubtful:
            for bit in _bits(doubtful & left):
                found.setdefault(self._entries[bit].id, []).append(Rule.CONDITIONS)
        if required := get(DOCUMENTS, 0):
            for bit in _bits(required & left):
                found.setdefault(self._entries[bit].id, []).append(Rule.DOCUMENTS)
        return found

    # masks -----------------------------------------------------------------------------------------------------------

    def _turn(self, bit: int, old: DirectoryEntry | None, new: DirectoryEntry | None) -> None:
        """Turn the bit in each mask that one of the two is in, and not the other."""
        turned = 1 << bit
        for part in bitmaps.changed(old, new) if old and new else bitmaps.PARTS:
            for key in (part.keys(old) if old else set()) ^ (part.keys(new) if new else set()):
                mask = self._masks.get(key, 0) ^ turned
                if mask:
                    self._masks[key] = mask
                else:
                    del self._masks[key]
            if part.dated:
                self._valid = None

    def _age_of(self, bit: int, entry: DirectoryEntry) -> None:
        """Entries are published all the time: not for each are those that are stale today to be found anew."""
        self._stale = _less(self._stale, 1 << bit)
        if self._day is not None and _stale(entry, self._day):
            self._stale |= 1 << bit

    def _such(self, left: int, fits: Callable[[DirectoryEntry], bool]) -> int:
        """Those left of whom that is true, looked at one by one."""
        for bit in _bits(left):
            if not fits(self._entries[bit]):
                left ^= 1 << bit
        return left

    # the rules: of those left, who fits ------------------------------------------------------------------------------

    def _category(self, case: Case, people: list[MinimalProfile], left: int) -> int:
        return left

    def _tenant(self, case: Case, people: list[MinimalProfile], left: int) -> int:
        return _less(left, self._masks.get(bitmaps.BARRED, 0))

    def _open(self, case: Case, people: list[MinimalProfile], left: int) -> int:
        day = case.now.date()
        if day != self._day:
            self._day, self._valid = day, None
            self._stale = sum(1 << bit for bit in self._bits.values() if _stale(self._entries[bit], day))
        if self._valid is None:
            today = self._such(self._masks.get(bitmaps.DATED, 0), lambda entry: valid(entry.service, day))
            self._valid = self._masks.get(bitmaps.OPEN, 0) | today
        return left & self._valid

    def _confirmed(self, case: Case, people: list[MinimalProfile], left: int) -> int:
        """As of the day that `_open` has looked at."""
        return _less(left, self._stale) if self._stale else left

    def _consent(self, case: Case, people: list[MinimalProfile], left: int) -> int:
        need, get = case.need, self._masks.get
        if need.recipients != "any":
            named = 0
            for provider in need.recipients:
                named |= get((CONSENT, provider), 0)
            left &= named
        for provider in need.constraints.not_providers:
            left = _less(left, get((CONSENT, provider), 0))
        return left

    def _area(self, case: Case, people: list[MinimalProfile], left: int) -> int:
        need, get = case.need, self._masks.get
        here, limits = need.region.admin1, need.constraints
        near = get(bitmaps.ANYWHERE, 0) | get((AREA, here), 0) | get((AREA, here[:2]), 0)
        if need.region.cell is not None:
            near |= self._in_radius(need, need.region.cell)
        if limits.step_free:
            near &= get(bitmaps.STEP_FREE, 0)
        if limits.max_distance_km is not None:
            limit = limits.max_distance_km
            near = self._such(near & left, lambda entry: _within(distance_km(need, entry), limit))
        return left & (near | get(bitmaps.REMOTE, 0))

    def _in_radius(self, need: NeedRegistered, cell: str) -> int:
        get, spot = self._masks.get, geo.spot(cell)
        if spot is None:
            return 0
        if spot.fine is None:
            sure, edge = 0, get(bitmaps.RADIUS, 0)
        else:
            sure = get((bitmaps.WITHIN, spot.fine), 0) | get((bitmaps.WITHIN, spot.coarse), 0)
            edge = get((bitmaps.EDGE, spot.coarse), 0)
        if edge:
            sure |= self._such(edge, lambda each: _within(distance_km(need, each), each.service.radius_km))
        return sure

    def _age(self, case: Case, people: list[MinimalProfile], left: int) -> int:
        get = self._masks.get
        for person in people:
            left = _less(left, get((AGE, False, bitmaps.age_kind(person)), 0))
        return left

    def _sex(self, case: Case, people: list[MinimalProfile], left: int) -> int:
        get = self._masks.get
        for person in people:
            left = _less(left, get((SEX, False, person.sex), 0))
        return left

    def _language(self, case: Case, people: list[MinimalProfile], left: int) -> int:
        get, understood = self._masks.get, self._masks.get(bitmaps.ANY_LANGUAGE, 0)
        for person in people:
            for language in person.languages:
                understood |= get((LANGUAGE, language), 0)
        if case.need.constraints.languages:
            demanded = 0
            for language in case.need.constraints.languages:
                demanded |= get((LANGUAGE, language), 0)
            left &= demanded
        return left & understood

    def _household(self, case: Case, people: list[MinimalProfile], left: int) -> int:
        places, size, get = case.need.places, case.need.person.household_size, self._masks.get
        for less in range(1, min(places, bitmaps.FEW + 1)):
            left = _less(left, get((bitmaps.CAPACITY, less), 0))
        if places > bitmaps.FEW:
            left = self._such(left, lambda entry: not 0 < entry.capacity < places)
        for less in range(1, min(size, bitmaps.FEW + 1)):
            left = _less(left, get((bitmaps.AT_MOST, less), 0))
        return left

    def _status(self, case: Case, people: list[MinimalProfile], left: int) -> int:
        if not assessment.blind(case.need):
            get = self._masks.get
            for person in people:
                left = _less(left, get((STATUS, False, person.status), 0))
        return left

    def _exclusion(self, case: Case, people: list[MinimalProfile], left: int) -> int:
        get, strangers = self._masks.get, self._masks.get((bitmaps.FOR_SOME,), 0)
        for person in people:
            for flag in person.flags:
                left = _less(left, get((bitmaps.NOT, flag), 0))
                strangers = _less(strangers, get((bitmaps.FOR, flag), 0))
        return _less(left, strangers)

    def _conditions(self, case: Case, people: list[MinimalProfile], left: int) -> int:
        """Keeps of whom nobody can tell, for `unknown`."""
        self._doubtful, stated = 0, self._masks.get(CONDITIONS, 0)
        if stated and stated & left:
            size, blind = case.need.person.household_size, assessment.blind(case.need)
            failed, self._doubtful = alternative_bitmaps.judge(self._masks.get, people, size, blind)
            left = _less(left, failed)
        return left

    def _documents(self, case: Case, people: list[MinimalProfile], left: int) -> int:
        if case.tried:
            for each in missing_documents(case):
                left = _less(left, self._masks.get((DOCUMENTS, each), 0))
        return left

    def _ruled_out(self, case: Case, people: list[MinimalProfile], left: int) -> int:
        if case.tried:
            for id_ in {each.service for each in case.tried} & self._bits.keys():
                bit = self._bits[id_]
                if not not_ruled_out(case, self._entries[bit]):
                    left = _less(left, 1 << bit)
        return left


_RULES: dict[Rule, Callable[[Shard, Case, list[MinimalProfile], int], int]] = {
    Rule.CATEGORY: Shard._category,
    Rule.TENANT: Shard._tenant,
    Rule.OPEN: Shard._open,
    Rule.STALE: Shard._confirmed,
    Rule.CONSENT: Shard._consent,
    Rule.AREA: Shard._area,
    Rule.AGE: Shard._age,
    Rule.SEX: Shard._sex,
    Rule.LANGUAGE: Shard._language,
    Rule.HOUSEHOLD: Shard._household,
    Rule.STATUS: Shard._status,
    Rule.EXCLUSION: Shard._exclusion,
    Rule.CONDITIONS: Shard._conditions,
    Rule.DOCUMENTS: Shard._documents,
    Rule.RULED_OUT: Shard._ruled_out,
}
"""In the order of `eligibility.RULES`."""


class _Steps(dict[int, FunnelStep]):
    """Of one rule, by how many are left. They are frozen, so one of a kind will do."""

    def __init__(self, rule: Rule) -> None:
        super().__init__()
        self._rule = rule

    def __missing__(self, left: int) -> FunnelStep:
        made = self[left] = FunnelStep(rule=self._rule, left=left)
        return made


_STEPS = {rule: _Steps(rule) for rule in Rule}
_FUNNEL = tuple((of, _STEPS[rule]) for rule, of in _RULES.items())
_SOME_DAY = datetime.min.replace(tzinfo=UTC)


def _bits(mask: int) -> list[int]:
    """The highest first: so the mask gets shorter on the way."""
    found = []
    while mask:
        bit = mask.bit_length() - 1
        mask ^= 1 << bit
        found.append(bit)
    return found


def _less(mask: int, out: int) -> int:
    """The mask without these bits. `mask & ~out` takes three times as long."""
    both = mask & out
    return mask ^ both if both else mask


def _stale(entry: DirectoryEntry, day: date) -> bool:
    return entry.confirmed_until is not None and entry.confirmed_until < day


def _within(distance: float | None, limit: float | None) -> bool:
    return distance is not None and limit is not None and distance <= limit


def left_after(rule: Rule, left: int) -> FunnelStep:
    """A step of the funnel."""
    return _STEPS[rule][left]
