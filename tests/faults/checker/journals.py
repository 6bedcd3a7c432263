"""The journals have no gaps, and one entry for each cause."""

from collections import Counter
from collections.abc import Iterator

from .evidence import SERVICES, Evidence, streams


def journals_have_no_gaps(evidence: Evidence) -> Iterator[str]:
    """The documents of a stream are numbered from 0, and each has the id of its number."""
    for service in SERVICES:
        for stream, documents in streams(evidence, service).items():
            numbers = [document["n"] for document in documents]
            if numbers != list(range(len(numbers))):
                yield f"{service} {stream} has {numbers}"
            if any(document["_id"] != f"{stream}:{document['n']}" for document in documents):
                yield f"{service} {stream} has a document with a wrong id"


def no_cause_has_two_entries(evidence: Evidence) -> Iterator[str]:
    """Each event was decided once in its stream."""
    for service in SERVICES:
        for stream, documents in streams(evidence, service).items():
            causes = Counter(entry["cause"] for document in documents for entry in document["entries"])
            yield from (f"{service} {stream}: {cause}" for cause, times in causes.items() if times > 1)
