"""The garbage collector: frozen objects are not traversed, but freed eventually."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from services.chassis.runtime import gc_tuning


class _Cycle:
    """Refers to itself, so that only the collector can free it."""

    def __init__(self) -> None:
        self.self = self


@pytest.fixture(autouse=True)
def _unfrozen() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_frozen_objects_are_not_collected() -> None:
    gc_tuning.freeze_survivors()
    cycle = weakref.ref(_Cycle())
    gc_tuning.freeze_survivors()
    gc.collect()
    assert cycle() is not None


def test_a_full_collection_is_rare_and_frees_frozen_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    cycle = weakref.ref(_Cycle())
    gc_tuning.freeze_survivors()
    now = gc_tuning.monotonic()
    monkeypatch.setattr(gc_tuning, "monotonic", lambda: now + 301)
    gc_tuning.freeze_survivors()
    assert cycle() is None
    another = weakref.ref(_Cycle())
    gc_tuning.freeze_survivors()
    assert another() is not None
