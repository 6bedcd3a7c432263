"""The simulator and hindsight, against cases worked out by hand and against each other."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest

from contracts.provider import Service
from contracts.words import Category, Urgency
from services.matching.directory.directory import Directory
from tests.support.builders import accepted, service

from .clairvoyant import hindsight
from .ours import Ours
from .play import Matcher, play
from .quality import GREEDY, HINDSIGHT, OURS, compare, quality
from .rivals import Priced, Rival, class_then_fit
from .scenarios import BASE, PATIENCE, QUICK, Kind
from .world import Arrival, World, draw, fit, time

# Steps of one hour (a mean stay of 12, cut into 12), answers at once.
ONE = replace(BASE, days=2, window=(0, 2), answer=0.0, declines=False, kinds=(Kind(Category.SHELTER, 1, 1, 0.5),))
PLAYERS: list[Callable[[World], Matcher]] = [Ours, Rival, lambda world: Rival(world, order=class_then_fit)]


def world(entries: Iterable[Service], *needs: dict[str, Any], quota: bool = False) -> World:
    """A world with needs by `at`, `stay` and `urgency`; `willing`: the services that would accept, by default all."""
    directory = Directory()
    for entry in entries:
        directory.put("p", entry.service, 0, entry)
    known = directory.of(Category.SHELTER)
    arrivals = []
    for number, each in enumerate(needs):
        urgency, at = each.get("urgency", Urgency.NORMAL), each["at"]
        names = {"need_id": f"n{number}", "referral_id": f"r{number}", "reference": f"R-{number}"}
        need = accepted(**names, urgency=urgency, requested_at=time(at))
        fits = {entry.id: fit(need, entry) for entry in known}
        leaves = at if quota else at + PATIENCE[urgency]
        willing = frozenset(each.get("willing", fits))
        arrivals.append(Arrival(number, need, at, leaves, each["stay"], False, fits, willing))
    return World(replace(ONE, quota=quota), directory, arrivals)


@pytest.mark.parametrize("player", PLAYERS)
def test_the_first_need_gets_the_only_place_and_the_emergency_waits(player: Callable[[World], Matcher]) -> None:
    """The place returns at hour 10: by then the emergency has waited 9 of its 12 hours."""
    one = world(
        [service(capacity=1, languages=["ru"])],
        {"at": 0.0, "stay": 10.0},
        {"at": 1.0, "stay": 10.0, "urgency": Urgency.EMERGENCY},
    )
    played = play(one, player(one))
    assert played.served == {0: ("p/beds", 0.0), 1: ("p/beds", 10.0)}
    assert played.value() == pytest.approx(FIT * (1.5 + 8 * (1 - 9 / 24)))


FIT = 0.45 * 0.5 + 0.25 + 0.30 * 0.5
"""The fit of a service without a location that speaks the person's language and is not preferred."""


def test_hindsight_keeps_the_place_free_for_the_emergency_to_come() -> None:
    """The other waits until hour 11: worth 8 and almost 1.5, where a policy that cannot look ahead reaches 6.5."""
    one = world(
        [service(capacity=1, languages=["ru"])],
        {"at": 0.0, "stay": 10.0},
        {"at": 1.0, "stay": 10.0, "urgency": Urgency.EMERGENCY},
    )
    best = hindsight(one, rounds=20)
    assert best.value(one.arrivals) == pytest.approx(FIT * (8 + 1.5 * (1 - 11 / 240)))
    assert dict(best.served) == pytest.approx({0: 1.0, 1: 1.0})
    assert best.above == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("player", PLAYERS)
def test_a_service_that_declined_is_not_asked_again(player: Callable[[World], Matcher]) -> None:
    one = world(
        [service(service="a", capacity=1, languages=["ru"]), service(service="b", capacity=1, languages=["en"])],
        {"at": 0.0, "stay": 5.0, "willing": []},
        {"at": 1.0, "stay": 5.0, "willing": ["p/a"]},
    )
    played = play(one, player(one))
    assert played.served == {1: ("p/a", 1.0)}
    assert played.offers <= 4
    assert dict(hindsight(one).served) == pytest.approx({1: 1.0})


@pytest.mark.parametrize("player", PLAYERS)
def test_a_person_who_has_waited_too_long_is_gone(player: Callable[[World], Matcher]) -> None:
    one = world(
        [service(capacity=1)],
        {"at": 0.0, "stay": 20.0},
        {"at": 1.0, "stay": 1.0, "urgency": Urgency.EMERGENCY},
        {"at": 2.0, "stay": 1.0},
    )
    assert play(one, player(one)).served == {0: ("p/beds", 0.0), 2: ("p/beds", 20.0)}


@pytest.mark.parametrize("player", [Ours, Priced])
def test_a_place_of_a_quota_is_used_up(player: Callable[[World], Matcher]) -> None:
    needs = [{"at": float(number), "stay": float("inf")} for number in range(3)]
    one = world([service(capacity=2)], *needs, quota=True)
    assert list(play(one, player(one)).served) == [0, 1]
    assert sum(hindsight(one).served.values()) == pytest.approx(2)


def test_the_same_seed_is_the_same_region() -> None:
    one, same, other = draw(QUICK, 1), draw(QUICK, 1), draw(QUICK, 2)
    assert one.arrivals == same.arrivals
    assert one.arrivals != other.arrivals
    assert all(each.willing and each.willing <= each.fits.keys() for each in one.arrivals)


def test_nobody_is_better_than_hindsight_and_the_policy_is_better_than_greedy() -> None:
    compared = compare(QUICK, 1)
    assert all(each.percent <= 100 for each in compared.values())
    assert compared[OURS].percent > compared[GREEDY].percent
    assert compared[OURS].critical_unmet < compared[GREEDY].critical_unmet
    assert compared[HINDSIGHT].unmet < compared[GREEDY].unmet


def test_shares_are_of_those_counted() -> None:
    one = world([service(capacity=1)], *({"at": 0.0, "stay": 1.0} for _ in range(4)))
    one.arrivals[3].minority = True
    figures = quality(one.arrivals, lambda each: float(each.number < 2), 3.0, 4.0, {0: 1.0, 1: 3.0})
    assert (figures.percent, figures.unmet, figures.critical_unmet) == (75.0, 0.5, 0.0)
    assert figures.gap == pytest.approx(2 / 3)
    assert figures.waited == (2.0, 0.0), "nobody of the minority was served"
