"""The index finds exactly the services that the plain rules find one by one, and counts the same after each rule."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any

import h3
from hypothesis import event, given, settings
from hypothesis import strategies as st

from contracts.agency import Constraints
from contracts.eligibility import Criteria, Eligibility, IfUnknown
from contracts.intake import NeedRegistered
from contracts.matching import AttemptEnded
from contracts.profiles import Region
from contracts.provider import Service
from contracts.words import AgeBand, Category, Document, Flag, Rule, Sex, Status, Unknown, Urgency
from services.matching.directory.directory import Directory
from services.matching.directory.expiry import confirmed_until, first_notice_on
from services.matching.eligibility import assessment
from services.matching.eligibility.rules import RULES, Case
from services.matching.model.entry import DirectoryEntry, service_id
from services.matching.model.geo import distance_km
from tests.support.baseline_evaluator import funnel
from tests.support.builders import accepted, minimum, service

DAY = date(2026, 3, 1)
PROVIDERS, KEYS = ["p1", "p2", "p3"], ["a", "b", "c", "d"]
IDS = [service_id(provider, key) for provider in PROVIDERS for key in KEYS]
CATEGORIES = [Category.SHELTER, Category.LEGAL, Category.HEALTH]
BREST, KOBRYN, WARSAW, MINSK = (52.0976, 23.7341), (52.2138, 24.3564), (52.2297, 21.0122), (53.9006, 27.5590)
POINTS = [BREST, BREST, KOBRYN, WARSAW, MINSK]
FINE = [h3.latlng_to_cell(*point, 5) for point in (BREST, KOBRYN, WARSAW, MINSK)]
CELLS = [*FINE, FINE[0].upper(), h3.grid_ring(FINE[0], 2)[0], h3.cell_to_parent(FINE[0], 4), "nonsense", None]
AT_THE_EDGE = [distance_km(h3.cell_to_latlng(cell), point) for cell in FINE for point in (BREST, MINSK)]
CHANGING = (Rule.OPEN, Rule.STALE, Rule.DOCUMENTS, Rule.RULED_OUT)
AREAS = ["BY-BR", "BY-MI", "BY", "PL"]
DOCUMENTS = [Document.IDENTITY, Document.RESIDENCE]
FLAGS = [Flag.PREGNANT, Flag.DISABILITY, Flag.UNACCOMPANIED_CHILD]


def some(of: Any, most: int = 3) -> Any:
    """A list, also with repetitions: nothing forbids them."""
    return st.lists(st.sampled_from(of), max_size=most)


def rarely(of: Any, mostly: Any = None) -> Any:
    """Once in five times; otherwise nothing would ever be left for the last rules."""
    return st.integers(0, 4).flatmap(lambda dice: of if dice == 4 else st.just(mostly))


def drawn(chance: Random) -> Criteria:
    """A conjunction of one to three criteria. Made once: drawing every part would take most of the time."""
    low, high = chance.choice([(0, 17), (18, 150), (16, 21), (60, 100), (5, 5)])
    parts: list[dict[str, Any]] = [
        {"minimum_age": low, "maximum_age": high},
        {"sexes": chance.choices(list(Sex), k=2)},
        {"statuses": chance.choices(list(Status), k=2)},
        {"not_statuses": chance.choices(list(Status), k=2)},
        {"flags_any": chance.choices(FLAGS, k=2)},
        {"not_flags": chance.choices(FLAGS, k=1)},
        {"maximum_household": chance.choice([1, 2, 3, 30])},
        {"description": "ask us"},
    ]
    stated = {name: value for part in chance.sample(parts, chance.choice([1, 1, 2, 3])) for name, value in part.items()}
    return Criteria(**stated, unknown=chance.choice([IfUnknown(), *DECIDED]))


DECIDED = [IfUnknown(**dict.fromkeys(IfUnknown.model_fields, each)) for each in Unknown]
_CHANCE = Random(7)
CONJUNCTIONS = [drawn(_CHANCE) for _ in range(400)]
conjunctions = st.sampled_from(CONJUNCTIONS)
alternatives: Any = rarely(st.lists(conjunctions, max_size=3), [])
limits: Any = st.builds(
    lambda low, span, **more: Eligibility(minimum_age=low, maximum_age=min(150, low + span), **more),
    low=rarely(st.sampled_from([4, 5, 12, 16, 18, 60]), 0),
    span=rarely(st.sampled_from([0, 5, 13, 40]), 150),
    sexes=rarely(some(Sex), []),
    statuses=rarely(some(Status), []),
    not_statuses=rarely(some(Status), []),
    flags_any=rarely(some(FLAGS), []),
    not_flags=rarely(some(FLAGS), []),
    maximum_household=rarely(st.sampled_from([1, 2, 3, 30])),
    description=rarely(st.just("ask us")),
    unknown=rarely(st.sampled_from(DECIDED), IfUnknown()),
    any_of=alternatives,
    none_of=alternatives,
)
located: Any = st.builds(
    lambda point, radius: {"latitude": point[0], "longitude": point[1], "radius_km": radius},
    st.sampled_from(POINTS),
    st.none() | st.sampled_from([5.0, 40.0, 100.0, 101.0, 170.0, 330.0, 1000.0, *AT_THE_EDGE]),
)
days = rarely(st.sampled_from([DAY + timedelta(days=days) for days in (-1, 0, 1)]))


@st.composite
def services(draw: Any) -> Service:
    dates = sorted(filter(None, (draw(days), draw(days))))
    first, last = dates if len(dates) == 2 else draw(st.permutations([*dates, None, None][:2]))
    return service(
        categories=draw(st.lists(st.sampled_from(CATEGORIES), min_size=1, max_size=3)),
        capacity=draw(st.sampled_from([0, 1, 2, 3, 29, 30, 31, 32, 1000])),
        languages=draw(rarely(some(["ru", "be", "uk"]), [])),
        areas=draw(some(AREAS, 2)),
        **draw(st.just({}) | located),
        step_free=draw(st.booleans()),
        eligibility=draw(limits),
        documents=draw(rarely(some(DOCUMENTS, 2), [])),
        takes_referrals=draw(rarely(st.just(False), True)),
        valid_from=first,
        valid_to=last,
    )


people: Any = st.builds(
    minimum,
    age_band=st.sampled_from(AgeBand),
    sex=st.sampled_from(Sex),
    languages=st.lists(st.sampled_from(["ru", "be", "uk", "ps"]), min_size=1, max_size=2),
    status=st.none() | st.sampled_from(Status),
    flags=some(FLAGS),
    household_size=st.sampled_from([1, 1, 2, 3, 4, 30, 31, 40]),
)
constraints: Any = st.builds(
    Constraints,
    max_distance_km=rarely(st.sampled_from([1.0, 45.0, 400.0, *AT_THE_EDGE]).filter(bool)),
    languages=rarely(some(["ru", "be", "uk"]), []),
    step_free=st.sampled_from([False, False, True]),
    not_providers=rarely(some(PROVIDERS), []),
)
needs: Any = st.builds(
    lambda group, more, **changes: accepted(person=group[0], companions=group[1:], places=len(group) + more, **changes),
    group=st.lists(people, min_size=1, max_size=3),
    more=st.sampled_from([0, 0, 0, 1, 27, 28, 29, 30, 31]),
    category=st.sampled_from(CATEGORIES),
    urgency=st.sampled_from(Urgency),
    region=st.builds(Region, admin1=st.sampled_from(["BY-BR", "BY-MI", "BY", "PL-LU"]), cell=st.sampled_from(CELLS)),
    constraints=constraints,
    recipients=rarely(some([*PROVIDERS, "p9"]), "any"),
)
moments: Any = st.builds(
    lambda days, hour: datetime(DAY.year, DAY.month, DAY.day, hour, tzinfo=UTC) + timedelta(days=days),
    st.integers(-2, 2),
    st.sampled_from([0, 12, 23]),
)
attempts: Any = st.builds(
    lambda id_, offset, **fields: AttemptEnded(
        referral_id="r", need_id="n", attempt=1, service=id_, version=f"{id_}@{offset}" if offset else "", **fields
    ),
    st.sampled_from(IDS),
    st.integers(0, 9),
    code=st.sampled_from(["no-capacity", "expired", "missing-documents"]),
    for_good=st.sampled_from([False, False, True]),
    missing=some(DOCUMENTS, 2),
    at=moments,
)
cases: Any = st.builds(
    Case, needs, st.lists(attempts, max_size=3).map(tuple), moments, st.sampled_from([timedelta(), timedelta(days=1)])
)
World = tuple[Directory, dict[str, tuple[int, Service | None, datetime | None]], set[str]]
STALE_AFTER = timedelta(days=30)
published: Any = st.none() | st.builds(
    lambda days: datetime.combine(DAY, time(9), UTC) - STALE_AFTER + timedelta(days=days),
    st.sampled_from([-1, 0, 1, 29]),
)
Step = Callable[[World], None]


def put(provider: str, key: str, offset: int, entry: Service | None, at: datetime | None = None) -> Step:
    def step(world: World) -> None:
        directory, latest, _ = world
        directory.put(provider, key, offset, entry, at)
        if offset > latest.get(service_id(provider, key), (-1, None, None))[0]:
            latest[service_id(provider, key)] = offset, entry, at

    return step


def closed(id_: str, offset: int, changes: dict[str, Any]) -> Step:
    """The same entry again with a few changes, as in most updates."""

    def step(world: World) -> None:
        _, old, at = world[1].get(id_, (0, None, None))
        if old is not None:
            put(*id_.split("/"), offset, old.model_copy(update=changes), at)(world)  # type: ignore[arg-type,misc]

    return step


def admit(provider: str, barred: bool) -> Step:
    def step(world: World) -> None:
        (world[2].add if barred else world[2].discard)(provider)
        world[0].review(provider)

    return step


def dated(entry: DirectoryEntry) -> DirectoryEntry:
    until = confirmed_until(entry.at, STALE_AFTER)
    return replace(entry, confirmed_until=until, look_on=first_notice_on(entry.service, entry.at, until))


def ask(case: Case) -> Step:
    def step(world: World) -> None:
        directory, latest, barred = world
        known = [
            dated(DirectoryEntry(id_, id_.split("/")[0], entry, f"{id_}@{offset}", id_.split("/")[0] in barred, at))
            for id_, (offset, entry, at) in latest.items()
            if entry is not None and case.need.category in entry.categories
        ]
        left, steps = funnel(case, known)
        result = directory.find(case)
        assert sorted(result.entries, key=lambda each: each.id) == sorted(left, key=lambda each: each.id)
        assert result.steps == steps
        unknown = {each.id: assessment.rules_to_assess(case.need, each.service) for each in left}
        assert result.unknown == {id_: rules for id_, rules in unknown.items() if rules}
        every_other = sum(directory.bit(case.need.category, each.id) for each in known[::2])
        narrowed = directory.find(case, every_other)
        assert narrowed.steps == steps
        assert {each.id for each in narrowed.entries} == {each.id for each in left if each not in known[::2]}
        assert {each.id for each in narrowed.excluded.entries()} == {each.id for each in left if each in known[::2]}
        assert narrowed.unknown.keys().isdisjoint(narrowed.excluded.unknown())
        assert narrowed.unknown | narrowed.excluded.unknown() == result.unknown
        lasting = [fits for rule, fits in RULES if rule not in CHANGING]
        any_day = {each.id for each in known if all(fits(case, each) for fits in lasting)}
        assert {each.id for each in directory.ever(case.need)} == any_day
        takes = {each.id for each in known if directory.takes(case, directory.get(each.id) or each)}
        assert takes == {each.id for each in left}
        assert takes == {each.id for each in known if directory.takes(case, each)}, (
            "also for an entry that is not the directory's own object"
        )
        if known:
            event(f"{steps[-1].rule.value} {'was left by some' if left else 'left none'}")

    return step


offsets = st.integers(0, 9)
puts = st.builds(put, st.sampled_from(PROVIDERS), st.sampled_from(KEYS), offsets, services(), published)
deletions = st.builds(put, st.sampled_from(PROVIDERS), st.sampled_from(KEYS), offsets, st.none())
changes: Any = st.fixed_dictionaries(
    {},
    optional={
        "capacity": st.sampled_from([0, 1, 30, 31]),
        "valid_to": st.sampled_from([None, DAY]),
        "eligibility": limits,
        "documents": some(DOCUMENTS, 2),
        "takes_referrals": st.booleans(),
    },
)
updates = st.builds(closed, st.sampled_from(IDS), offsets, changes)
reviews = st.builds(admit, st.sampled_from(PROVIDERS), st.booleans())
questions = st.builds(ask, cases)


@settings(max_examples=400, deadline=None)
@given(
    st.lists(puts, min_size=1, max_size=10),
    st.lists(puts | updates | updates | deletions | reviews | questions, max_size=10),
    st.lists(questions, min_size=2, max_size=4),
)
def test_the_index_agrees_with_the_plain_rules(first: list[Step], then: list[Step], last: list[Step]) -> None:
    barred: set[str] = set()
    world: World = Directory(lambda provider: provider not in barred, STALE_AFTER), {}, barred
    for step in (*first, *then, *last):
        step(world)


def test_the_index_applies_the_rules_in_the_order_of_the_table() -> None:
    need: NeedRegistered = accepted()
    directory = Directory()
    directory.put("p1", "beds", 0, service())
    result = directory.find(Case(need, (), datetime(2026, 3, 1, tzinfo=UTC), timedelta()))
    assert [step.rule for step in result.steps] == [rule for rule, _ in RULES]
