"""What is measured: batches, steps and ages in the loop and the gate; dead letters by stage and reason."""

from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge

from contracts import topics
from services.chassis.engine.dead_letters import DeadLetters
from services.chassis.errors import PoisonError, TransientError
from services.chassis.telemetry.metrics import Meter, Stopwatch, create
from tests.support import counter
from tests.support.counter import Add
from tests.support.memory_twins import drain
from tests.support.rig import OPERATOR_PUBLIC, Rig
from tests.unit.chassis.ingress.test_gate import GateRig, Wish


def value(registry: CollectorRegistry, name: str, **labels: str) -> float:
    sample = registry.get_sample_value(f"referrals_{name}", labels)
    assert sample is not None, f"{name} {labels} does not exist"
    return sample


async def test_a_loop_measures_each_batch_its_steps_and_its_age() -> None:
    rig, meter = Rig(), Meter(counter.SERVICE)
    loop, consumer = rig.loop(meter=meter), rig.group.join()
    rig.send(Add(counter="a"))
    rig.clock.advance(seconds=90)
    rig.send(Add(counter="a"))
    await drain(loop, consumer)
    of = {"service": counter.SERVICE, "part": "loop"}
    assert value(meter.registry, "batch_records_sum", **of) == 2
    assert value(meter.registry, "batch_seconds_count", **of) == 1
    assert value(meter.registry, "event_age_seconds_sum", **of) == 90, "the age of the oldest event"
    for step in ("decode", "load", "decide", "store", "publish", "report", "commit"):
        assert value(meter.registry, "step_seconds_count", **of, step=step) == 1
    whole = value(meter.registry, "batch_seconds_sum", **of)
    upto = ("decode", "load", "decide", "store", "publish")
    assert abs(sum(value(meter.registry, "step_seconds_sum", **of, step=step) for step in upto) - whole) < 1e-9


async def test_a_batch_without_handled_events_has_no_age() -> None:
    rig, meter = Rig(), Meter(counter.SERVICE)
    rig.log.append(counter.INBOX, b"a", b"", [("ce_id", None)])
    await drain(rig.loop(meter=meter), rig.group.join())
    of = {"service": counter.SERVICE, "part": "loop"}
    assert value(meter.registry, "batch_records_count", **of) == 1
    assert meter.registry.get_sample_value("referrals_event_age_seconds_count", of) is None


async def test_a_gate_measures_ages_by_the_brokers_time() -> None:
    rig = GateRig()
    rig.send(Wish(reference="x"))
    rig.clock.advance(seconds=7)
    await rig.run()
    registry, of = rig.gate._reporter.meter.registry, {"service": "toy", "part": "gate"}
    assert value(registry, "event_age_seconds_sum", **of) == 7
    assert value(registry, "batch_records_sum", **of) == 1
    for step in ("decode", "prepare", "admit", "publish"):
        assert value(registry, "step_seconds_count", **of, step=step) == 1


async def test_dead_letters_are_counted_by_stage_and_reason_once_they_are_written() -> None:
    rig, meter = Rig(), Meter("toy")
    dead_letters = DeadLetters("toy", rig.log, OPERATOR_PUBLIC, meter)
    record = rig.log.append(counter.INBOX, b"a", b"")
    await dead_letters.send(
        [(record, PoisonError("decode", "no-body", "value")), (record, PoisonError("decode", "no-body", "value"))]
    )
    message: Any = type("", (), {"topic": "t", "key": b"", "value": b"", "headers": ()})
    await dead_letters.undeliverable([(message, "topic-missing")])
    of = {"service": "toy"}
    assert value(meter.registry, "dead_letters_total", **of, stage="decode", reason="no-body") == 2
    assert value(meter.registry, "dead_letters_total", **of, stage="publish", reason="undeliverable") == 1
    rig.log.refusing[topics.DEAD_LETTERS] = "topic-missing"
    with pytest.raises(TransientError):
        await dead_letters.send([(record, PoisonError("decode", "no-body", "value"))])
    assert value(meter.registry, "dead_letters_total", **of, stage="decode", reason="no-body") == 2


def test_a_metric_is_created_as_the_catalogue_defines_it() -> None:
    registry = CollectorRegistry()
    create(Counter, "referrals_conflicts_total", registry).labels("toy").inc()
    assert value(registry, "conflicts_total", service="toy") == 1
    with pytest.raises(TypeError):
        create(Gauge, "referrals_skipped_total", registry)


def test_the_times_of_a_repeated_step_add_up() -> None:
    watch = Stopwatch()
    for step in ("load", "decide", "load"):
        watch.lap(step)
    assert list(watch.seconds) == ["load", "decide"]
    assert timedelta(seconds=sum(watch.seconds.values())) < timedelta(minutes=1)


def test_categories_without_places_are_no_longer_shown() -> None:
    meter = Meter("matching")
    meter.places({("shelter", "capacity"): 12, ("shelter", "taken"): 3}, {("shelter", "urgent"): 2})
    assert value(meter.registry, "places", service="matching", category="shelter", stands="capacity") == 12
    assert value(meter.registry, "waiting_needs", service="matching", category="shelter", urgency="urgent") == 2
    meter.places({}, {})
    assert not [sample for family in meter.registry.collect() for sample in family.samples if "shelter" in str(sample)]
