"""The rules on bitmaps: each takes the services that are left and returns those of them that pass.

Each does for a whole category what the function of the same rule in `eligibility.rules` does for one service. A rule
that is not in `BITMAP_RULES` is checked service by service (`one_by_one`).
"""

from collections.abc import Callable
from dataclasses import dataclass

from contracts.intake import NeedRegistered
from contracts.profiles import MinimalProfile
from contracts.words import Rule

from ..eligibility.assessment import ignores_status
from ..eligibility.rules import Case, distance_km, missing_documents, not_ruled_out
from ..model import geo
from ..model.entry import DirectoryEntry
from . import alternative_bitmaps
from .bitmaps import (
    AGE,
    ANY_LANGUAGE,
    ANYWHERE,
    AREA,
    BARRED,
    CAPACITY,
    CONDITIONS,
    CONSENT,
    DOCUMENTS,
    EDGE,
    EXCLUDES,
    LANGUAGE,
    LARGEST_CAPACITY,
    MAXIMUM_HOUSEHOLD,
    RADIUS,
    REMOTE,
    REQUIRES,
    REQUIRES_A_FLAG,
    SEX,
    STATUS,
    STEP_FREE,
    WITHIN,
)
from .bits import without
from .person_kinds import age_kind
from .shard import Shard


@dataclass(slots=True)
class Query:
    """One search: the case, its need, and the people whom the need is for (`person_kinds.people_of`).

    `unknown_conditions`: the services whose conditions somebody has to assess, once the rule has been applied.
    """

    case: Case
    need: NeedRegistered
    people: list[MinimalProfile]
    unknown_conditions: int = 0


BitmapRule = Callable[[Shard, Query, int], int]


def one_by_one(passes: Callable[[Case, DirectoryEntry], bool]) -> BitmapRule:
    """A rule without bitmaps: asks the plain function about each service that is left."""

    def rule(shard: Shard, query: Query, left: int) -> int:
        return shard.only(left, lambda entry: passes(query.case, entry))

    return rule


def _category(shard: Shard, query: Query, left: int) -> int:
    """A shard holds one category, so all of it passes."""
    return left


def _tenant(shard: Shard, query: Query, left: int) -> int:
    return without(left, shard.bitmaps.get(BARRED, 0))


def _open(shard: Shard, query: Query, left: int) -> int:
    return left & shard.open_today


def _stale(shard: Shard, query: Query, left: int) -> int:
    return without(left, shard.stale_today) if shard.stale_today else left


def _consent(shard: Shard, query: Query, left: int) -> int:
    need, get = query.need, shard.bitmaps.get
    if need.recipients != "any":
        covered = 0
        for provider in need.recipients:
            covered |= get((CONSENT, provider), 0)
        left &= covered
    for provider in need.constraints.not_providers:
        left = without(left, get((CONSENT, provider), 0))
    return left


def _area(shard: Shard, query: Query, left: int) -> int:
    need, get = query.need, shard.bitmaps.get
    region, limits = need.region.admin1, need.constraints
    country = region[:2]
    near = get(ANYWHERE, 0) | get((AREA, region), 0) | get((AREA, country), 0)
    if need.region.cell is not None:
        near |= _in_radius(shard, need, need.region.cell)
    if limits.step_free:
        near &= get(STEP_FREE, 0)
    if limits.max_distance_km is not None:
        limit = limits.max_distance_km
        near = shard.only(near & left, lambda entry: _within(distance_km(need, entry), limit))
    return left & (near | get(REMOTE, 0))


def _in_radius(shard: Shard, need: NeedRegistered, cell: str) -> int:
    """The services whose radius reaches the need's cell. Distances are computed only where cells do not decide."""
    get, spot = shard.bitmaps.get, geo.spot(cell)
    if spot is None:
        return 0
    if spot.fine is None:
        within, undecided = 0, get(RADIUS, 0)
    else:
        within = get((WITHIN, spot.fine), 0) | get((WITHIN, spot.coarse), 0)
        undecided = get((EDGE, spot.coarse), 0)
    if undecided:
        within |= shard.only(undecided, lambda entry: _within(distance_km(need, entry), entry.service.radius_km))
    return within


def _within(distance: float | None, limit: float | None) -> bool:
    return distance is not None and limit is not None and distance <= limit


def _age(shard: Shard, query: Query, left: int) -> int:
    get = shard.bitmaps.get
    for person in query.people:
        left = without(left, get((AGE, False, age_kind(person)), 0))
    return left


def _sex(shard: Shard, query: Query, left: int) -> int:
    get = shard.bitmaps.get
    for person in query.people:
        left = without(left, get((SEX, False, person.sex), 0))
    return left


def _language(shard: Shard, query: Query, left: int) -> int:
    get = shard.bitmaps.get
    understanding = get(ANY_LANGUAGE, 0)
    for person in query.people:
        for language in person.languages:
            understanding |= get((LANGUAGE, language), 0)
    insisted_on = query.need.constraints.languages
    if insisted_on:
        speaking = 0
        for language in insisted_on:
            speaking |= get((LANGUAGE, language), 0)
        left &= speaking
    return left & understanding


def _household(shard: Shard, query: Query, left: int) -> int:
    places, size, get = query.need.places, query.need.person.household_size, shard.bitmaps.get
    for smaller in range(1, min(places, LARGEST_CAPACITY + 1)):
        left = without(left, get((CAPACITY, smaller), 0))
    if places > LARGEST_CAPACITY:
        left = shard.only(left, lambda entry: not 0 < entry.capacity < places)
    for smaller in range(1, min(size, LARGEST_CAPACITY + 1)):
        left = without(left, get((MAXIMUM_HOUSEHOLD, smaller), 0))
    return left


def _status(shard: Shard, query: Query, left: int) -> int:
    if not ignores_status(query.need):
        get = shard.bitmaps.get
        for person in query.people:
            left = without(left, get((STATUS, False, person.status), 0))
    return left


def _flags(shard: Shard, query: Query, left: int) -> int:
    get = shard.bitmaps.get
    lacking_flag = get((REQUIRES_A_FLAG,), 0)
    for person in query.people:
        for flag in person.flags:
            left = without(left, get((EXCLUDES, flag), 0))
            lacking_flag = without(lacking_flag, get((REQUIRES, flag), 0))
    return without(left, lacking_flag)


def _conditions(shard: Shard, query: Query, left: int) -> int:
    with_conditions = shard.bitmaps.get(CONDITIONS, 0)
    if with_conditions and with_conditions & left:
        need = query.need
        verdicts = alternative_bitmaps.judge(
            shard.bitmaps.get, query.people, need.person.household_size, ignores_status(need)
        )
        query.unknown_conditions = verdicts.unknown
        left = without(left, verdicts.failed)
    return left


def _documents(shard: Shard, query: Query, left: int) -> int:
    if query.case.tried:
        for document in missing_documents(query.case):
            left = without(left, shard.bitmaps.get((DOCUMENTS, document), 0))
    return left


def _ruled_out(shard: Shard, query: Query, left: int) -> int:
    """Looks only at the services that were tried."""
    case = query.case
    if case.tried:
        for id_ in shard.present({each.service for each in case.tried}):
            bit = shard.bit(id_)
            left = without(left, bit ^ shard.only(bit, lambda entry: not_ruled_out(case, entry)))
    return left


BITMAP_RULES: dict[Rule, BitmapRule] = {
    Rule.CATEGORY: _category,
    Rule.TENANT: _tenant,
    Rule.OPEN: _open,
    Rule.STALE: _stale,
    Rule.CONSENT: _consent,
    Rule.AREA: _area,
    Rule.AGE: _age,
    Rule.SEX: _sex,
    Rule.LANGUAGE: _language,
    Rule.HOUSEHOLD: _household,
    Rule.STATUS: _status,
    Rule.EXCLUSION: _flags,
    Rule.CONDITIONS: _conditions,
    Rule.DOCUMENTS: _documents,
    Rule.RULED_OUT: _ruled_out,
}
