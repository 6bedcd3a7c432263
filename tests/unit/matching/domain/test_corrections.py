"""What follows when a need is withdrawn or corrected."""

from typing import Any

import pytest

from contracts import matching
from contracts.profiles import Region
from contracts.words import Category, Urgency
from services.matching.waitlist.queue import read
from tests.support.builders import service, withdrawn
from tests.support.matching_world import MatchingWorld
from tests.unit.matching.asking import holds, kinds, need, world


def test_withdrawing_a_matched_need_revokes_the_match_and_releases_the_place() -> None:
    made = world(1)
    made.handle(need(), withdrawn(need_id="n1", referral_id="r1"))
    revoked = made.facts("n1")[2]
    assert isinstance(revoked, matching.MatchRevoked)
    assert (revoked.attempt, revoked.provider, revoked.cause) == (1, "p1", "withdrawn")
    assert kinds(made) == ["NeedKept", "Matched", "MatchRevoked", "NeedEnded"]
    assert holds(made) == {}


def test_withdrawing_a_waiting_need_takes_it_off_the_list() -> None:
    made = world(0)
    made.handle(need(), withdrawn(need_id="n1", referral_id="r1"))
    assert made.waiting == {}
    assert kinds(made) == ["NeedKept", "Waiting", "NeedEnded"]


def test_withdrawing_an_unknown_need_changes_nothing() -> None:
    made = world()
    made.handle(withdrawn(need_id="n1", referral_id="r1"))
    assert made.facts("n1") == []


def test_a_correction_keeps_a_match_that_still_fits() -> None:
    made = world(1)
    made.handle(need(), need(revision=1, urgency=Urgency.EMERGENCY))
    assert kinds(made) == ["NeedKept", "Matched", "NeedKept"]


def test_a_correction_keeps_a_match_with_a_service_that_has_closed_since() -> None:
    made = world(1)
    made.handle(need())
    made.publish(service(takes_referrals=False), "p1")
    made.handle(need(revision=1))
    made.publish(None, "p1", "beds")
    made.handle(need(revision=2))
    assert kinds(made) == ["NeedKept", "Matched", "NeedKept", "NeedKept"]


@pytest.mark.parametrize("changes", [{"region": Region(admin1="BY-MI")}, {"category": Category.LEGAL}])
def test_a_correction_that_breaks_the_match_revokes_it_and_matches_again(changes: dict[str, Any]) -> None:
    made = MatchingWorld()
    both = [Category.SHELTER, Category.LEGAL]
    made.publish(service(capacity=1, areas=["BY-BR"], categories=both), "p1")
    made.handle(need())
    made.publish(service(capacity=1, areas=["BY-MI"], categories=both), "p2")
    made.handle(need(revision=1, **changes))
    assert kinds(made)[:4] == ["NeedKept", "Matched", "NeedKept", "MatchRevoked"]
    assert made.facts("n1")[3].cause == "corrected"  # type: ignore[attr-defined]


@pytest.mark.parametrize("entry", [service(takes_referrals=False), None])
def test_a_match_without_consent_is_revoked_even_if_the_service_has_closed_or_is_gone(entry: Any) -> None:
    made = world(1)
    made.handle(need())
    made.publish(entry, "p1", "beds")
    made.handle(need(revision=1, recipients=["p2"]))
    assert kinds(made) == ["NeedKept", "Matched", "NeedKept", "MatchRevoked", "Waiting"]
    assert holds(made) == {}


def test_a_wider_consent_gives_a_waiting_need_a_place() -> None:
    made = world(1)
    made.handle(need(recipients=["p2"]))
    made.handle(need(revision=1, recipients=["p1", "p2"]))
    assert holds(made) == {"p1/beds:0": "n1"}


def test_an_older_or_equal_revision_is_ignored() -> None:
    made = world(1)
    made.handle(need(revision=2))
    made.handle(need(revision=2, urgency=Urgency.NORMAL), need(revision=1, urgency=Urgency.NORMAL))
    assert kinds(made) == ["NeedKept", "Matched"]


def test_a_correction_of_a_waiting_need_tries_again_and_keeps_the_end_of_the_wait() -> None:
    made = world()
    made.handle(need())
    made.clock.advance(hours=5)
    made.handle(need(revision=1, category=Category.LEGAL))
    first, second = (fact for fact in made.facts("n1") if isinstance(fact, matching.Waiting))
    assert (first.since, first.until) == (second.since, second.until)
    assert made.waiting.keys() == {"n1:2"}
    assert read(made.waiting["n1:2"]).need.category is Category.LEGAL
    assert sorted(timer.name for timer in made.store.timers.values()) == ["patience-over", "wait-over"]
