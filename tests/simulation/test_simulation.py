"""A thousand runs of the whole system, each with other faults; and proof that the checks notice a broken system."""

import os
import uuid
from collections.abc import Sequence
from typing import Any

import pytest

from services.chassis.engine.journal import OutgoingEvent
from services.chassis.engine.loop import Drafts, Loop
from tests.support.memory_twins import MemoryStore

from .seeds import digests, faults_of, first_fault, in_child_process


@pytest.mark.timeout(1800)
def test_no_seed_breaks_a_promise() -> None:
    """A seed takes a quarter of a second of CPU, on all cores: two minutes for 1,000 seeds on two quiet cores."""
    assert faults_of(range(int(os.environ.get("SEEDS", "1000")))) == []


def test_the_same_seed_gives_the_same_run() -> None:
    assert in_child_process(digests, range(5)) == in_child_process(digests, range(5))


class PublishesFirst(Loop[Any]):
    """Publishes before it stores: what is published may never have been decided."""

    async def _store_drafts(self, drafts: Drafts) -> set[str]:
        await self._delivery.carry_out([entry for draft in drafts.values() for entry in draft.entries], [])
        return await super()._store_drafts(drafts)


class Unguarded(MemoryStore):
    """A second writer is appended behind the first, although it decided on a state that never existed."""

    async def append(self, documents: Sequence[dict[str, Any]]) -> set[str]:
        moved = []
        for document in documents:
            n = max((d["n"] + 1 for d in self.journal.values() if d["stream"] == document["stream"]), default=0)
            moved.append({**document, "_id": f"{document['stream']}:{n}", "n": n})
        return await super().append(moved)


def test_a_loop_that_publishes_before_it_stores_is_caught() -> None:
    assert in_child_process(first_fault, range(100), loop=PublishesFirst)


def test_a_journal_without_a_guard_is_caught() -> None:
    assert in_child_process(first_fault, range(100), store=Unguarded)


def test_ids_that_differ_on_a_repetition_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    message = OutgoingEvent.message
    monkeypatch.setattr(
        OutgoingEvent, "message", lambda self, service: message(self._replace(id=str(uuid.uuid4())), service)
    )
    assert in_child_process(first_fault, range(100))
