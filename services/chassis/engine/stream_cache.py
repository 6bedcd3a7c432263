"""Folded streams, kept in memory between batches so that the journal need not be read for every event."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic

from ..decider import S


@dataclass(slots=True)
class CachedStream(Generic[S]):
    """The state of a stream after all its facts."""

    state: S
    next_n: int = 0
    """The number of the next document in the journal."""
    hash_by_cause: dict[str, str] = field(default_factory=dict)
    """Every event that was decided in the stream, with the hash of its body."""
    fresh: bool = True
    """True during the batch that loaded it. Later on, another instance may have written to the stream meanwhile."""


class StreamCache(OrderedDict[str, CachedStream[S]]):
    """Streams by id, the least recently used first."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size

    def end_batch(self, used: Iterable[str]) -> None:
        """Mark the streams a batch has used, then evict down to `size`. Never during a batch, which needs them all."""
        for stream in set(used):
            cached = self.get(stream)
            if cached is not None:
                cached.fresh = False
                self.move_to_end(stream)
        while len(self) > self._size:
            self.popitem(last=False)
