"""What the demo tells of matching's reasons, out of what matching itself answers."""

import io
from typing import Any

from rich.console import Console

from contracts.outcomes import StatusChanged
from contracts.words import Lifecycle
from deploy.demo.explanations import show
from deploy.demo.watch import Watch
from services.matching.queries.explanation import explain
from tests.support.builders import accepted, service
from tests.support.matching_world import MatchingWorld


def shown(*states: Lifecycle) -> str:
    """A need for each state, of which the first takes the only place."""
    made, watch = MatchingWorld(), Watch()
    made.publish(service(capacity=1), "p1")
    for number, state in enumerate(states, 1):
        made.handle(accepted(need_id=f"n{number}", referral_id=f"r{number}"))
        watch.needs["a1", f"R-{number}", "1"] = [StatusChanged.model_construct(need_id=f"n{number}", state=state)]
    made.elapse(hours=24 * 8)

    def asks(need: str) -> dict[str, Any]:
        told = explain([each for each in made.store.journal.values() if each["stream"] == need])
        assert told is not None
        return told

    out = io.StringIO()
    show(Console(file=out, width=200), watch, asks)
    return out.getvalue()


def test_a_match_and_a_need_that_found_no_help_are_explained() -> None:
    told = shown(Lifecycle.DELIVERED, Lifecycle.UNMET)
    assert "Why this service: need 1 of R-1, a1" in told
    assert "Chosen: p1/beds." in told
    assert "Why nobody could help: need 1 of R-2, a1" in told
    for none in ("none with a free place", "ни одной со свободным местом", "ніводнай са свабодным месцам"):
        assert none in told


def test_where_all_found_help_one_that_had_to_wait_is_explained() -> None:
    assert "Why it had to wait: need 1 of R-2, a1" in shown(Lifecycle.DELIVERED, Lifecycle.WAITING)


def test_that_there_is_nothing_to_explain_is_said() -> None:
    assert shown().splitlines() == [
        "No need was matched of which there is something to explain.",
        "No need was waiting of which there is something to explain.",
    ]
