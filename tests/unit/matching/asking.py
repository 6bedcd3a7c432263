"""Needs, services and answers, and what became of them: for tests of one need at a time."""

from typing import Any

from contracts.intake import NeedRegistered
from services.matching.model.limits import Limits
from tests.support.builders import accepted, of_offer, service
from tests.support.matching_world import MatchingWorld


def need(number: int = 1, **changes: Any) -> NeedRegistered:
    return accepted(need_id=f"n{number}", referral_id=f"r{number}", reference=f"R-{number}", **changes)


def world(*capacities: int, **limits: Any) -> MatchingWorld:
    """Providers p1, p2, ... with a service ``beds`` each. The lower number is the better one while equally free."""
    made = MatchingWorld(Limits(**limits))
    for number, capacity in enumerate(capacities, 1):
        made.publish(service(capacity=capacity), f"p{number}")
    return made


def answer(kind: Any, number: int = 1, attempt: int = 1, **changes: Any) -> Any:
    return of_offer(kind, attempt, need_id=f"n{number}", referral_id=f"r{number}", **changes)


def kinds(made: MatchingWorld, number: int = 1) -> list[str]:
    return [type(fact).__name__ for fact in made.facts(f"n{number}")]


def holds(made: MatchingWorld) -> dict[str, str]:
    return {row: doc["need"] for row, doc in made.rows.items()}
