"""What a price does to a choice, to a queue, and to a need that leaves an expensive place to others."""

from datetime import timedelta

import pytest

from contracts import matching
from contracts.agency import Preferences
from contracts.matching import Matched, PriceSet
from contracts.words import Behind, Urgency
from services.matching.directory.directory import DirectoryEntry
from services.matching.domain.rationale import choose_again
from services.matching.domain.state import MatchedNeed, WaitingNeed
from services.matching.model.limits import Limits
from services.matching.ranking.candidate import Candidate
from services.matching.ranking.net_value import Charges, charges_of
from services.matching.ranking.score import fit, rank
from services.matching.waitlist.queue import Waiter, WaitingQueues
from tests.support.builders import accepted, service
from tests.support.clock import START
from tests.support.matching_world import MatchingWorld

ONE, TWO = (DirectoryEntry(f"{each}/beds", each, service(), f"{each}/beds@0") for each in ("p1", "p2"))


def price_set(used_up: list[str] | None = None, **prices: float) -> PriceSet:
    """Prices by provider, each of whom has one service."""
    by_service = {f"{provider}/beds": price for provider, price in prices.items()}
    return PriceSet(id="set-1", window=864_000, as_of=START, prices=by_service, used_up=used_up or [])


def test_more_urgent_needs_pay_less_and_a_missing_price_is_zero() -> None:
    charged = charges_of(price_set(p1=1.2))
    paid = [fit(need, ONE) - charged.net(need, ONE) for need in map(_of, Urgency)]
    assert paid == pytest.approx([0.15, 0.3, 0.8])
    assert all(charged.net(need, TWO) == fit(need, TWO) for need in map(_of, Urgency))
    assert charges_of(None) == Charges()


def test_a_need_goes_where_the_place_is_worth_less_to_others_and_the_price_is_among_the_reasons() -> None:
    need = accepted(urgency=Urgency.NORMAL, preferences=Preferences(providers=["p1"]))
    candidates = [Candidate(ONE, 2, []), Candidate(TWO, 2, [])]
    assert [each.entry for each in rank(need, candidates)] == [ONE, TWO]
    priced = rank(need, candidates, prices={"p1/beds": 0.6})
    assert [each.entry for each in priced] == [TWO, ONE]
    assert {each.term: each.value for each in priced[1].reasons}["price"] == -0.4
    assert "price" not in {each.term for each in priced[0].reasons}


def test_a_match_names_the_prices_it_was_made_with() -> None:
    made = MatchingWorld(Limits(at_once=dict.fromkeys(Urgency, 1)))
    for provider in ("p1", "p2"):
        made.publish(service(), provider)
    made.handle(accepted(need_id="n1"))
    made.prices = price_set(p1=9.0)
    made.handle(accepted(need_id="n2", referral_id="r2"))
    first, second = (made.match(need) for need in ("n1", "n2"))
    assert first is not None
    assert second is not None
    assert (first.price_set, second.price_set) == (None, "set-1")
    assert (first.provider, second.provider) == ("p1", "p2")


def test_a_place_that_is_used_up_is_left_to_others_until_half_of_the_patience_is_over() -> None:
    made = MatchingWorld()
    made.publish(service(capacity=2))
    made.prices = price_set(["p1/beds"], p1=3.0)
    made.handle(accepted(need_id="n1", urgency=Urgency.NORMAL))
    assert isinstance(made.state("n1"), WaitingNeed)
    made.handle(accepted(need_id="n2", referral_id="r2", urgency=Urgency.URGENT))
    assert isinstance(made.state("n2"), MatchedNeed), (
        "a need that is charged less than the place is worth to it takes one"
    )
    patience = Limits().patience[Urgency.NORMAL]
    made.elapse(seconds=patience.total_seconds() / 2 - 60)
    made.run_sweep()
    assert isinstance(made.state("n1"), WaitingNeed)
    made.elapse(seconds=60)
    made.run_sweep()
    assert isinstance(made.state("n1"), MatchedNeed)


def test_a_kept_place_is_recorded_as_kept_and_without_a_counterfactual() -> None:
    made = MatchingWorld()
    made.publish(service(capacity=2))
    made.prices = price_set(["p1/beds"], p1=3.0)
    made.handle(accepted(need_id="n1", urgency=Urgency.NORMAL))
    waits = made.facts("n1")[-1]
    assert isinstance(waits, matching.Waiting)
    assert waits.weighed is not None
    assert [(each.version, each.why) for each in waits.weighed.next] == [("p1/beds@1", Behind.KEPT)]
    assert waits.weighed.otherwise == []


def test_a_priced_choice_records_the_price_and_is_repeated_with_it() -> None:
    made = MatchingWorld()
    for provider in ("p1", "p2"):
        made.publish(service(), provider)
    made.prices = price_set(p1=0.6)
    need = accepted(urgency=Urgency.NORMAL)
    made.handle(need)
    match = made.match(need.need_id)
    assert match is not None
    assert match.weighed is not None
    assert [(each.version, each.worse) for each in match.weighed.next] == [("p1/beds@1", {"price": 0.4})]
    entries = {entry.version: entry for entry in made.directory.of(need.category)}
    assert choose_again(need, [match], entries, made.prices) == ["p2/beds"]
    with pytest.raises(ValueError, match="set-1"):
        choose_again(need, [match], entries)


def test_a_place_that_returns_is_never_left_empty_for_its_price() -> None:
    made = MatchingWorld()
    made.publish(service())
    made.prices = price_set(p1=99.0)
    made.handle(accepted(urgency=Urgency.NORMAL))
    assert isinstance(made.facts(accepted().need_id)[-1], Matched)


def test_a_need_that_leaves_a_place_to_others_stands_in_nobodys_way() -> None:
    made = MatchingWorld()
    made.publish(service(capacity=1))
    made.prices = price_set(["p1/beds"], p1=0.9)
    first = accepted(need_id="n1", urgency=Urgency.NORMAL)
    made.handle(first)
    assert isinstance(made.state("n1"), WaitingNeed)
    made.handle(
        accepted(need_id="n2", referral_id="r2", urgency=Urgency.NORMAL, preferences=Preferences(providers=["p1"]))
    )
    assert isinstance(made.state("n2"), MatchedNeed), "it came later, and the place is worth its price to it"


def test_the_net_value_counts_in_a_queue_and_no_price_after_the_patience() -> None:
    charged = charges_of(price_set(p1=0.6))
    normal, aged = (
        Waiter(accepted(need_id=id_, urgency=Urgency.NORMAL), (), START - since, 1)
        for id_, since in (("n1", timedelta()), ("n2", Limits().patience[Urgency.NORMAL]))
    )
    ((key, _),) = WaitingQueues([normal], charged).queue_of(ONE, START, Limits())
    assert key[3] == pytest.approx(-(fit(normal.need, ONE) - 0.4), abs=1e-4)
    ((key, _),) = WaitingQueues([aged], Charges({"p1/beds": 99.0}, frozenset({"p1/beds"}))).queue_of(
        ONE, START, Limits()
    )
    assert key[3] == 0.0


def test_prices_are_read_as_they_were_written() -> None:
    prices = price_set(["p2/beds"], p1=0.25)
    assert matching.PriceSet.read(prices.model_dump_json()) == prices


def _of(urgency: Urgency) -> matching.NeedRegistered:
    return accepted(urgency=urgency)
