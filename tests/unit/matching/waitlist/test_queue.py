"""The order of a queue, the content of a row, and the alert, once, about a need that waits too long."""

from datetime import timedelta
from typing import Any

from contracts import matching
from contracts.agency import Preferences
from contracts.notification import Declined
from contracts.profiles import Region
from contracts.words import DeclineCode, Flag, HeldBack, Rule, Urgency
from services.matching.directory.directory import DirectoryEntry
from services.matching.domain.state import WaitingNeed, waiter_of
from services.matching.model.limits import Limits
from services.matching.waitlist.queue import Waiter, WaitingQueues, options_of, precedence, read, row
from tests.support.builders import accepted, minimum, of_offer, service, withdrawn
from tests.support.clock import START
from tests.support.matching_world import MatchingWorld

ENTRY = DirectoryEntry("p1/beds", "p1", service(), "p1/beds@0")
PATIENCE = Limits().patience


def waiter(need: str, since: float = 0, options: int | None = None, **changes: Any) -> Waiter:
    """`since` is hours before START, and when it was asked for, unless said otherwise."""
    began = START - timedelta(hours=since)
    return Waiter(accepted(need_id=need, **{"requested_at": began, **changes}), (), began, 1, options)


def order(*waiters: Waiter, entry: DirectoryEntry = ENTRY) -> list[str]:
    by_key = [each.id for each in sorted(waiters, key=lambda each: precedence(each, entry, START, Limits()))]
    line = [each.id for _, each in WaitingQueues(waiters).queue_of(entry, START, Limits())]
    assert line == by_key
    return line


def test_of_needs_that_waited_equally_the_one_that_the_service_suits_best_is_first() -> None:
    prefers = waiter("z", preferences=Preferences(providers=["p1"]))
    assert order(waiter("a"), prefers) == ["z", "a"]
    other = DirectoryEntry("p2/beds", "p2", service(), "p2/beds@0")
    assert order(waiter("a"), prefers, entry=other) == ["a", "z"], "it suits no better there"


def test_of_two_needs_that_it_suits_alike_the_one_with_fewer_options_is_first() -> None:
    assert order(waiter("a", options=5), waiter("b", options=2), waiter("c", options=None)) == ["b", "a", "c"]


def test_options_are_the_services_that_could_take_the_need_if_they_had_a_place() -> None:
    steps = [(Rule.CATEGORY, 9), (Rule.RULED_OUT, 4), (Rule.FULL, 3), (Rule.PLACE, 0)]
    assert options_of([matching.FunnelStep(rule=rule, left=left) for rule, left in steps]) == 4
    assert options_of([matching.FunnelStep(rule=Rule.AREA, left=0)]) == 0


def test_options_are_counted_when_a_wait_begins_and_kept_with_it() -> None:
    made = MatchingWorld()
    for provider in ("p1", "p2", "p3"):
        made.publish(service(capacity=0, areas=[] if provider != "p3" else ["BY-MI"]), provider)
    made.handle(accepted(need_id="n1", region=Region(admin1="BY-BR")))
    (listed,) = made.waiters
    assert listed.options == 2
    waiting = made.state("n1")
    assert isinstance(waiting, WaitingNeed)
    assert waiter_of(waiting, START) == listed, "whoever decides again ranks it as the row does"
    made.publish(service(capacity=0), "p4")
    made.handle(matching.WaitingRecalled(referral_id=listed.need.referral_id, need_id="n1"))
    assert made.waiters == [listed]
    made.handle(accepted(need_id="n1", region=Region(admin1="BY-MI"), revision=1))
    assert [each.options for each in made.waiters] == [4], "a correction counts again"


def test_a_need_out_of_patience_comes_first_regardless_of_everything_else() -> None:
    overdue = waiter("old", since=15 * 24, urgency=Urgency.NORMAL)
    pressing = waiter("new", urgency=Urgency.EMERGENCY, person=minimum(flags=list(Flag)), options=1)
    older = waiter("older", since=85, urgency=Urgency.URGENT, requested_at=START - timedelta(days=40))
    assert order(pressing, overdue, older) == ["older", "old", "new"]


def test_a_row_is_read_as_it_was_written() -> None:
    one = waiter("n1", since=3, options=2)
    assert read(row(one)) == one


def test_a_row_written_before_options_were_counted_is_read() -> None:
    old = row(waiter("n1", options=2))
    del old["options"]
    assert read(old).options is None


# an operator is alerted ---------------------------------------------------------------------------------------------


def alerts(made: MatchingWorld, need: str = "n1") -> list[matching.PatienceOver]:
    return [fact for fact in made.facts(need) if isinstance(fact, matching.PatienceOver)]


def test_at_the_end_of_the_patience_an_operator_is_alerted_once_with_the_cause() -> None:
    made = MatchingWorld()
    made.publish(service(capacity=0), "p1")
    made.handle(accepted(need_id="n1"))
    made.elapse(hours=83)
    assert not alerts(made)
    made.elapse(hours=1)
    (alert,) = alerts(made)
    assert (alert.cause, alert.urgency, alert.since) == ("no-place", Urgency.URGENT, START)
    assert alert.until == START + Limits().wait[Urgency.URGENT]
    id_, event, topic = next(each for each in made.sent if getattr(each[1], "name", "") == "patience-over")
    made.send(event, topic, id_)
    made.send(event, topic, "another")
    made.run()
    assert alerts(made) == [alert]


def test_a_need_with_a_place_causes_no_alert_and_one_that_waits_again_does_at_once() -> None:
    made = MatchingWorld()
    made.publish(service(capacity=0), "p1")
    made.handle(accepted(need_id="n1"))
    made.elapse(hours=80)
    made.publish(service(capacity=1), "p1")
    made.run_sweep()
    made.elapse(hours=10)
    assert made.match("n1") is not None
    assert not alerts(made)
    made.handle(of_offer(Declined, 1, need_id="n1", code=DeclineCode.OTHER))
    assert len(alerts(made)) == 1
    assert made.record("n1").wait_number == 2


def test_a_need_that_became_more_urgent_has_less_patience_and_the_reverse() -> None:
    made = MatchingWorld(Limits(wait=dict.fromkeys(Urgency, timedelta(days=60))))
    made.publish(service(capacity=0), "p1")
    normal, emergency = {"urgency": Urgency.NORMAL}, {"urgency": Urgency.EMERGENCY}
    for need, first, then in (("n1", normal, emergency), ("n2", emergency, normal)):
        made.handle(accepted(need_id=need, **first), accepted(need_id=need, **then, revision=1))
    made.elapse(hours=12)
    assert (len(alerts(made, "n1")), len(alerts(made, "n2"))) == (1, 0)
    made.elapse(days=15)
    assert (len(alerts(made, "n1")), len(alerts(made, "n2"))) == (1, 1)


def test_a_place_that_the_need_gets_by_age_is_taken_before_an_alert() -> None:
    """The recall got lost, and no sweep has run."""
    made = MatchingWorld()
    made.publish(service(capacity=0), "p1")
    made.handle(accepted(need_id="n1"))
    made.publish(service(capacity=1), "p1")
    made.elapse(hours=84)
    assert made.match("n1") is not None
    assert not alerts(made)


def test_the_sweep_alerts_where_no_timer_does() -> None:
    """As for needs that waited before patience was timed."""
    made = MatchingWorld()
    made.publish(service(capacity=0), "p1")
    made.handle(accepted(need_id="n1"))
    made.store.timers.clear()
    made.elapse(hours=100)
    assert not alerts(made)
    made.run_sweep()
    made.run_sweep()
    assert len(alerts(made)) == 1


def test_a_person_who_is_helped_under_another_referral_causes_no_alert() -> None:
    made = MatchingWorld()
    made.publish(service(capacity=0), "p1")
    for number, held_back in enumerate(HeldBack, 1):
        made.handle(accepted(need_id=f"n{number}", referral_id=f"r{number}", held_back=held_back))
    made.elapse(hours=100)
    assert not alerts(made, "n1")
    assert not alerts(made, "n2")


def test_a_withdrawn_need_causes_no_alert() -> None:
    made = MatchingWorld()
    made.publish(service(capacity=0), "p1")
    made.handle(accepted(need_id="n1"), withdrawn(need_id="n1"))
    made.elapse(hours=100)
    assert not alerts(made)
