"""What a service author writes for a gate: which messages tenants may send, and what becomes of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from contracts.base import Message
from contracts.cloudevents import CloudEvent
from contracts.profiles import Problem

from ..ports import Record


@dataclass(frozen=True, slots=True)
class Arrival:
    """A well-formed event from a tenant. `at` is when the broker stored it, which no sender can set."""

    tenant: str
    event: CloudEvent
    data: Message
    at: datetime
    record: Record


@dataclass(frozen=True, slots=True)
class Admitted:
    """What a gate passes on.

    `bodyhash` identifies the original body: needed if it had to be sealed, and on a refusal, whose id covers it. Where
    a body may be about a person it is keyed, since a plain hash of a short text could be guessed.
    """

    event: Message
    topic: str
    key: str
    bodyhash: str | None = None


class RefusalError(Exception):
    """A well-formed event that cannot be accepted, with what its sender must fix."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__(f"{len(problems)} problems")
        self.problems = list(problems)


class Admission(Protocol):
    """A service's own part of its gate."""

    accepts: Mapping[str, type[Message]]
    """What tenants may send, by CloudEvents type."""

    async def prepare(self, arrivals: Sequence[Arrival]) -> None:
        """Gather what `admit` needs (data keys), for a whole batch. Raises `TransientError`."""
        ...

    def admit(self, arrival: Arrival) -> Sequence[Admitted]:
        """What to pass on. Raises `RefusalError`."""
        ...

    def refuse(self, tenant: str, record: Record, event: CloudEvent, problems: list[Problem]) -> Sequence[Admitted]:
        """What notifies the sender of the problems, with a `bodyhash`."""
        ...
