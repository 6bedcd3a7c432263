"""Operators are warned once, by ids and codes, with what to do; and each warning is counted."""

import pytest
from structlog.testing import capture_logs

from contracts import matching
from contracts.words import Urgency
from services.chassis.engine.journal import OutgoingEvent
from services.chassis.telemetry.catalogue import LOG_FIELDS
from services.chassis.telemetry.metrics import Meter
from services.matching.jobs.sweep import WaitingSweep
from services.matching.outbound.alerts import warn_of_long_waits
from tests.support.builders import FUNNEL, NEED, OF_NEED, REFERRAL, accepted, service, waiting, withdrawn
from tests.support.clock import START
from tests.support.matching_world import MatchingWorld, complete


def counted(meter: Meter, warning: str) -> float:
    labels = {"service": "matching", "warning": warning}
    return meter.registry.get_sample_value("referrals_warnings_total", labels) or 0


async def test_a_need_that_waits_too_long_is_reported_by_ids_with_the_reason_and_what_to_do() -> None:
    of_wait = {"urgency": Urgency.URGENT, "since": START, "until": START, "funnel": FUNNEL, "cause": "no-place"}
    facts = [waiting(), matching.PatienceOver(**OF_NEED, attempt=0, **of_wait)]
    outgoing = [
        OutgoingEvent(topic="t", key="k", id=f"e{n}", type=fact.ce_type(), text=fact.model_dump_json(), stream=NEED,
                 cause="c", referral="r", at=START, trace=None)
        for n, fact in enumerate(facts)
    ]  # fmt: skip
    meter = Meter("matching")
    with capture_logs() as lines:
        assert await warn_of_long_waits(meter)(outgoing) == outgoing
    (line,) = lines
    assert line.keys() - {"log_level"} <= LOG_FIELDS.keys()
    assert (line["log_level"], line["event"], line["event_id"]) == ("warning", "patience_over", "e1")
    assert (line["referral_id"], line["stream"], line["reason"]) == (REFERRAL, NEED, "no-place")
    assert "/explain/" in line["hint"]
    assert counted(meter, "patience_over") == 1


# capacity cut below the places taken ----------------------------------------------------------------------------------


@pytest.fixture
def made() -> MatchingWorld:
    """Three of four places are taken; then the provider cuts its capacity to one."""
    world = MatchingWorld()
    world.publish(service(capacity=4), "p1")
    world.handle(*(accepted(need_id=f"n{n}", referral_id=f"r{n}") for n in (1, 2, 3)))
    world.publish(service(capacity=1), "p1")
    return world


def test_taken_places_are_kept_and_nobody_new_is_sent_until_one_is_free(made: MatchingWorld) -> None:
    held = dict(made.rows)
    made.handle(accepted(need_id="n4", referral_id="r4"))
    made.run_sweep()
    assert made.rows == held
    assert all(made.match(f"n{n}") for n in (1, 2, 3))
    for gone in (1, 2):
        made.handle(withdrawn(need_id=f"n{gone}", referral_id=f"r{gone}"))
        made.run_sweep()
        assert made.match("n4") is None, "no place is free yet"
    made.handle(withdrawn(need_id="n3", referral_id="r3"))
    made.run_sweep()
    match = made.match("n4")
    assert match is not None
    assert match.slots == [0], "a slot within the new capacity"


def test_an_operator_is_warned_once_for_each_version_of_the_entry(made: MatchingWorld) -> None:
    meter = Meter("matching")
    sweep = WaitingSweep(made.directory, made.claims, made.limits, meter=meter)

    def warnings() -> list[str]:
        with capture_logs() as lines:
            complete(sweep.suspicions(made.clock.now()))
        assert all(line.keys() - {"log_level"} <= LOG_FIELDS.keys() for line in lines)
        return [line["entry"] for line in lines if line["event"] == "capacity_below_held"]

    assert (warnings(), warnings()) == (["p1/beds"], [])
    made.publish(service(capacity=2), "p1")
    assert (warnings(), warnings()) == (["p1/beds"], [])
    made.publish(service(capacity=3), "p1")
    assert warnings() == [], "the capacity covers all places taken"
    assert counted(meter, "capacity_below_held") == 2


def test_what_was_warned_about_is_remembered_once_for_each_entry_however_often_it_is_published(
    made: MatchingWorld,
) -> None:
    sweep = WaitingSweep(made.directory, made.claims, made.limits, meter=Meter("matching"))
    for capacity in (2, 1) * 10:
        made.publish(service(capacity=capacity), "p1")
        complete(sweep.suspicions(made.clock.now()))
    assert len(sweep._warnings._warned) == 1


def test_the_warning_counts_places_rather_than_needs() -> None:
    made = MatchingWorld()
    made.publish(service(capacity=4), "p1")
    made.handle(accepted(need_id="n1", places=3))
    made.publish(service(capacity=2), "p1")
    with capture_logs() as lines:
        complete(made.sweep.suspicions(made.clock.now()))
    assert [line["event"] for line in lines] == ["capacity_below_held"]
