"""Loop closure: how many ends were reported, how long it took, how many attempts it took."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from contracts import notification, operations
from contracts.outcomes import StatusChanged
from contracts.texts import sentences
from contracts.words import Urgency
from services.chassis.decider import Put
from services.outcomes.domain.loop_closure import Closure, measure, quantiles
from services.outcomes.domain.policy import OutcomesPolicy
from services.outcomes.jobs.loop_closure_metrics import ClosureMeter
from tests.support.builders import NEED, accepted, matched, of_offer, waiting, withdrawn
from tests.support.clock import START
from tests.support.closures import merged
from tests.support.stream import Stream, emitted

HOUR = timedelta(hours=1)
LATER = START + timedelta(days=3)


def row_after(*events: Any) -> dict[str, Any]:
    """The row after these events, each with its hours after the start, read in this order."""
    stream, row = Stream("outcomes", OutcomesPolicy(sentences), NEED), {}
    for hours, event in events:
        at = START + hours * HOUR
        if "at" in type(event).model_fields:
            event = event.model_copy(update={"at": at})
        for effect in stream.handle(event, now=at):
            if isinstance(effect, Put):
                row = effect.doc
    return row


REROUTED = (
    (0, accepted()),
    (1, matched(1)),
    (1, of_offer(notification.Offered, 1)),
    (2, of_offer(notification.Declined, 1)),
    (2, matched(2)),
    (2, of_offer(notification.Offered, 2)),
    (3, of_offer(notification.Acknowledged, 2)),
    (4, of_offer(notification.OfferAccepted, 2)),
    (9, of_offer(notification.Delivered, 2)),
)


@pytest.mark.parametrize("events", [REROUTED, REROUTED[::-1], REROUTED[4:] + REROUTED[:4]])
def test_the_row_is_the_same_in_whatever_order_events_are_read(events: Any) -> None:
    assert row_after(*events)["closure"] == {
        "urgency": "urgent",
        "offered_at": (START + HOUR).isoformat(),
        "answered_at": (START + 2 * HOUR).isoformat(),
        "decided_at": (START + 2 * HOUR).isoformat(),
        "ended_at": (START + 9 * HOUR).isoformat(),
        "attempts": 2,
        "told": True,
    }


def test_an_acknowledgement_is_an_answer_but_no_decision() -> None:
    closure = row_after((0, accepted()), (2, of_offer(notification.Acknowledged)))["closure"]
    assert (closure["answered_at"], closure["decided_at"]) == ((START + 2 * HOUR).isoformat(), None)


def test_an_open_need_has_neither_end_nor_attempts_yet() -> None:
    assert "ended_at" not in row_after((0, accepted()), (1, matched()), (2, waiting(1)))["closure"]


def test_an_end_whose_status_never_arrived_is_not_reported() -> None:
    stream = Stream("outcomes", OutcomesPolicy(sentences), NEED)
    stream.handle(accepted())
    (status,) = emitted(stream.handle(withdrawn()), StatusChanged)
    failed = operations.DeliveryFailed(
        stream=NEED,
        event_type=StatusChanged.ce_type(),
        event_id="e",
        topic="agency.brest-migration.status",
        reason="topic-gone",
        text=status.model_dump_json(),
    )
    (put,) = [each for each in stream.handle(failed) if isinstance(each, Put)]
    assert put.doc["closure"]["told"] is False
    assert measure([put.doc], LATER, 30)[Urgency.URGENT].rate == 0


def test_rows_are_measured_by_urgency_and_by_when_needs_were_sent() -> None:
    rows = [row_after(*REROUTED), row_after((0, accepted()), (5, withdrawn())), row_after((0, accepted()))]
    urgent = measure(rows, LATER, 30)[Urgency.URGENT]
    assert (urgent.needs, urgent.ended, urgent.reported, urgent.rate) == (3, 2, 2, 1.0)
    assert urgent.seconds == {
        "offer": [3600],
        "answer": [7200],
        "decision": [7200],
        "end": [5 * 3600, 9 * 3600],
    }
    assert urgent.quantiles("end") == (7 * 3600, pytest.approx(8.6 * 3600))
    assert urgent.reroutes == {1: 1, 0: 1}
    assert measure(rows, LATER, 30)[Urgency.NORMAL] == Closure(
        seconds={"offer": [], "answer": [], "decision": [], "end": []}
    )
    assert measure(rows, LATER, 2)[Urgency.URGENT].needs == 0
    assert measure(rows, LATER, 2)[Urgency.URGENT].rate is None
    assert merged(measure(rows, LATER, 30).values()) == urgent


def test_rows_without_closure_and_of_needs_not_registered_yet_are_left_out() -> None:
    old = {"sent_at": START.isoformat(), "history": []}
    early = {"sent_at": None, "history": [], "closure": {"urgency": None}}
    assert merged(measure([old, early], LATER, 30).values()).needs == 0


@given(st.lists(st.floats(0, 1e7)))
def test_the_median_is_no_higher_than_the_90th_percentile_and_both_are_within_the_values(seconds: list[float]) -> None:
    result = quantiles(sorted(seconds))
    if not seconds:
        assert result is None
    else:
        assert result is not None
        median, p90 = result
        assert min(seconds) <= median <= p90 * (1 + 1e-9)
        assert p90 <= max(seconds) * (1 + 1e-9)


def shown(registry: CollectorRegistry) -> dict[tuple[str, ...], float]:
    return {
        (family.name.removeprefix("referrals_closure_"), *sorted(sample.labels.values())): sample.value
        for family in registry.collect()
        for sample in family.samples
    }


def test_metrics_have_bounded_labels_and_show_no_time_that_no_need_has() -> None:
    registry = CollectorRegistry()
    meter = ClosureMeter(registry)
    row = row_after(*REROUTED)
    often = {**row, "closure": {**row["closure"], "attempts": 9}}
    meter.show(measure([row, often], LATER, 30))
    samples = shown(registry)
    assert samples["needs", "told", "urgent"] == 2
    assert samples["seconds", "0.5", "offer", "urgent"] == 3600
    assert samples["seconds", "0.5", "answer", "urgent"] == 7200
    assert (samples["reroutes", "1", "urgent"], samples["reroutes", "3+", "urgent"]) == (1, 1)
    assert not any(key[0] == "seconds" and "normal" in key for key in samples)
    meter.show(measure([], LATER, 30))
    assert not any(key[0] == "seconds" for key in shown(registry)), "a time that no need has any longer is not shown"
