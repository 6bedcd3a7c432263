"""An entry that is not confirmed any more, or whose last day is over, is not used; its provider is notified once."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from contracts import topics
from contracts.matching import EntryExpires, ExpiryNotified
from contracts.notification import EntryProblemsFound
from contracts.words import EntryExpiry, Rule
from services.matching.directory.directory import Directory
from services.matching.directory.entry_flags import EXPIRY_NOTICES
from services.matching.directory.expiry import due_notices
from services.matching.eligibility.rules import Case
from services.matching.jobs.sweep import WaitingSweep
from tests.support.builders import accepted, service
from tests.support.clock import START
from tests.support.matching_world import MatchingWorld, complete

YEAR = timedelta(days=365)
TODAY = START.date()


def world(**entry: Any) -> MatchingWorld:
    made = MatchingWorld(stale_after=YEAR)
    made.publish(service(**entry), "p1")
    return made


def notices(made: MatchingWorld) -> list[str]:
    """The fields that the provider was notified about, in order."""
    records = made.log.read(topics.inbox("notification"))
    return [each.field for record in records for each in EntryProblemsFound.read(record.value or b"").problems]


def expired(on: date, at: datetime | None = START, **entry: Any) -> list[EntryExpiry]:
    directory = Directory(stale_after=YEAR)
    directory.put("p1", "beds", 1, service(**entry), at)
    return [lapse for _, lapse in due_notices(directory.entries(), on)]


@pytest.mark.parametrize(
    ("days", "stage"),
    [(0, None), (333, None), (334, "going-stale"), (365, "going-stale"), (366, "stale"), (999, "stale")],
)
def test_an_entry_is_going_stale_a_month_before_its_year_is_over_and_then_stale(days: int, stage: str | None) -> None:
    assert expired(TODAY + timedelta(days=days)) == [each for each in EntryExpiry if each == stage]


def test_an_entry_has_ended_on_the_day_after_its_last_and_then_nothing_else_counts() -> None:
    assert expired(TODAY, valid_to=TODAY) == []
    assert expired(TODAY + timedelta(days=1), valid_to=TODAY) == [EntryExpiry.ENDED]
    assert expired(TODAY + timedelta(days=999), valid_to=TODAY) == [EntryExpiry.ENDED]
    assert expired(TODAY + timedelta(days=350), valid_to=date.max) == [EntryExpiry.GOING_STALE]
    assert expired(TODAY + timedelta(days=999), at=None, valid_to=date.max) == [], "its age is unknown"
    assert expired(TODAY + timedelta(days=350), valid_to=TODAY + timedelta(days=350)) == [EntryExpiry.GOING_STALE]


def test_an_entry_that_was_over_when_published_is_not_reported_again() -> None:
    assert expired(TODAY, valid_to=TODAY - timedelta(days=1)) == []


def test_no_notice_is_sent_where_nobody_is_referred_anyway() -> None:
    assert expired(TODAY + timedelta(days=999), takes_referrals=False) == []
    barred = Directory(lambda provider: False, YEAR)
    barred.put("p1", "beds", 1, service(), START)
    assert due_notices(barred.entries(), TODAY + timedelta(days=999)) == []


def test_a_stale_entry_gets_no_needs_until_it_is_published_again() -> None:
    made = world()
    made.elapse(days=366)
    made.handle(accepted())
    (need,) = made.streams
    assert made.match(need) is None
    funnel = made.facts(need)[-1].funnel  # type: ignore[attr-defined]
    assert [(step.rule, step.left) for step in funnel][-1] == (Rule.STALE, 0)
    made.publish(service(), "p1")
    made.run_sweep()
    assert made.match(need) is not None


def test_a_place_is_kept_when_the_entry_goes_stale_and_the_need_is_corrected() -> None:
    made = world()
    made.handle(accepted())
    (need,) = made.streams
    held = made.match(need)
    made.elapse(days=366)
    made.handle(accepted(revision=1))
    assert made.match(need) == held


def test_the_provider_is_notified_once_before_and_once_when_it_happens() -> None:
    made = world()
    for days in (300, 34, 1, 30, 1, 1, 400):
        made.elapse(days=days)
        made.run_sweep()
        made.run_sweep()
    assert notices(made) == ["entry", "entry"]
    assert set(made.claims.tables[EXPIRY_NOTICES]) == {"p1/beds@1#going-stale", "p1/beds@1#stale"}


def test_the_next_version_is_reported_again_and_the_rows_of_the_old_one_are_dropped() -> None:
    made = world(valid_to=TODAY)
    made.elapse(days=1)
    made.run_sweep()
    made.publish(service(valid_to=TODAY + timedelta(days=1)), "p1")
    made.run_sweep()
    assert notices(made) == ["valid_to"]
    made.elapse(days=1)
    made.run_sweep()
    assert notices(made) == ["valid_to"] * 2
    assert set(made.claims.tables[EXPIRY_NOTICES]) == {"p1/beds@2#ended"}


def test_neither_several_instances_nor_a_lost_row_cause_a_second_notice() -> None:
    made = world()
    other = WaitingSweep(made.directory, made.claims, made.limits)
    made.elapse(days=366)
    for sweep in (made.sweep, other):
        for event, _ in complete(sweep.suspicions(made.clock.now())):
            made.send(event)
    made.run()
    assert notices(made) == ["entry"]
    made.claims.tables[EXPIRY_NOTICES].clear()
    made.restart()
    assert made.run_sweep() == 1
    assert notices(made) == ["entry"]
    assert made.run_sweep() == 0, "the row is there again"


@pytest.mark.parametrize("when", ["before", "midway", "after"])
@pytest.mark.parametrize("call", ["append", "publish", "put"])
def test_a_notice_has_one_id_whatever_fails_meanwhile(call: str, when: str) -> None:
    made = world()
    made.elapse(days=366)
    for event, _ in complete(made.sweep.suspicions(made.clock.now())):
        made.send(event)
    made.interrupt(call, when)
    made.restart()
    made.run()
    ids = {dict(record.headers)["ce_id"] for record in made.log.read(topics.inbox("notification"))}
    assert len(ids) == 1
    assert set(made.claims.tables[EXPIRY_NOTICES]) == {"p1/beds@1#stale"}


def test_an_entry_published_again_or_deleted_since_is_not_reported() -> None:
    made = world()
    lapses = EntryExpires(provider="p1", service="beds", version="p1/beds@0", lapse=EntryExpiry.STALE)
    made.handle(lapses, lapses.model_copy(update={"service": "other", "version": "p1/other@1"}))
    assert notices(made) == []
    assert not any(isinstance(fact, ExpiryNotified) for stream in made.streams for fact in made.facts(stream))


def test_an_entry_put_between_two_searches_of_a_day_counts_in_the_second() -> None:
    directory = Directory(stale_after=YEAR)
    old, case = START - timedelta(days=366), Case(accepted(), (), START, timedelta())

    def fitting() -> list[str]:
        return sorted(each.id for each in directory.find(case).entries)

    directory.put("p1", "beds", 1, service(), START)
    assert fitting() == ["p1/beds"]
    directory.put("p2", "beds", 1, service(), old)
    assert fitting() == ["p1/beds"], "a new one that is stale"
    directory.put("p1", "beds", 2, service(), old)
    assert fitting() == []
    directory.put("p2", "beds", 2, service(), START)
    assert fitting() == ["p2/beds"], "confirmed"
    directory.put("p1", "beds", 3, None)
    directory.put("p3", "beds", 1, service(), START)
    assert fitting() == ["p2/beds", "p3/beds"], "in the place of one that was stale"
