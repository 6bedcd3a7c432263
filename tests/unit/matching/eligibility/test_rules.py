"""Each rule by itself: what fails it, what passes, and what it does with the unknown."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import h3
import pytest

from contracts.agency import Constraints
from contracts.intake import NeedRegistered
from contracts.matching import AttemptEnded
from contracts.profiles import Region
from contracts.provider import Eligibility
from contracts.words import AgeBand, Category, Flag, Rule, Sex, Status, Urgency
from services.matching.directory.directory import DirectoryEntry
from services.matching.eligibility.assessment import STATUS_BLIND
from services.matching.eligibility.rules import RULES, Case, distance_km, failing
from tests.support.baseline_evaluator import funnel
from tests.support.builders import accepted, minimum, service

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BREST, MINSK = (52.0976, 23.7341), (53.9006, 27.5590)
DAY = timedelta(days=1)


def entry(provider: str = "p1", version: str = "1", **changes: Any) -> DirectoryEntry:
    made = service(**changes)
    return DirectoryEntry(f"{provider}/{made.service}", provider, made, version)


def rule(
    need: NeedRegistered, candidate: DirectoryEntry, tried: tuple[AttemptEnded, ...] = (), now: datetime = NOW
) -> Rule | None:
    return failing(Case(need, tried, now, DAY), candidate)


def at(place: tuple[float, float]) -> Region:
    return Region(admin1="BY-BR", cell=h3.latlng_to_cell(*place, 5))


def limits(**changes: Any) -> DirectoryEntry:
    return entry(eligibility=Eligibility(**changes))


def person(**changes: Any) -> NeedRegistered:
    return accepted(person=minimum(**changes))


def test_a_service_without_limits_takes_anyone() -> None:
    assert rule(accepted(), entry()) is None


def test_another_category_fails() -> None:
    assert rule(accepted(category=Category.LEGAL), entry()) is Rule.CATEGORY


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"takes_referrals": False}, Rule.OPEN),
        ({"valid_from": date(2026, 3, 2)}, Rule.OPEN),
        ({"valid_to": date(2026, 2, 28)}, Rule.OPEN),
        ({"valid_from": date(2026, 3, 1), "valid_to": date(2026, 3, 1)}, None),
    ],
)
def test_a_service_is_open_from_its_first_to_its_last_day(changes: dict[str, Any], expected: Rule | None) -> None:
    assert rule(accepted(), entry(**changes)) is expected


def test_a_provider_needs_consent_and_must_not_be_ruled_out_by_the_person() -> None:
    assert rule(accepted(recipients=["p1"]), entry("p1")) is None
    assert rule(accepted(recipients=["p1"]), entry("p2")) is Rule.CONSENT
    refusing = accepted(recipients=["p1"], constraints=Constraints(not_providers=["p1"]))
    assert rule(refusing, entry("p1")) is Rule.CONSENT


@pytest.mark.parametrize(
    ("areas", "here", "expected"),
    [
        (["BY-BR"], "BY-BR", None),
        (["BY"], "BY-BR", None),
        (["BY-MI"], "BY-BR", Rule.AREA),
        (["BY-BR"], "BY", Rule.AREA),
        ([], "BY-BR", None),
    ],
)
def test_areas_are_regions_or_whole_countries(areas: list[str], here: str, expected: Rule | None) -> None:
    assert rule(accepted(region=Region(admin1=here)), entry(areas=areas)) is expected


def test_a_radius_counts_from_the_service_and_needs_to_know_where_the_person_is() -> None:
    near = entry(latitude=BREST[0], longitude=BREST[1], radius_km=40)
    assert rule(accepted(region=at(BREST)), near) is None
    assert rule(accepted(region=at(MINSK)), near) is Rule.AREA
    assert rule(accepted(region=Region(admin1="BY-BR")), near) is Rule.AREA
    assert rule(accepted(region=Region(admin1="BY-BR", cell="nonsense")), near) is Rule.AREA
    both = entry(latitude=BREST[0], longitude=BREST[1], radius_km=40, areas=["BY-BR"])
    assert rule(accepted(region=Region(admin1="BY-BR")), both) is None


def test_the_persons_maximum_distance_is_never_exceeded_not_even_perhaps() -> None:
    ten = Constraints(max_distance_km=30)
    here = entry(latitude=BREST[0], longitude=BREST[1])
    assert rule(accepted(region=at(BREST), constraints=ten), here) is None
    assert rule(accepted(region=at(MINSK), constraints=ten), here) is Rule.AREA
    assert rule(accepted(region=Region(admin1="BY-BR"), constraints=ten), here) is Rule.AREA
    assert rule(accepted(region=at(BREST), constraints=ten), entry(areas=["BY-BR"])) is Rule.AREA
    assert rule(accepted(region=at(MINSK), constraints=ten), entry()) is None, "nobody travels to a telephone"


def test_a_step_free_need_goes_only_to_step_free_services() -> None:
    need = accepted(constraints=Constraints(step_free=True))
    assert rule(need, entry(areas=["BY"])) is Rule.AREA
    assert rule(need, entry(areas=["BY"], step_free=True)) is None
    assert rule(need, entry()) is None


def test_distance_counts_from_the_centre_of_the_cell() -> None:
    distance = distance_km(accepted(region=at(MINSK)), entry(latitude=BREST[0], longitude=BREST[1]))
    assert distance == pytest.approx(326, abs=12)
    assert distance_km(accepted(), entry(latitude=BREST[0], longitude=BREST[1])) is None


@pytest.mark.parametrize(
    ("band", "flags", "ages", "expected"),
    [
        (AgeBand.ADULT, [], (0, 17), Rule.AGE),
        (AgeBand.ADULT, [], (20, 30), None),
        (AgeBand.OLDER, [], (18, 60), None),
        (AgeBand.ADOLESCENT, [], (18, 150), Rule.AGE),
        (AgeBand.ADOLESCENT, [], (15, 150), None),
        (AgeBand.ADULT, [Flag.UNACCOMPANIED_CHILD], (18, 150), Rule.AGE),
        (AgeBand.ADULT, [Flag.SEPARATED_CHILD], (18, 150), Rule.AGE),
        (AgeBand.ADULT, [Flag.SEPARATED_CHILD], (0, 150), None),
    ],
)
def test_a_band_may_lie_partly_within_but_a_child_never_goes_among_adults(
    band: AgeBand, flags: list[Flag], ages: tuple[int, int], expected: Rule | None
) -> None:
    need = person(age_band=band, flags=flags)
    assert rule(need, limits(minimum_age=ages[0], maximum_age=ages[1])) is expected


def test_an_undisclosed_sex_passes_and_another_sex_fails() -> None:
    assert rule(person(sex=Sex.FEMALE), limits(sexes=[Sex.FEMALE])) is None
    assert rule(person(sex=Sex.UNDISCLOSED), limits(sexes=[Sex.FEMALE])) is None
    assert rule(person(sex=Sex.OTHER), limits(sexes=[Sex.FEMALE])) is Rule.SEX


def test_one_shared_language_is_enough_and_a_service_that_states_none_fails_only_a_demand() -> None:
    need = person(languages=["uk", "ru"])
    assert rule(need, entry(languages=["be", "ru"])) is None
    assert rule(need, entry(languages=["be"])) is Rule.LANGUAGE
    assert rule(need, entry()) is None
    demanding = accepted(person=minimum(languages=["uk", "ru"]), constraints=Constraints(languages=["uk"]))
    assert rule(demanding, entry(languages=["ru"])) is Rule.LANGUAGE
    assert rule(demanding, entry(languages=["uk"])) is None
    assert rule(demanding, entry()) is Rule.LANGUAGE


def test_a_household_that_is_too_large_fails() -> None:
    assert rule(person(household_size=4), limits(maximum_household=4)) is None
    assert rule(person(household_size=5), limits(maximum_household=4)) is Rule.HOUSEHOLD


def test_residence_status_counts_where_stated_and_unknown_passes() -> None:
    residents = limits(statuses=[Status.RESIDENT])
    assert rule(person(status=Status.RESIDENT), residents) is None
    assert rule(person(status=Status.IRREGULAR), residents) is Rule.STATUS
    assert rule(person(), residents) is None
    assert rule(person(status=Status.IRREGULAR), limits(not_statuses=[Status.IRREGULAR])) is Rule.STATUS


def test_residence_status_is_ignored_in_an_emergency_and_for_health_and_protection() -> None:
    irregular = minimum(status=Status.IRREGULAR)
    emergency = accepted(person=irregular, urgency=Urgency.EMERGENCY)
    assert rule(emergency, limits(statuses=[Status.RESIDENT])) is None
    for category in STATUS_BLIND:
        candidate = entry(categories=[category], eligibility=Eligibility(not_statuses=[Status.IRREGULAR]))
        assert rule(accepted(person=irregular, category=category), candidate) is None


def test_a_service_may_be_for_some_flags_only_and_not_for_others() -> None:
    assert rule(person(flags=[Flag.PREGNANT]), limits(flags_any=[Flag.PREGNANT, Flag.DISABILITY])) is None
    assert rule(person(), limits(flags_any=[Flag.PREGNANT])) is Rule.EXCLUSION
    assert rule(person(flags=[Flag.PREGNANT]), limits(not_flags=[Flag.PREGNANT])) is Rule.EXCLUSION


def ended(**changes: Any) -> AttemptEnded:
    values = {"referral_id": "r", "need_id": "n", "attempt": 1, "service": "p1/beds", "code": "no-capacity"}
    return AttemptEnded(**{**values, "for_good": False, "version": "1", "at": NOW, **changes})


def test_a_final_refusal_lasts_whatever_the_version_or_time() -> None:
    later = NOW + timedelta(days=400)
    assert rule(accepted(), entry(version="2"), (ended(for_good=True),), later) is Rule.RULED_OUT
    assert rule(accepted(), entry("p2"), (ended(for_good=True),), later) is None


def test_a_full_or_silent_service_is_asked_again_after_a_newer_entry_or_some_time() -> None:
    assert rule(accepted(), entry(), (ended(),)) is Rule.RULED_OUT
    assert rule(accepted(), entry(version="2"), (ended(),)) is None
    assert rule(accepted(), entry(), (ended(),), NOW + DAY) is None


def test_the_funnel_counts_what_each_rule_leaves_and_ends_where_nothing_is_left() -> None:
    entries = [entry(), entry(takes_referrals=False), entry(areas=["BY-MI"]), entry(areas=["BY-MI"])]
    left, steps = funnel(Case(accepted(), (), NOW, DAY), entries)
    assert left == [entries[0]]
    assert [step.left for step in steps] == [4, 4, 3, 3, 3] + [1] * (len(RULES) - 5)
    assert [step.rule for step in steps] == list(Rule)[:-2], "in the order of the words"
    left, steps = funnel(Case(accepted(), (), NOW, DAY), entries[2:])
    assert left == []
    assert (steps[-1].rule, steps[-1].left) == (Rule.AREA, 0)
