"""The life of a need, as its facts show it: each phase has exactly what belongs to it."""

from contracts import matching
from contracts.base import Message
from contracts.notification import Declined, Delivered
from contracts.words import DeclineCode, EntryExpiry, HeldBack
from services.matching.domain.state import (
    EndedNeed,
    ExpiryHandled,
    HeldNeed,
    MatchedNeed,
    OpenNeed,
    UnknownNeed,
    WaitingNeed,
    evolve,
)
from tests.support.builders import NEED, accepted, of_offer, service
from tests.support.matching_world import MatchingWorld


def phases(made: MatchingWorld) -> list[type]:
    """The phases that the need's facts lead through."""
    states = [made.policy.initial(NEED)]
    for fact in made.facts(NEED):
        states.append(evolve(states[-1], fact))
    return [type(state) for state in states]


def test_a_need_is_matched_waits_and_ends() -> None:
    made = MatchingWorld()
    made.publish(service(capacity=1))
    made.handle(accepted())
    made.publish(service(capacity=0))
    made.handle(of_offer(Declined, code=DeclineCode.OTHER))
    assert phases(made) == [UnknownNeed, OpenNeed, MatchedNeed, OpenNeed, WaitingNeed]
    made.publish(service(capacity=1), "p2")
    made.run_sweep()
    made.handle(of_offer(Delivered, attempt=2))
    assert phases(made)[-3:] == [WaitingNeed, MatchedNeed, EndedNeed]


def test_a_need_on_hold_has_the_wait_that_ends_it() -> None:
    made = MatchingWorld()
    made.publish(service(capacity=1))
    made.handle(accepted(), of_offer(Declined, code=DeclineCode.MISSING_DOCUMENTS))
    state = made.state(NEED)
    assert isinstance(state, HeldNeed)
    assert state.wait.until > state.wait.since == made.clock.now()


def test_a_need_that_resumes_is_open_and_has_not_waited_yet() -> None:
    made = MatchingWorld()
    made.handle(accepted(held_back=HeldBack.AGENCY_KNOWS))
    state = made.state(NEED)
    assert isinstance(state, WaitingNeed)
    assert evolve(state, matching.NeedKept(accepted=accepted(revision=1))) == OpenNeed(
        state.record._replace(accepted=accepted(revision=1))
    )


def test_nothing_brings_an_ended_need_back() -> None:
    made = MatchingWorld()
    made.publish(service(capacity=1))
    made.handle(accepted(), of_offer(Delivered))
    state = made.state(NEED)
    for fact in (*made.facts(NEED), *_expiry()):
        assert evolve(state, fact) is state


def test_the_stream_of_an_expiring_entry_is_no_need() -> None:
    (notified,) = _expiry()
    assert isinstance(evolve(UnknownNeed(), notified), ExpiryHandled)
    assert isinstance(evolve(ExpiryHandled(), matching.NeedKept(accepted=accepted())), ExpiryHandled)


def _expiry() -> list[Message]:
    return [matching.ExpiryNotified(version="p1/beds@1", lapse=EntryExpiry.STALE)]
