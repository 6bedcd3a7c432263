"""What intake's decisions need from outside their streams: providers' keys, the duplicate check's rows, birth dates."""

from collections.abc import Mapping, Sequence

from services.chassis.decider import Claim, Effect, Put

from .ages import BirthDates
from .deduplication import LINKS, SERVED, Doc
from .releases import PublicKeys


class IntakeContext:
    """What was gathered for one batch, and what the decisions of the batch have added.

    A row that the batch gives back stays here until the next batch: it is deleted only after the facts are stored.
    """

    def __init__(
        self,
        keys: PublicKeys,
        served: dict[str, Doc] | None = None,
        links: dict[str, Doc] | None = None,
        birth_dates: Mapping[str, BirthDates] | None = None,
    ) -> None:
        self._keys = keys
        self.served = served or {}
        self.links = links or {}
        self.birth_dates = birth_dates or {}

    def __contains__(self, provider: object) -> bool:
        return provider in self._keys

    def consume(self, effects: Sequence[Effect]) -> None:
        """Add the rows that a decision has claimed, and the links that it has made."""
        for effect in effects:
            match effect:
                case Claim(table, row, doc) if table == SERVED:
                    self.served[row] = doc
                case Put(table, row, doc) if table == LINKS:
                    self.links[row] = doc
