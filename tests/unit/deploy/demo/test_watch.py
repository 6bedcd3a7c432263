"""Which statuses count as doubled, and which do not."""

from typing import Any

from contracts.outcomes import StatusChanged
from contracts.words import DeadlineKind, Happening, Lifecycle
from deploy.demo.watch import Watch
from tests.support.clock import START


def status(state: Lifecycle, **more: Any) -> StatusChanged:
    names = {"agency": "a1", "reference": "R-1", "referral_id": "r1", "need": "bed", "need_id": "n1"}
    fields = {"since": START, "at": START, "what": state, "attempt": 1, "fhir_status": "ready"}
    return StatusChanged(**{**names, "state": state, **fields, **more})


def doubled(*statuses: StatusChanged) -> bool:
    watch = Watch(published={("a1", "R-1"): 0.0}, needs={("a1", "R-1", "bed"): list(statuses)})
    return "doubled" in watch.faults(START)


def overdue(clock: DeadlineKind) -> StatusChanged:
    return status(Lifecycle.OFFERED, what=Happening.OVERDUE, overdue=clock)


def test_two_deadlines_missed_at_one_moment_are_not_doubled() -> None:
    end = status(Lifecycle.DELIVERED)
    assert not doubled(overdue(DeadlineKind.ACKNOWLEDGE), overdue(DeadlineKind.DECIDE), end)
    assert doubled(overdue(DeadlineKind.DECIDE), overdue(DeadlineKind.DECIDE), end)


def test_two_ends_and_a_repeated_state_in_one_attempt_are_doubled() -> None:
    assert doubled(status(Lifecycle.DELIVERED), status(Lifecycle.UNMET))
    assert doubled(status(Lifecycle.OFFERED), status(Lifecycle.OFFERED), status(Lifecycle.DELIVERED))
    assert not doubled(
        status(Lifecycle.OFFERED), status(Lifecycle.OFFERED, attempt=2), status(Lifecycle.DELIVERED, attempt=2)
    )
