"""What intake's decisions need from outside the streams: the providers' keys, and the rows of duplicates."""

from collections.abc import Sequence

from services.chassis.decider import Claim, Effect, Put

from .consent import Keys
from .deduplication import LINKS, SERVED, Doc


class IntakeContext:
    """What was gathered for one batch, and what its decisions have added.

    A row that the batch gives back stays until the next batch: it is deleted only after the facts are stored.
    """

    def __init__(
        self, providers: Keys, served: dict[str, Doc] | None = None, links: dict[str, Doc] | None = None
    ) -> None:
        self._providers = providers
        self.served = served or {}
        self.links = links or {}

    def __contains__(self, provider: object) -> bool:
        return provider in self._providers

    def consume(self, effects: Sequence[Effect]) -> None:
        """Who was found a row, and who was linked."""
        for effect in effects:
            match effect:
                case Claim(table, row, doc) if table == SERVED:
                    self.served[row] = doc
                case Put(table, row, doc) if table == LINKS:
                    self.links[row] = doc
