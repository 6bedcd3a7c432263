"""Matching against a real directory that nobody here wrote: 562 services for refugees in Jordan, in 2014."""

import random
from collections import Counter
from datetime import UTC, date, datetime

import h3
import pytest

from contracts import matching
from contracts.agency import Constraints
from contracts.intake import NeedRegistered
from contracts.profiles import Region
from contracts.words import AgeBand, Category, Flag, Rule, Sex, Status, Urgency
from services.matching.capacity.places import service_of
from services.matching.domain.state import MatchedNeed, WaitingNeed
from tests.support.builders import accepted, minimum
from tests.support.clock import HandClock
from tests.support.data import jordan
from tests.support.matching_world import MatchingWorld

pytestmark = pytest.mark.skipif(not jordan.PATH.exists(), reason=f"the data is not here: {jordan.PATH}")

THEN = datetime(2014, 6, 1, 9, tzinfo=UTC)
CATEGORIES = [
    *(Category.HEALTH, Category.MENTAL_HEALTH, Category.PROTECTION, Category.CHILD_PROTECTION, Category.GBV),
    *(Category.CASH, Category.NON_FOOD_ITEMS, Category.WASH, Category.EDUCATION, Category.SHELTER, Category.FOOD),
    *(Category.LEGAL, Category.EMPLOYMENT),
]


def needs(count: int, seed: int = 2014) -> list[NeedRegistered]:
    """Fictional people near real towns."""
    rng = random.Random(seed)
    drawn = []
    for number in range(count):
        admin1, (latitude, longitude) = rng.choice(list(jordan.GOVERNORATES.items()))
        cell = h3.latlng_to_cell(latitude + rng.uniform(-0.2, 0.2), longitude + rng.uniform(-0.2, 0.2), 5)
        person = minimum(
            age_band=rng.choice(list(AgeBand)),
            sex=rng.choice([Sex.FEMALE, Sex.MALE]),
            languages=["ar"],
            status=rng.choice([None, *Status]),
            flags=rng.sample(list(Flag), rng.choice([0, 0, 1, 2])),
            household_size=rng.randint(1, 8),
        )
        need = accepted(
            need_id=f"need-{number}",
            referral_id=f"referral-{number}",
            requested_at=THEN,
            category=rng.choice(CATEGORIES),
            urgency=rng.choice(list(Urgency)),
            person=person,
            region=Region(admin1=admin1, cell=cell if rng.random() < 0.9 else None),
            constraints=Constraints(max_distance_km=rng.choice([None, None, 20, 60])),
        )
        drawn.append(need)
    return drawn


def world(now: datetime) -> MatchingWorld:
    made = MatchingWorld(clock=HandClock(now))
    for reading in jordan.read():
        if reading.service is not None:
            made.publish(reading.service, reading.provider)
    return made


def test_every_entry_is_read_or_read_with_a_warning_or_refused_with_a_reason() -> None:
    readings = jordan.read()
    assert len(readings) == 562
    assert Counter(each.kind for each in readings) == {"taken": 90, "warned": 471, "refused": 1}
    assert all(each.notes for each in readings if each.service is None)


def notes() -> Counter[str]:
    """How often each warning or reason is given."""
    return Counter(note.split(":")[0] for each in jordan.read() for note in each.notes)


def test_a_repeated_id_replaces_nothing() -> None:
    taken = [(each.provider, each.service.service) for each in jordan.read() if each.service is not None]
    assert len(set(taken)) == len(taken) == 561
    assert notes()["the id is used twice"] == 13


def test_a_service_that_requires_a_referral_but_accepts_none_is_closed() -> None:
    note = "says both that a referral is required and that referrals are not accepted"
    assert notes()[note] == 86  # of 87; one more is refused
    contradictory = [each for each in jordan.read() if any(each_note.startswith(note) for each_note in each.notes)]
    assert not any(each.service and each.service.takes_referrals for each in contradictory)


def test_an_indicator_of_0_is_not_offered() -> None:
    (refused,) = [each for each in jordan.read() if each.service is None]
    assert refused.notes == ("every indicator is 0: nothing is offered",)


def test_the_end_dates_of_all_but_one_are_before_2016() -> None:
    ends = [each.service.valid_to for each in jordan.read() if each.service]
    assert sum(end is None or end >= date(2016, 1, 1) for end in ends) == 1


def test_every_place_lies_in_or_around_jordan() -> None:
    taken = [each.service for each in jordan.read() if each.service is not None]
    assert all(35 < (each.longitude or 0) < 39 and 29 < (each.latitude or 0) < 33 for each in taken)


def test_each_of_300_needs_is_matched_or_waits_for_a_reason() -> None:
    made = world(THEN)
    made.handle(*needs(300))
    phases = Counter(type(made.state(need)) for need in made.streams)
    assert sum(phases.values()) == 300
    assert set(phases) == {MatchedNeed, WaitingNeed}
    causes: Counter[Rule] = Counter()
    for need in made.streams:
        last = made.facts(need)[-1]
        if isinstance(last, matching.Waiting):
            assert last.funnel[-1].left == 0
            causes[last.funnel[-1].rule] += 1
            continue
        assert isinstance(last, matching.Matched)
        entry = made.directory.get(f"{last.provider}/{last.service}")
        assert entry is not None
        service = entry.service
        assert service.takes_referrals
        assert service.valid_from is not None
        assert service.valid_to is not None
        assert service.valid_from <= THEN.date() <= service.valid_to
        assert last.category in service.categories
        assert not service.eligibility.sexes or last.person.sex in service.eligibility.sexes
        assert last.funnel[0].left >= last.funnel[-1].left > 0
    assert max(Counter(service_of(row) for row in made.rows).values()) <= jordan.CAPACITY
    assert phases[MatchedNeed] > 150, phases
    assert len(causes) >= 2, causes
    assert made.dead == 0


def test_today_every_one_of_these_services_is_closed() -> None:
    made = world(datetime(2026, 6, 1, tzinfo=UTC))
    made.handle(*needs(20))
    steps = [made.facts(need)[-1].funnel[-1] for need in made.streams]  # type: ignore[attr-defined]
    assert {step.rule for step in steps} <= {Rule.CATEGORY, Rule.OPEN}
    assert {step.left for step in steps} == {0}
