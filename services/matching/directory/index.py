"""Finds the services of a category that can take a need, and counts how many are left after each rule.

Checking thousands of services against every rule one by one would take too long, so the services of a category are kept
as a *bitmap index*:

- Each service has a number. A bitmap is a Python integer in which bit n stands for service n.
- For each value that a rule compares (a language, a region, an age band …) one bitmap holds the services it concerns.
- A search starts with all services, and each rule removes some: a few `&` and `|` for all services at once.

For example, a man who speaks Russian needs one of three shelters:

    bit 0: p1/beds, speaks ru, women only      bitmaps[("sex", False, "male")] = 0b001  (exclude men)
    bit 1: p2/beds, speaks ru and be           bitmaps[("language", "ru")]     = 0b011
    bit 2: p3/beds, speaks be                  bitmaps[("language", "be")]     = 0b110

    all shelters                               0b111                             3 left
    sex: without those that exclude men        0b111 without 0b001 = 0b110       2 left
    language: of those, the ones speaking ru   0b110 & 0b011       = 0b010       1 left: p2/beds

What no bitmap can hold is looked at service by service with the plain functions of `eligibility.rules`: the distance a
person can go (of those left in the area), the edge of a wide radius, dates (once a day), and services tried before.
"""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from contracts.intake import NeedRegistered
from contracts.matching import FunnelStep
from contracts.words import Rule

from ..eligibility.assessment import ignores_status
from ..eligibility.rules import CHANGING_RULES, RULES, Case
from ..model.entry import DirectoryEntry
from .bitmap_rules import BITMAP_RULES, Query, one_by_one
from .bitmaps import ASSESSES, DOCUMENTS, IN_CATEGORY
from .person_kinds import KEYED_KINDS, people_of
from .shard import Shard


class Excluded(NamedTuple):
    """The services that could take a need but were excluded from the search, as a bitmap.

    Their entries are read only when somebody asks for them.
    """

    shard: Shard
    query: Query
    bits: int

    def entries(self) -> list[DirectoryEntry]:
        """These services."""
        return self.shard.at(self.bits)

    def unknown(self) -> dict[str, list[Rule]]:
        """The rules that these services have to assess, as in `Found.unknown`."""
        return rules_to_assess(self.shard, self.query, self.bits)


class Found(NamedTuple):
    """The services that can take a need, if they have a free place.

    `steps`: how many services are left after each rule, up to the first that leaves none. `unknown`: by service id, the
    rules of which it is unknown whether the need meets them; services without any are left out. `excluded`: the
    services that the search had to exclude; they are counted in `steps`, but are not in `entries` and `unknown`.
    """

    entries: list[DirectoryEntry]
    steps: list[FunnelStep]
    unknown: dict[str, list[Rule]]
    excluded: Excluded


def find(shard: Shard, case: Case, excluded: int = 0) -> Found:
    """The services of the category that can take the need now. `excluded` is a bitmap, see `Found.excluded`."""
    query = Query(case, case.need, people_of(case.need))
    shard.refresh(case.now.date())
    left = shard.bitmaps.get(IN_CATEGORY, 0)
    count = left.bit_count()
    steps = []
    for rule, step_with in _FUNNEL:
        passed = rule(shard, query, left)
        if passed is not left:
            left, count = passed, passed.bit_count()
        steps.append(step_with[count])
        if not left:
            break
    excluded &= left
    left ^= excluded
    unknown = rules_to_assess(shard, query, left) if left else {}
    return Found(shard.at(left), steps, unknown, Excluded(shard, query, excluded))


def eligible_any_day(shard: Shard, need: NeedRegistered) -> list[DirectoryEntry]:
    """The services that could take the need on some day, whoever was tried. `find` never finds any other."""
    query = Query(Case(need, (), _ANY_TIME, timedelta()), need, people_of(need))
    left = shard.bitmaps.get(IN_CATEGORY, 0)
    for rule in _LASTING_RULES:
        left = rule(shard, query, left)
    return shard.at(left)


def rules_to_assess(shard: Shard, query: Query, left: int) -> dict[str, list[Rule]]:
    """By service id, what `assessment.unknown` says of each of these services, in its order. Left out: no rules."""
    rules_of: dict[str, list[Rule]] = {}
    get = shard.bitmaps.get
    for rule, key, kind in KEYED_KINDS:
        unknown = 0
        for person in query.people:
            unknown |= get((key, None, kind(person)), 0)
        unknown &= left
        if unknown and not (rule is Rule.STATUS and ignores_status(query.need)):
            _add(rules_of, rule, shard.at(unknown))
    unknown = 0
    for person in query.people:
        for flag in person.flags:
            unknown |= get((ASSESSES, flag), 0)
    if unknown:
        _add(rules_of, Rule.EXCLUSION, shard.at(unknown & left))
    if query.unknown_conditions:
        _add(rules_of, Rule.CONDITIONS, shard.at(query.unknown_conditions & left))
    if requiring_documents := get(DOCUMENTS, 0):
        _add(rules_of, Rule.DOCUMENTS, shard.at(requiring_documents & left))
    return rules_of


def _add(rules_of: dict[str, list[Rule]], rule: Rule, entries: list[DirectoryEntry]) -> None:
    for entry in entries:
        rules_of.setdefault(entry.id, []).append(rule)


class _StepsOfRule(dict[int, FunnelStep]):
    """The funnel steps of one rule, by how many services are left. Steps are frozen, so each is made only once."""

    def __init__(self, rule: Rule) -> None:
        super().__init__()
        self._rule = rule

    def __missing__(self, left: int) -> FunnelStep:
        step = self[left] = FunnelStep(rule=self._rule, left=left)
        return step


def left_after(rule: Rule, left: int) -> FunnelStep:
    """A step of the funnel: so many services are left after a rule."""
    return _STEPS[rule][left]


_STEPS = {rule: _StepsOfRule(rule) for rule in Rule}
_RULES = tuple((rule, BITMAP_RULES.get(rule) or one_by_one(passes)) for rule, passes in RULES)
_FUNNEL = tuple((on_bitmaps, _STEPS[rule]) for rule, on_bitmaps in _RULES)
_LASTING_RULES = tuple(on_bitmaps for rule, on_bitmaps in _RULES if rule not in CHANGING_RULES)
_ANY_TIME = datetime.min.replace(tzinfo=UTC)
