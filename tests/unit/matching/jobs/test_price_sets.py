"""When price sets are made and from what, and which of them is in force."""

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from contracts import notification, topics
from contracts.cloudevents import CloudEvent, encode
from contracts.matching import PriceSet
from contracts.words import Urgency
from services.chassis.ports import Record, Row
from services.matching.jobs.price_sets import Pricer
from services.matching.model.limits import Limits
from services.matching.pricing import current_prices, observations
from services.matching.pricing.current_prices import STALE, CurrentPrices
from tests.support.builders import accepted, of_offer, service
from tests.support.clock import START
from tests.support.matching_world import MatchingWorld

HALF_HOUR = timedelta(minutes=30)
UNTIL = (START + timedelta(days=60)).date()


@pytest.fixture
def made() -> MatchingWorld:
    return MatchingWorld(Limits(at_once=dict.fromkeys(Urgency, 1)))


def pricing(made: MatchingWorld) -> Pricer:
    return Pricer(made.directory, made.claims, HALF_HOUR)


def look(one: Pricer, at: datetime) -> list[tuple[PriceSet, str]]:
    return asyncio.run(one.due_price_set(at))


def ask(made: MatchingWorld, numbers: range, urgency: Urgency = Urgency.NORMAL) -> None:
    for number in numbers:
        names = {"need_id": f"n{number}", "referral_id": f"r{number}"}
        made.handle(accepted(**names, urgency=urgency, requested_at=made.clock.now()))


def test_a_scarce_quota_has_a_price_and_an_ample_one_has_none(made: MatchingWorld) -> None:
    made.publish(service(capacity=40, quota_until=UNTIL), "p1")
    made.publish(service(categories=["legal"], capacity=90, quota_until=UNTIL), "p2")
    for day in range(10):
        ask(made, range(3 * day, 3 * day + 3), Urgency.URGENT)
        made.clock.advance(days=1)
    ((made_set, key),) = look(pricing(made), made.clock.now())
    assert key == current_prices.KEY
    assert made_set.as_of == made.clock.now()
    assert made_set.used_up == ["p1/beds", "p2/beds"]
    assert made_set.prices.keys() == {"p1/beds"}


def test_an_interval_has_one_set_and_each_instance_publishes_it_once(made: MatchingWorld) -> None:
    one, other = pricing(made), pricing(made)
    ((first, _),) = look(one, START + timedelta(minutes=7))
    assert first.as_of == START
    made.publish(service(quota_until=UNTIL), "p1")
    ((second, _),) = look(other, START + timedelta(minutes=9))
    assert second == first, "it does not make its own"
    assert look(one, START + timedelta(minutes=29)) == look(other, START + timedelta(minutes=29)) == []
    ((third, _),) = look(one, START + HALF_HOUR)
    assert (third.as_of, third.used_up) == (START + HALF_HOUR, ["p1/beds"])


def test_the_loser_of_the_race_publishes_the_winners_set(made: MatchingWorld) -> None:
    one, other = pricing(made), pricing(made)
    read, race = made.claims.find, iter([True])

    async def overtaken(table: str, field: str, values: Any) -> dict[str, dict[str, Any]]:
        rows = await read(table, field, values)
        if table == current_prices.TABLE and next(race, False):
            made.publish(service(quota_until=UNTIL), "p1")
            await other.due_price_set(START)
            made.publish(None, "p1", "beds")
        return rows

    made.claims.find = overtaken  # type: ignore[method-assign]
    assert look(one, START) == []
    ((published, _),) = look(one, START)
    assert published.used_up == ["p1/beds"]
    assert len(made.claims.tables[current_prices.TABLE]) == 1


@pytest.mark.parametrize("before", [0, 1])
def test_events_since_the_interval_began_do_not_count_yet(made: MatchingWorld, before: int) -> None:
    """An instance that starts during an interval reads needs and stays newer than the moment it computes for."""
    made.publish(service(capacity=30), "p1")
    made.publish(service(service="meals", categories=["food"], capacity=30, quota_until=UNTIL), "p1")
    ask(made, range(before))
    made.clock.advance(minutes=40)
    ask(made, range(before, 6))
    for number in range(before, 6):
        made.clock.advance(minutes=1)
        for kind in (notification.OfferAccepted, notification.Delivered)[: 1 + number % 2]:
            made.handle(of_offer(kind, 1, made.clock.now(), need_id=f"n{number}", provider="p1"))
    ((made_set, _),) = look(pricing(made), made.clock.now())
    assert (made_set.as_of, made_set.prices, made_set.window) == (START + HALF_HOUR, {}, before * 30 * 60)


def test_a_failure_to_make_a_set_is_logged_and_ends_nothing(made: MatchingWorld) -> None:
    broken = {"day": START.date().isoformat(), "service": "p1/beds"}
    asyncio.run(made.claims.put([Row(observations.STAYS, "x", broken)]))
    one = pricing(made)
    with capture_logs() as lines:
        assert look(one, START) == []
        assert look(one, START + timedelta(minutes=1)) == []
    (line,) = lines
    assert (line["event"], line["log_level"]) == ("prices_not_made", "error")
    assert line["reason"].startswith("KeyError at ")
    asyncio.run(made.claims.drop([Row(observations.STAYS, "x")]))
    assert len(look(one, START + HALF_HOUR)) == 1, "it is tried again"


def test_rows_past_their_retention_are_deleted(made: MatchingWorld) -> None:
    old, new = START - observations.KEPT - timedelta(days=1), START - timedelta(days=1)
    rows = [Row(observations.STAYS, each.isoformat(), {"day": each.date().isoformat()}) for each in (old, new)]
    rows += [Row(current_prices.TABLE, old.isoformat(), {"day": old.date().isoformat(), "set": ""})]
    rows[1].doc.update(service="p1/beds", category="shelter", since=new.isoformat(), until=None)
    asyncio.run(made.claims.put(rows))
    look(pricing(made), START)
    assert made.claims.tables[observations.STAYS].keys() == {new.isoformat()}
    assert made.claims.tables[current_prices.TABLE].keys() == {START.isoformat()}


def test_a_past_day_is_read_once(made: MatchingWorld) -> None:
    days_read: list[str] = []
    read = made.claims.find

    async def counted(table: str, field: str, values: Any) -> dict[str, dict[str, Any]]:
        if table == observations.ASKED and field == "day":
            days_read.extend(values)
        return await read(table, field, values)

    made.claims.find = counted  # type: ignore[method-assign]
    one = pricing(made)
    look(one, START)
    first = len(days_read)
    look(one, START + HALF_HOUR)
    assert len(days_read) - first < 20, "today, yesterday, and the week that is purged"
    assert first > observations.KEPT.days


def test_the_latest_set_is_in_force_until_it_is_stale() -> None:
    prices = CurrentPrices(HALF_HOUR)
    assert prices.at(START) is None
    for record in _records(START + HALF_HOUR, START):
        prices.apply(record)
    made_set = prices.at(START + HALF_HOUR)
    assert made_set is not None
    assert made_set.as_of == START + HALF_HOUR, "an older one that is read again changes nothing"
    assert prices.at(START + HALF_HOUR + STALE * HALF_HOUR) is None
    prices.apply(Record(topics.PRICES, 0, 9, b"prices", b"{", [], START))
    assert prices.at(START + HALF_HOUR) == made_set, "nor does one that cannot be read"


@pytest.mark.parametrize("ahead", [timedelta(minutes=30), timedelta(days=400)])
def test_a_set_from_a_clock_that_is_ahead_replaces_none_that_has_begun(ahead: timedelta) -> None:
    prices = CurrentPrices(HALF_HOUR)
    for record in _records(START, START + ahead, START + HALF_HOUR):
        prices.apply(record)
    for now, expected in ((START, START), (START + HALF_HOUR, START + HALF_HOUR)):
        made_set = prices.at(now)
        assert made_set is not None
        assert made_set.as_of == expected


def test_prices_that_only_a_clock_ahead_has_made_are_not_in_force() -> None:
    prices = CurrentPrices(HALF_HOUR)
    for record in _records(*(START + timedelta(days=400) + number * HALF_HOUR for number in range(100))):
        prices.apply(record)
    assert prices.at(START) is None
    for record in _records(START):
        prices.apply(record)
    assert prices.at(START) is not None


def test_an_instance_whose_clock_was_ahead_makes_sets_again(made: MatchingWorld) -> None:
    one = pricing(made)
    look(one, START + timedelta(days=400))
    ((made_set, _),) = look(one, START)
    assert made_set.as_of == START
    assert look(one, START) == []


def _records(*times: datetime) -> Iterator[Record]:
    for offset, at in enumerate(times):
        made = PriceSet(id=at.isoformat(), window=1, as_of=at, prices={})
        headers = encode(CloudEvent(f"e{offset}", "/tests", PriceSet.ce_type(), at, b""))
        yield Record(topics.PRICES, 0, offset, b"prices", made.model_dump_json().encode(), headers, at)
