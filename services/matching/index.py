"""Finds the services of a category that can take a need, and counts how many are left after each rule.

It says what the predicates of `eligibility` say of each single service, much faster. A service is a bit. For each value
that a rule asks for (a language, a region, an age band, …) a mask, a Python integer, has the bits of the services that
it concerns (`masks`). So a rule is a few `&` and `|` for all services at once, and a new entry turns the bits of what is
new in it. Of whom a service is for, the masks hold those that a value rules out: a service without limits is in none.

What no mask can hold is looked at service by service, by the predicates themselves: the distance a person can go (of
those left in the area), the edge of a wide radius, dates (once a day), and the services that have been tried.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from contracts.intake import Accepted
from contracts.matching import Eliminated
from contracts.words import Rule

from . import assessment, cells, masks
from .eligibility import Case, distance_km, not_ruled_out, valid
from .entry import Entry
from .masks import JUDGED, Key


class Found(NamedTuple):
    """The services that can take a need, if they have a place; and how many were left after each rule, up to the one
    that left none. `unknown`: for entries, by id, their rules of which nobody can tell whether the need meets them."""

    entries: list[Entry]
    steps: list[Eliminated]
    unknown: dict[str, list[Rule]]


class Shard:
    """The services of one category."""

    def __init__(self) -> None:
        self._entries: list[Entry | None] = []
        self._bits: dict[str, int] = {}
        self._unused: list[int] = []
        self._masks: dict[Key, int] = {}
        self._valid: tuple[date, int] | None = None

    def put(self, entry: Entry) -> None:
        """Set an entry, in the place of an earlier one of the same service."""
        bit = self._bits.get(entry.id)
        if bit is None:
            if not self._unused:
                self._unused.append(len(self._entries))
                self._entries.append(None)
            bit = self._bits[entry.id] = self._unused.pop()
        self._set(bit, entry)

    def remove(self, id_: str) -> None:
        """The service is not in this category (any more)."""
        bit = self._bits.pop(id_, None)
        if bit is not None:
            self._set(bit, None)
            self._unused.append(bit)

    def entries(self) -> list[Entry]:
        """All there are, open or not."""
        return [entry for entry in self._entries if entry is not None]

    def size(self) -> int:
        """Bytes that the masks take."""
        return sum(mask.__sizeof__() for mask in self._masks.values())

    def find(self, case: Case) -> Found:
        """See `Found`."""
        left, count = self._mask(masks.IN_CATEGORY), len(self._bits)
        steps: list[Eliminated] = []
        for rule, of in _RULES:
            passed = of(self, case, left)
            if passed is not left:
                left, count = passed, passed.bit_count()
            steps.append(_step(rule, count))
            if not left:
                return Found([], steps, {})
        return Found([self._at(bit) for bit in _each(left)], steps, self._unknown(case.need, left))

    # masks -----------------------------------------------------------------------------------------------------------

    def _set(self, bit: int, new: Entry | None) -> None:
        """Turn the bit in each mask that one of the old and the new entry is in, and not the other."""
        old, self._entries[bit] = self._entries[bit], new
        fields, turned = masks.changed(old, new), 1 << bit
        for part, keys in masks.PARTS:
            if part.isdisjoint(fields):
                continue
            for key in (keys(old) if old else set()) ^ (keys(new) if new else set()):
                mask = self._mask(key) ^ turned
                if mask:
                    self._masks[key] = mask
                else:
                    del self._masks[key]
            if "valid_from" in part:
                self._valid = None

    def _mask(self, key: Key) -> int:
        return self._masks.get(key, 0)

    def _any(self, keys: Iterable[Key]) -> int:
        """All that are in one of these masks."""
        found, known = 0, self._masks
        for key in keys:
            if key in known:
                found |= known[key]
        return found

    def _at(self, bit: int) -> Entry:
        entry = self._entries[bit]
        assert entry is not None, "masks have bits of entries only"  # noqa: S101
        return entry

    def _such(self, left: int, fits: Callable[[Entry], bool]) -> int:
        """Those left of whom that is true, looked at one by one."""
        for bit in _each(left):
            if not fits(self._at(bit)):
                left ^= 1 << bit
        return left

    def _unknown(self, need: Accepted, left: int) -> dict[str, list[Rule]]:
        """As `assessment.unknown` has it of each service, in its order."""
        people, found = need.people, dict[str, list[Rule]]()
        for rule, of in JUDGED.items():
            if rule is Rule.STATUS and assessment.blind(need):
                continue
            perhaps = self._any([(rule, None, of.kind(person)) for person in people])
            if need.places > len(people):
                perhaps |= self._mask((rule, masks.LIMITED))
            for bit in _each(perhaps & left):
                found.setdefault(self._at(bit).id, []).append(rule)
        perhaps = self._any([(masks.LOOK, flag) for person in people for flag in person.flags])
        for bit in _each(perhaps & left):
            found.setdefault(self._at(bit).id, []).append(Rule.EXCLUSION)
        return found

    # the rules: of those left, who fits ------------------------------------------------------------------------------

    def _category(self, case: Case, left: int) -> int:
        return left

    def _tenant(self, case: Case, left: int) -> int:
        return _less(left, self._mask(masks.BARRED))

    def _open(self, case: Case, left: int) -> int:
        day = case.now.date()
        if self._valid is None or self._valid[0] != day:
            today = self._such(self._mask(masks.DATED), lambda entry: valid(entry.service, day))
            self._valid = day, self._mask(masks.OPEN) | today
        return left & self._valid[1]

    def _consent(self, case: Case, left: int) -> int:
        need = case.need
        if need.recipients != "any":
            left &= self._any([(Rule.CONSENT, provider) for provider in need.recipients])
        if refused := need.constraints.not_providers:
            left = _less(left, self._any([(Rule.CONSENT, provider) for provider in refused]))
        return left

    def _area(self, case: Case, left: int) -> int:
        need = case.need
        here, limit = need.region.admin1, need.constraints.max_distance_km
        near = self._any((masks.ANYWHERE, (Rule.AREA, here), (Rule.AREA, here[:2]))) | self._in_radius(need)
        if need.constraints.step_free:
            near &= self._mask(masks.STEP_FREE)
        if limit is not None:
            near = self._such(near & left, lambda entry: _within(distance_km(need, entry.service), limit))
        return left & (near | self._mask(masks.REMOTE))

    def _in_radius(self, need: Accepted) -> int:
        spot = cells.spot(need.region.cell) if need.region.cell is not None else None
        if spot is None:
            return 0
        if spot.fine is None:
            sure, edge = 0, self._mask(masks.RADIUS)
        else:
            sure = self._any(((masks.WITHIN, spot.fine), (masks.WITHIN, spot.coarse)))
            edge = self._mask((masks.EDGE, spot.coarse))
        return sure | self._such(edge, lambda entry: _within(distance_km(need, entry.service), entry.service.radius_km))

    def _age(self, case: Case, left: int) -> int:
        return self._judged(Rule.AGE, case.need, left)

    def _sex(self, case: Case, left: int) -> int:
        return self._judged(Rule.SEX, case.need, left)

    def _language(self, case: Case, left: int) -> int:
        need = case.need
        if demanded := need.constraints.languages:
            left &= self._any([(Rule.LANGUAGE, language) for language in demanded])
        spoken: list[Key] = [(Rule.LANGUAGE, language) for each in need.people for language in each.languages]
        return left & self._any([masks.ANY_LANGUAGE, *spoken])

    def _household(self, case: Case, left: int) -> int:
        places, size = case.need.places, case.need.person.household_size
        if places > 1:
            left = _less(left, self._any([(masks.CAPACITY, less) for less in range(1, min(places, masks.FEW + 1))]))
            if places > masks.FEW:
                left = self._such(left, lambda entry: not 0 < entry.service.capacity < places)
        if size > 1:
            left = _less(left, self._any([(masks.AT_MOST, less) for less in range(1, min(size, masks.FEW + 1))]))
        return left

    def _status(self, case: Case, left: int) -> int:
        return left if assessment.blind(case.need) else self._judged(Rule.STATUS, case.need, left)

    def _exclusion(self, case: Case, left: int) -> int:
        flags = {flag for person in case.need.people for flag in person.flags}
        left = _less(left, self._any([(masks.NOT, flag) for flag in flags]))
        return _less(left, _less(self._mask(masks.FOR_SOME), self._any([(masks.FOR, flag) for flag in flags])))

    def _ruled_out(self, case: Case, left: int) -> int:
        for id_ in {each.service for each in case.tried} & self._bits.keys():
            bit = self._bits[id_]
            if not not_ruled_out(case, self._at(bit)):
                left = _less(left, 1 << bit)
        return left

    def _judged(self, rule: Rule, need: Accepted, left: int) -> int:
        kind = JUDGED[rule].kind
        return _less(left, self._any([(rule, False, kind(person)) for person in need.people]))


_RULES: tuple[tuple[Rule, Callable[[Shard, Case, int], int]], ...] = (
    (Rule.CATEGORY, Shard._category),
    (Rule.TENANT, Shard._tenant),
    (Rule.OPEN, Shard._open),
    (Rule.CONSENT, Shard._consent),
    (Rule.AREA, Shard._area),
    (Rule.AGE, Shard._age),
    (Rule.SEX, Shard._sex),
    (Rule.LANGUAGE, Shard._language),
    (Rule.HOUSEHOLD, Shard._household),
    (Rule.STATUS, Shard._status),
    (Rule.EXCLUSION, Shard._exclusion),
    (Rule.RULED_OUT, Shard._ruled_out),
)
"""In the order of `eligibility.RULES`."""


def _each(mask: int) -> Iterator[int]:
    """Its bits, the highest first: so the mask gets shorter on the way."""
    while mask:
        bit = mask.bit_length() - 1
        mask ^= 1 << bit
        yield bit


def _less(mask: int, out: int) -> int:
    """The mask without these bits. `mask & ~out` takes three times as long."""
    both = mask & out
    return mask ^ both if both else mask


def _within(distance: float | None, limit: float | None) -> bool:
    return distance is not None and limit is not None and distance <= limit


@lru_cache(maxsize=100_000)
def _step(rule: Rule, left: int) -> Eliminated:
    """They are frozen, so one will do."""
    return Eliminated(rule=rule, left=left)
