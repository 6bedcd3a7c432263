"""A batch on its way through the steps of the loop, and what one round of deciding has drafted."""

from collections.abc import Collection
from dataclasses import dataclass, field

from ..decider import Claim
from ..errors import PoisonError
from ..ports import Record
from .decoding import DecodedRecord
from .journal import JournalEntry

_FULL_DOCUMENT = 4_000_000
"""Characters of facts after which a stream's document is full: MongoDB accepts 16 MB. The facts of one event stay well
below that, since no event is larger than a megabyte."""


@dataclass(slots=True)
class BatchInProgress:
    """Filled by step 1; steps 2 to 4 repeat until nothing is `pending`; step 5 carries out what is in it."""

    records: list[DecodedRecord] = field(default_factory=list)
    """The events that the policy handles, in order of arrival. Each carries its own outcome."""
    undecodable: list[tuple[Record, PoisonError]] = field(default_factory=list)
    pending: list[DecodedRecord] = field(default_factory=list)
    """The events that are still to be decided."""
    unpublished: list[JournalEntry] = field(default_factory=list)
    """Entries of earlier batches whose effects may never have been carried out: they go out before this batch's."""

    def keep_pending(self, streams: Collection[str]) -> None:
        """Decide the events of these streams again. All other events are done."""
        self.pending = [record for record in self.pending if record.stream in streams]
        for record in self.pending:
            record.reset()

    def quarantine(self, stream: str) -> None:
        """Send the pending events of one stream to the dead letters."""
        for record in self.pending:
            if record.stream == stream:
                record.poison = PoisonError("fold", "stream-quarantined")
        self.pending = [record for record in self.pending if record.stream != stream]

    @property
    def entries(self) -> list[JournalEntry]:
        """All entries whose effects are carried out, in order."""
        return [*self.unpublished, *(record.entry for record in self.records if record.entry is not None)]

    @property
    def dead_letters(self) -> list[tuple[Record, PoisonError]]:
        """All records that are set aside, and why."""
        poisoned = ((record.record, record.poison) for record in self.records if record.poison is not None)
        return [*self.undecodable, *poisoned]


@dataclass(slots=True)
class Draft:
    """What one round has decided for one stream. It is stored as one document, or not at all."""

    entries: list[JournalEntry] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    size: int = 0
    """Characters of the facts."""

    @property
    def full(self) -> bool:
        """True when further events of the stream go into a document of their own."""
        return self.size > _FULL_DOCUMENT

    def add(self, entry: JournalEntry, claims: Collection[Claim]) -> None:
        """Append an entry, and the claims it depends on."""
        self.entries.append(entry)
        self.claims += claims
        self.size += sum(len(fact.get("text", "")) for fact in entry.facts)

    def entry_of(self, cause: str) -> JournalEntry | None:
        """The entry that an event led to earlier in this round."""
        return next((entry for entry in self.entries if entry.cause == cause), None)
