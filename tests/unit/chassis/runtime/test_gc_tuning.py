"""The garbage collector: what is set aside is not walked, and yet not lost for good."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from services.chassis.runtime import gc_tuning


class _Knot:
    """Refers to itself, so that only the collector can free it."""

    def __init__(self) -> None:
        self.self = self


@pytest.fixture(autouse=True)
def _unfrozen() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_what_is_set_aside_is_not_walked() -> None:
    gc_tuning.freeze_survivors()
    knot = weakref.ref(_Knot())
    gc_tuning.freeze_survivors()
    gc.collect()
    assert knot() is not None


def test_a_whole_collection_comes_seldom_and_takes_what_was_set_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    knot = weakref.ref(_Knot())
    gc_tuning.freeze_survivors()
    now = gc_tuning.monotonic()
    monkeypatch.setattr(gc_tuning, "monotonic", lambda: now + 301)
    gc_tuning.freeze_survivors()
    assert knot() is None
    another = weakref.ref(_Knot())
    gc_tuning.freeze_survivors()
    assert another() is not None
