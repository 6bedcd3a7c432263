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


@dataclass(slots=True)
class DecodedRecord:
    """A record on its way through the steps. `cause` is what the event is known by: its topic and id."""

    record: Record
    event: CloudEvent
    data: Message
    stream: str
    key: str
    cause: str
    hash: str


def decode_record(record: Record, policy: Policy[Any]) -> DecodedRecord | None:
    """The event in a record; None where the policy does not handle its type. Raises `PoisonError`.

    `policy.stream` may raise whatever a fault in it raises: the caller knows what to make of that.
    """
    try:
        event = decode(record.headers, record.value, record.appended)
        model = policy.handles.get(event.type)
        if model is None:
            return None
        data = model.read(event.data)
        key = (record.key or b"").decode()
    except MalformedError as fault:
        raise PoisonError("decode", fault.code, fault.field) from None
    except ValidationError as fault:
        raise PoisonError("decode", "body-not-valid", field_of(fault)) from None
    except UnicodeDecodeError:
        raise PoisonError("decode", "key-not-utf-8", "key") from None
    digest = event.bodyhash or hashlib.sha256(event.data).hexdigest()[:32]
    return DecodedRecord(record, event, data, policy.stream(data), key, f"{record.topic}/{event.id}", digest)


def field_of(error: ValidationError) -> str:
    """The path of the first fault, without input: an unknown field's own name stays out."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    path = first["loc"][:-1] if first["type"] == "extra_forbidden" else first["loc"]
    return ".".join(map(str, path))
