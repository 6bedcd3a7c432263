"""Whether the agencies' books add up: what counts as told twice, and what does not."""

from typing import Any

from contracts.outcomes import StatusChanged
from contracts.words import DeadlineKind, Happening, Lifecycle
from deploy.demo.watch import Watch
from tests.support.clock import START


def status(state: Lifecycle, **more: Any) -> StatusChanged:
    names = {"agency": "a1", "reference": "R-1", "referral_id": "r1", "need": "bed", "need_id": "n1"}
    said = {"since": START, "at": START, "what": state, "attempt": 1, "fhir_status": "ready"}
    return StatusChanged(**{**names, "state": state, **said, **more})


def doubled(*told: StatusChanged) -> bool:
    watch = Watch(published={("a1", "R-1"): 0.0}, needs={("a1", "R-1", "bed"): list(told)})
    return "doubled" in watch.faults(START)


def overdue(clock: DeadlineKind) -> StatusChanged:
    return status(Lifecycle.OFFERED, what=Happening.OVERDUE, overdue=clock)


def test_two_clocks_that_are_over_at_one_moment_are_no_step_told_twice() -> None:
    end = status(Lifecycle.DELIVERED)
    assert not doubled(overdue(DeadlineKind.ACKNOWLEDGE), overdue(DeadlineKind.DECIDE), end)
    assert doubled(overdue(DeadlineKind.DECIDE), overdue(DeadlineKind.DECIDE), end)


def test_two_ends_and_a_state_that_is_reached_twice_in_one_attempt_are() -> None:
    assert doubled(status(Lifecycle.DELIVERED), status(Lifecycle.UNMET))
    assert doubled(status(Lifecycle.OFFERED), status(Lifecycle.OFFERED), status(Lifecycle.DELIVERED))
    assert not doubled(
        status(Lifecycle.OFFERED), status(Lifecycle.OFFERED, attempt=2), status(Lifecycle.DELIVERED, attempt=2)
    )
