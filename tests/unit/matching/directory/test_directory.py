"""The directory applies entries in any order and any number of times, and a broken one replaces nothing."""

from datetime import UTC, date, datetime

import pytest

from contracts.cloudevents import CloudEvent, encode
from contracts.provider import Eligibility, Profile, Service
from contracts.words import Category, Flag, Status
from services.chassis.encryption import new_pair
from services.chassis.ingress.gate import Arrival, RefusalError
from services.chassis.ports import Record
from services.matching.admission import DirectoryAdmission, contradictions
from services.matching.directory.directory import Directory, examine
from tests.support.builders import service

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PROFILE = Profile(name="Fictional Help", public_key=new_pair()[1])


def record(entry: Service | Profile | bytes | None, key: str, offset: int = 0) -> Record:
    type_ = type(entry).ce_type() if isinstance(entry, Service | Profile) else Service.ce_type()
    body = entry.model_dump_json().encode() if isinstance(entry, Service | Profile) else entry
    headers = encode(CloudEvent(f"d{offset}", "/p1", type_, NOW, b""))
    return Record("provider.p1.directory", 0, offset, key.encode(), body, headers, NOW)


def test_an_entry_is_in_each_of_its_categories_and_has_an_id_unique_among_providers() -> None:
    directory = Directory()
    directory.apply(record(service(categories=[Category.SHELTER, Category.FOOD]), "beds", 7))
    entry = directory.get("p1/beds")
    assert entry is not None
    assert (entry.provider, entry.version) == ("p1", "p1/beds@7")
    assert directory.of(Category.SHELTER) == directory.of(Category.FOOD) == [entry]
    assert directory.of(Category.LEGAL) == []


def test_an_older_entry_neither_replaces_a_newer_one_nor_restores_a_deleted_one() -> None:
    directory = Directory()
    directory.apply(record(service(capacity=9), "beds", 5))
    directory.apply(record(service(capacity=1), "beds", 4))
    assert [entry.service.capacity for entry in directory.of(Category.SHELTER)] == [9]
    directory.apply(record(None, "beds", 6))
    directory.apply(record(service(capacity=9), "beds", 5))
    assert len(directory) == 0
    assert directory.of(Category.SHELTER) == []


def test_deleted_services_take_no_memory_and_stay_deleted_when_the_topic_is_read_again() -> None:
    """A provider may publish and delete any number of services, each under another id."""
    directory = Directory()
    records = [record(service() if n % 2 == 0 else None, f"s{n // 2}", n) for n in range(200)]
    for each in records:
        directory.apply(each)
    assert not directory._offsets
    for each in records:
        directory.apply(each)
        assert len(directory) == 0


def test_a_new_entry_leaves_the_categories_it_no_longer_has() -> None:
    directory = Directory()
    directory.apply(record(service(categories=[Category.SHELTER]), "beds", 1))
    directory.apply(record(service(categories=[Category.FOOD]), "beds", 2))
    assert directory.of(Category.SHELTER) == []


def test_two_providers_may_use_the_same_id() -> None:
    directory = Directory()
    directory.put("p1", "beds", 1, service())
    directory.put("p2", "beds", 1, service())
    assert {entry.id for entry in directory.of(Category.SHELTER)} == {"p1/beds", "p2/beds"}


@pytest.mark.parametrize(
    ("broken", "field"),
    [
        (record(b"{", "beds", 2), "body"),
        (record(b"{}", "beds", 2), "service"),
        (record(service(), "other", 2), "key"),
        (record(PROFILE, "beds", 2), "key"),
        (Record("provider.p1.directory", 0, 2, b"beds", b"{}", (), NOW), "ce_id"),
    ],
)
def test_a_broken_entry_replaces_nothing_and_its_field_is_named(broken: Record, field: str) -> None:
    directory = Directory()
    directory.apply(record(service(), "beds", 1))
    directory.apply(broken)
    assert [entry.version for entry in directory.of(Category.SHELTER)] == ["p1/beds@1"]
    problems = examine(broken)
    assert isinstance(problems, list)
    assert problems[0].field == field


def test_a_profile_is_not_a_service() -> None:
    directory = Directory()
    directory.apply(record(PROFILE, "profile", 1))
    assert len(directory) == 0
    assert examine(record(PROFILE, "profile")) == PROFILE


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        (Profile(name="Fictional Help", public_key="A" * 43 + "="), "public_key"),
        (service(valid_to=date(2026, 2, 28)), "valid_to"),
        (service(takes_referrals=False), "takes_referrals"),
        (
            service(eligibility=Eligibility(flags_any=[Flag.PREGNANT], not_flags=[Flag.PREGNANT])),
            "eligibility.not_flags",
        ),
        (
            service(eligibility=Eligibility(statuses=[Status.RESIDENT], not_statuses=[Status.RESIDENT])),
            "eligibility.not_statuses",
        ),
    ],
)
def test_contradictory_entries_are_reported(entry: Service | Profile, field: str) -> None:
    assert [problem.field for problem in contradictions(entry, NOW.date())] == [field]


def arrival(source: Record, entry: Service | Profile) -> Arrival:
    return Arrival("p1", CloudEvent("d", "/p1", type(entry).ce_type(), NOW, b""), entry, NOW, source)


def test_admission_passes_nothing_on_and_notifies_the_provider_of_problems() -> None:
    admission = DirectoryAdmission()
    assert admission.admit(arrival(record(service(), "beds"), service())) == []
    assert admission.admit(arrival(record(PROFILE, "profile"), PROFILE)) == []
    wrong = record(service(), "other")
    with pytest.raises(RefusalError) as refusal:
        admission.admit(arrival(wrong, service()))
    event = CloudEvent("d", "/p1", Service.ce_type(), NOW, b"")
    (notice,) = admission.refuse("p1", wrong, event, refusal.value.problems)
    assert (notice.topic, notice.key) == ("referrals.inbox.notification", "p1")
    assert (notice.event.provider, notice.event.entry) == ("p1", "other")  # type: ignore[attr-defined]


def test_a_key_that_is_not_an_id_is_not_repeated() -> None:
    wrong = record(service(), "Anna, born 2010")
    event = CloudEvent("d", "/p1", Service.ce_type(), NOW, b"")
    (notice,) = DirectoryAdmission().refuse("p1", wrong, event, [])
    assert notice.event.entry == ""  # type: ignore[attr-defined]
