"""Time is an event: it fires once earlier inputs have been read, and has the same id if it fires twice."""

from collections.abc import Mapping
from datetime import timedelta

import pytest

from contracts import topics
from contracts.operations import TimerElapsed
from services.chassis.engine import timers
from services.chassis.engine.timers import Progress, Ticker
from services.chassis.errors import FatalError, TransientError
from services.chassis.ports import Partition, Stage, Timer
from services.chassis.telemetry.trace_context import traceparent
from tests.support.clock import START, HandClock
from tests.support.memory_twins import MemoryLog, MemoryStore
from tests.support.rig import Seen, once, seen

INBOX = topics.inbox("toy")
GATE = Stage("toy-gate", pattern=topics.AGENCY_REFERRALS)
LOOP = Stage("toy", topics=[INBOX])
TENANT: Partition = ("agency.a.referrals", 0)
OWN: Partition = (INBOX, 0)


class Script:
    """Kafka's offsets as the test sets them, and the requests, in order."""

    def __init__(self) -> None:
        self.end: dict[str, dict[Partition, int]] = {GATE.group: {}, LOOP.group: {}}
        self.read: dict[str, dict[Partition, int]] = {GATE.group: {}, LOOP.group: {}}
        self.requests: list[str] = []
        self.away = False
        self.fails = ""

    async def ends(self, stage: Stage) -> Mapping[Partition, int]:
        self._request(f"ends of {stage.group}")
        return dict(self.end[stage.group])

    async def committed(self, stage: Stage) -> Mapping[Partition, int]:
        self._request(f"committed of {stage.group}")
        return dict(self.read[stage.group])

    def _request(self, what: str) -> None:
        if self.away or what == self.fails:
            raise TransientError("away")
        self.requests.append(what)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def kafka() -> Script:
    return Script()


@pytest.fixture
def progress(kafka: Script, clock: HandClock) -> Progress:
    return Progress([GATE, LOOP], kafka, clock)


# up to which time inputs are read -------------------------------------------------------------------------------------


async def test_without_anything_to_read_inputs_are_read_up_to_now(progress: Progress, clock: HandClock) -> None:
    assert await progress.read_up_to() == START
    later = clock.advance(minutes=1)
    assert await progress.read_up_to() == later


async def test_the_time_is_that_of_the_start_of_the_measurement_not_of_its_end(
    progress: Progress, kafka: Script, clock: HandClock
) -> None:
    kafka.end["toy"] = {OWN: 5}
    assert await progress.read_up_to() is None
    clock.advance(hours=1)
    kafka.read["toy"] = {OWN: 4}
    assert await progress.read_up_to() is None
    kafka.read["toy"] = {OWN: 5}
    assert await progress.read_up_to() == START
    assert await progress.read_up_to() == clock.now()


@pytest.mark.parametrize(("group", "at"), [("toy-gate", TENANT), ("toy", OWN)])
async def test_each_partition_of_each_stage_must_catch_up(
    progress: Progress, kafka: Script, group: str, at: Partition
) -> None:
    other = (at[0], 1)
    kafka.end[group] = {at: 3, other: 3}
    kafka.read[group] = {at: 3}
    assert await progress.read_up_to() is None
    kafka.read[group] = {at: 3, other: 3}
    assert await progress.read_up_to() == START


async def test_records_after_the_start_of_the_measurement_are_not_waited_for(progress: Progress, kafka: Script) -> None:
    kafka.end["toy-gate"] = {TENANT: 3}
    assert await progress.read_up_to() is None
    kafka.end["toy-gate"], kafka.read["toy-gate"] = {TENANT: 900}, {TENANT: 3}
    assert await progress.read_up_to() == START


async def test_the_ends_of_the_loop_are_measured_once_the_gate_has_caught_up(progress: Progress, kafka: Script) -> None:
    kafka.end["toy-gate"], kafka.end["toy"] = {TENANT: 1}, {OWN: 7}
    kafka.read["toy"] = {OWN: 7}
    assert await progress.read_up_to() is None
    assert kafka.requests == ["ends of toy-gate", "committed of toy-gate"]
    kafka.read["toy-gate"], kafka.end["toy"] = {TENANT: 1}, {OWN: 8}  # the gate has passed one on
    assert await progress.read_up_to() is None
    kafka.read["toy"] = {OWN: 8}
    assert await progress.read_up_to() == START
    assert kafka.requests.index("ends of toy") > kafka.requests.index("committed of toy-gate", 2)


async def test_a_failed_request_is_repeated(progress: Progress, kafka: Script, clock: HandClock) -> None:
    kafka.end["toy-gate"] = {TENANT: 1}
    assert await progress.read_up_to() is None
    kafka.away = True
    with pytest.raises(TransientError):
        await progress.read_up_to()
    kafka.away, kafka.read["toy-gate"] = False, {TENANT: 1}
    clock.advance(hours=1)
    assert await progress.read_up_to() == START


async def test_a_measurement_that_failed_between_the_stages_continues(
    progress: Progress, kafka: Script, clock: HandClock
) -> None:
    kafka.end["toy-gate"], kafka.end["toy"] = {TENANT: 1}, {OWN: 1}
    kafka.read["toy-gate"], kafka.fails = {TENANT: 1}, "ends of toy"
    with pytest.raises(TransientError):
        await progress.read_up_to()
    kafka.fails = ""
    clock.advance(hours=1)
    assert await progress.read_up_to() is None
    kafka.read["toy"] = {OWN: 1}
    assert await progress.read_up_to() == START


async def test_a_failed_first_request_starts_no_measurement(progress: Progress, kafka: Script) -> None:
    kafka.away, kafka.end["toy-gate"] = True, {TENANT: 1}
    for _ in range(2):
        with pytest.raises(TransientError):
            await progress.read_up_to()
    kafka.away = False
    assert await progress.read_up_to() is None, "the ends are not known, so nothing counts as read"


def test_a_stage_reads_its_topics_and_those_that_match_its_pattern() -> None:
    assert GATE.reads("agency.a.referrals")
    assert not GATE.reads("agency.a.referrals.old")
    assert not GATE.reads(INBOX)
    assert LOOP.reads(INBOX)
    assert not LOOP.reads("agency.a.referrals")


# what fires -----------------------------------------------------------------------------------------------------------


class Clockwork:
    """A ticker over the twins."""

    def __init__(self, kafka: Script, progress: Progress, clock: HandClock) -> None:
        self.kafka, self.clock = kafka, clock
        self.log = MemoryLog(clock.now)
        self.log.create(INBOX, partitions=1)
        self.store = MemoryStore()
        self.ticker = Ticker("toy", self.store, self.log, progress)

    async def set(self, name: str, **after: float) -> Timer:
        timer = Timer(f"s:{name}:cause", "s", f"key-of-{name}", name, START + timedelta(**after))
        await self.store.set_timers([timer])
        return timer

    def fired(self) -> list[Seen]:
        return [seen(record) for record in self.log.read(INBOX)]

    def names(self) -> list[str]:
        return [each.body["name"] for each in self.fired()]


@pytest.fixture
def works(kafka: Script, progress: Progress, clock: HandClock) -> Clockwork:
    return Clockwork(kafka, progress, clock)


async def test_a_due_timer_is_published_under_its_key_and_deleted(works: Clockwork) -> None:
    timer = await works.set("expire", minutes=5)
    works.clock.advance(minutes=5)
    assert await works.ticker.tick() == 1
    [out] = works.fired()
    assert (out.type, out.record.key) == (TimerElapsed.ce_type(), b"key-of-expire")
    elapsed = TimerElapsed.read(out.event.data)
    assert (elapsed.stream, elapsed.name, elapsed.due_at) == ("s", "expire", timer.due_at)
    assert (out.event.time, out.event.correlationid) == (timer.due_at, "key-of-expire")
    assert out.event.traceparent == traceparent("key-of-expire", out.event.id), "its referral's trace goes on"
    assert works.store.timers == {}
    assert await works.ticker.tick() == 0


async def test_a_timer_that_is_not_due_stays(works: Clockwork) -> None:
    await works.set("expire", minutes=5)
    works.clock.advance(minutes=5, microseconds=-1)
    assert await works.ticker.tick() == 0
    assert len(works.store.timers) == 1


async def test_the_oldest_timer_fires_first(works: Clockwork) -> None:
    await works.set("late", minutes=5)
    await works.set("early", minutes=1)
    works.clock.advance(hours=1)
    assert await works.ticker.tick() == 2
    assert works.names() == ["early", "late"]


async def test_nothing_fires_while_a_stage_lags_and_then_only_what_was_due_before(works: Clockwork) -> None:
    """An answer that was sent in time but read late comes before its deadline."""
    await works.set("before", minutes=-1)
    await works.set("after", minutes=30)
    works.kafka.end["toy-gate"] = {TENANT: 1}
    assert await works.ticker.tick() == 0
    works.clock.advance(hours=1)
    assert await works.ticker.tick() == 0
    works.kafka.read["toy-gate"] = {TENANT: 1}
    assert await works.ticker.tick() == 1
    assert works.names() == ["before"]
    assert await works.ticker.tick() == 1
    assert works.names() == ["before", "after"]


async def test_all_due_timers_fire_in_one_tick(works: Clockwork, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timers, "_AT_ONCE", 3)
    for minute in range(10):
        await works.set(f"t{minute}", minutes=minute)
    works.clock.advance(minutes=8)
    assert await works.ticker.tick() == 9
    assert works.names() == [f"t{minute}" for minute in range(9)]
    assert len(works.store.timers) == 1


@pytest.mark.parametrize("call", ["publish", "drop_timers"])
@pytest.mark.parametrize("when", ["before", "midway", "after"])
async def test_a_timer_in_doubt_fires_again_with_the_same_id(works: Clockwork, call: str, when: str) -> None:
    for name in "abcd":
        await works.set(name)
    (works.log if call == "publish" else works.store).fail(call, when)
    with pytest.raises(TransientError):
        await works.ticker.tick()
    await works.ticker.tick()
    assert [each.body["name"] for each in once(works.fired())] == ["a", "b", "c", "d"]
    assert works.store.timers == {}


async def test_two_instances_fire_a_timer_with_the_same_id(works: Clockwork, kafka: Script, clock: HandClock) -> None:
    timer = await works.set("expire")
    await works.ticker.tick()
    await works.store.set_timers([timer])  # as the other instance read it, before the first deleted it
    await Ticker("toy", works.store, works.log, Progress([LOOP], kafka, clock)).tick()
    assert len(works.fired()) == 2
    assert len(once(works.fired())) == 1


async def test_timers_of_one_name_set_by_two_causes_both_fire(works: Clockwork) -> None:
    for cause in ("one", "two"):
        await works.store.set_timers([Timer(f"s:expire:{cause}", "s", "k", "expire", START)])
    assert await works.ticker.tick() == 2
    assert len(once(works.fired())) == 2


async def test_an_inbox_that_cannot_be_written_to_is_fatal_and_keeps_the_timer(works: Clockwork) -> None:
    await works.set("expire")
    works.log.refusing[INBOX] = "topic-missing"
    with pytest.raises(FatalError):
        await works.ticker.tick()
    assert len(works.store.timers) == 1
