"""The demo's explanations, from real answers of matching."""

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
    """What is shown for needs in these states; the first need takes the only place."""
    world, watch = MatchingWorld(), Watch()
    world.publish(service(capacity=1), "p1")
    for number, state in enumerate(states, 1):
        world.handle(accepted(need_id=f"n{number}", referral_id=f"r{number}"))
        watch.needs["a1", f"R-{number}", "1"] = [StatusChanged.model_construct(need_id=f"n{number}", state=state)]
    world.elapse(hours=24 * 8)

    def asks(need: str) -> dict[str, Any]:
        text = explain([each for each in world.store.journal.values() if each["stream"] == need])
        assert text is not None
        return text

    out = io.StringIO()
    show(Console(file=out, width=200), watch, asks)
    return out.getvalue()


def test_a_match_and_an_unmet_need_are_explained() -> None:
    text = shown(Lifecycle.DELIVERED, Lifecycle.UNMET)
    assert "Why this service: need 1 of R-1, a1" in text
    assert "Chosen: p1/beds." in text
    assert "Why nobody could help: need 1 of R-2, a1" in text
    for none in ("none with a free place", "ни одной со свободным местом", "ніводнай са свабодным месцам"):
        assert none in text


def test_a_need_that_had_to_wait_is_explained_when_none_is_unmet() -> None:
    assert "Why it had to wait: need 1 of R-2, a1" in shown(Lifecycle.DELIVERED, Lifecycle.WAITING)


def test_nothing_to_explain_is_reported() -> None:
    assert shown().splitlines() == [
        "There is nothing to explain: no need was matched.",
        "There is nothing to explain: no need was waiting.",
    ]
