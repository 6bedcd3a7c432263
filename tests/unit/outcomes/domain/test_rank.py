"""The order of states."""

from itertools import pairwise

from contracts.words import Lifecycle
from services.outcomes.domain.rank import rank

RISING = [
    (Lifecycle.RECEIVED, 0),
    (Lifecycle.ACCEPTED, 0),
    (Lifecycle.WAITING, 0),
    (Lifecycle.MATCHED, 1),
    (Lifecycle.OFFERED, 1),
    (Lifecycle.ACKNOWLEDGED, 1),
    (Lifecycle.ACCEPTED_BY_PROVIDER, 1),
    (Lifecycle.ACCEPTED_BY_PROVIDER, 1, 0, 1),
    (Lifecycle.ACCEPTED_BY_PROVIDER, 1, 1, 0),
    (Lifecycle.APPOINTED, 1, 2),
    (Lifecycle.NO_SHOW, 1, 3),
    (Lifecycle.NO_SHOW, 1, 3, 2),
    (Lifecycle.APPOINTED, 1, 4),
    (Lifecycle.APPOINTED, 1, 5),
    (Lifecycle.IN_PROGRESS, 1),
    (Lifecycle.DECLINED, 1),
    (Lifecycle.EXPIRED, 1),
    (Lifecycle.REVOKED, 1),
    (Lifecycle.ON_HOLD, 1),
    (Lifecycle.WAITING, 1),
    (Lifecycle.MATCHED, 2),
    (Lifecycle.WITHDRAWN, 0),
    (Lifecycle.UNMET, 0),
    (Lifecycle.UNMET, 7),
    (Lifecycle.NOT_DELIVERED, 1),
    (Lifecycle.PARTLY_DELIVERED, 1),
    (Lifecycle.DELIVERED, 1),
]


def test_states_rise_along_the_lifecycle_attempt_by_attempt_and_ends_rank_above_open_states() -> None:
    assert all(rank(*lower) < rank(*higher) for lower, higher in pairwise(RISING))


def test_a_need_that_is_held_back_ranks_below_one_that_waits_for_a_place() -> None:
    held_back = rank(Lifecycle.WAITING, 0, code="already-served")
    assert rank(Lifecycle.ACCEPTED, 0) < held_back < rank(Lifecycle.WAITING, 0) < rank(Lifecycle.MATCHED, 1)
    assert rank(Lifecycle.WAITING, 0, code="no-place") == rank(Lifecycle.WAITING, 0)


def test_every_state_has_a_rank() -> None:
    assert {state for state, *_ in RISING} == set(Lifecycle) - {Lifecycle.REJECTED}
    assert len({rank(state, 1) for state in Lifecycle}) == len(Lifecycle)
