"""A sweep recalls each need that could have a place, and eventually every other one."""

from typing import Any

from contracts.matching import PlaceDoubtful, WaitingRecalled
from contracts.words import Urgency
from services.chassis.telemetry.metrics import Meter
from services.matching.capacity.places import document
from services.matching.jobs.sweep import WaitingSweep
from services.matching.waitlist.queue import Waiter, row, row_id
from tests.support.builders import accepted, service
from tests.support.clock import START
from tests.support.matching_world import MatchingWorld, complete


def world(capacity: int, waiting: int) -> MatchingWorld:
    made = MatchingWorld()
    made.publish(service(capacity=capacity), "p1")
    for number in range(1, waiting + 1):
        need = accepted(need_id=f"n{number}", referral_id=f"r{number}", urgency=Urgency.URGENT)
        made.waiting[row_id(need.need_id, 1)] = row(Waiter(need, (), START, 1))
    return made


def due(sweep: WaitingSweep) -> list[tuple[str, str, str]]:
    events: list[Any] = complete(sweep.suspicions(START))
    return [(type(event).__name__, event.need_id, key) for event, key in events]


def test_no_more_needs_are_recalled_than_places_are_free_and_the_first_in_the_queue_first() -> None:
    made = world(capacity=2, waiting=3)
    recalled = due(WaitingSweep(made.directory, made.claims, made.limits, doubts=0))
    assert recalled == [("WaitingRecalled", "n1", "r1"), ("WaitingRecalled", "n2", "r2")]


def test_no_need_is_recalled_where_nothing_is_free() -> None:
    made = world(capacity=0, waiting=3)
    assert due(WaitingSweep(made.directory, made.claims, made.limits, doubts=0)) == []


def test_rows_are_doubted_in_turns() -> None:
    made = world(capacity=0, waiting=3)
    made.rows.update({f"p1/beds:{slot}": document(f"m{slot}", "m", "p1/beds", f"r{slot}") for slot in range(3)})
    sweep = WaitingSweep(made.directory, made.claims, made.limits, doubts=2)
    rounds = [due(sweep) for _ in range(3)]
    for kind, names in ((WaitingRecalled, ["n1", "n2", "n3"]), (PlaceDoubtful, ["m0", "m1", "m2"])):
        turns = [[need for name, need, _ in each if name == kind.__name__] for each in rounds]
        assert turns == [names[:2], names[2:], names[:2]]


def test_a_sweep_shows_places_and_waiting_needs_by_category() -> None:
    made = world(capacity=5, waiting=3)
    made.publish(service(service="closed", capacity=9, takes_referrals=False), "p1")
    made.publish(service(service="both", capacity=2, categories=["shelter", "legal"]), "p2")
    made.publish(service(capacity=20), "p3")
    made.directory._admits = lambda provider: provider != "p3"
    made.directory.review("p3")  # revoked since
    made.rows.update({f"p1/beds:{slot}": document(f"m{slot}", "m", "p1/beds", f"r{slot}") for slot in range(4)})
    meter = Meter("matching")
    due(WaitingSweep(made.directory, made.claims, made.limits, meter=meter))
    shown = {
        (sample.name, *sorted(value for label, value in sample.labels.items() if label != "service")): sample.value
        for family in meter.registry.collect()
        if family.name in ("referrals_places", "referrals_waiting_needs")
        for sample in family.samples
    }
    assert shown == {
        ("referrals_places", "capacity", "shelter"): 7,
        ("referrals_places", "shelter", "taken"): 4,
        ("referrals_places", "capacity", "legal"): 2,
        ("referrals_places", "legal", "taken"): 0,
        ("referrals_waiting_needs", "shelter", "urgent"): 3,
    }
