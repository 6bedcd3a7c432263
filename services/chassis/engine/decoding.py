"""Step 1 of the loop: from a record to an event of a stream. Each record on its own, so that one can be set aside."""

import hashlib
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from contracts.base import Message
from contracts.cloudevents import CloudEvent, MalformedError, decode

from ..decider import Policy
from ..errors import PoisonError
from ..ports import Record
from .journal import JournalEntry


@dataclass(slots=True)
class DecodedRecord:
    """An event on its way through the steps, and what has become of it so far.

    `cause` identifies the event within its stream: its topic and id. `hash` identifies its body.
    """

    record: Record
    event: CloudEvent
    data: Message
    stream: str
    key: str
    cause: str
    hash: str
    entry: JournalEntry | None = None
    """What the event led to, now or the first time it came."""
    journaled: bool = False
    """True when `entry` goes into the journal with this batch."""
    poison: PoisonError | None = None
    """Why it goes to the dead letters."""

    def reset(self) -> None:
        """Forget the outcome: it was decided on a state that never existed, so the event is decided again."""
        self.entry = None
        self.journaled = False
        self.poison = None


def decode_record(record: Record, policy: Policy[Any]) -> DecodedRecord | None:
    """The event in a record, or None when the policy does not handle its type.

    Raises `PoisonError` when the record is not a valid event, and whatever `policy.stream` raises: only the caller
    can report that as a bug in the policy.
    """
    try:
        event = decode(record.headers, record.value, record.appended)
        model = policy.handles.get(event.type)
        if model is None:
            return None
        data = model.read(event.data)
        key = (record.key or b"").decode()
    except MalformedError as error:
        raise PoisonError("decode", error.code, error.field) from None
    except ValidationError as error:
        raise PoisonError("decode", "body-not-valid", field_of(error)) from None
    except UnicodeDecodeError:
        raise PoisonError("decode", "key-not-utf-8", "key") from None
    digest = event.bodyhash or hashlib.sha256(event.data).hexdigest()[:32]
    return DecodedRecord(record, event, data, policy.stream(data), key, f"{record.topic}/{event.id}", digest)


def field_of(error: ValidationError) -> str:
    """The path of the first invalid field. The name of an unknown field is input, so it is left out."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    path = first["loc"][:-1] if first["type"] == "extra_forbidden" else first["loc"]
    return ".".join(map(str, path))
