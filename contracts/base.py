"""The bases of all messages, and the event types they are known by.

Three strictnesses, because three parties write:

- `Input`: what a tenant sends. Unknown fields are refused, since a typo in ``consent`` must not drop a limit.
- `Event`: what a service emits. Writers forbid unknown fields, readers ignore them, so that a newer writer can add one:
  `read` is the reader's door.
- `Value`: a part of either.

Errors never carry the input (`hide_input_in_errors`), because the input is a person.
"""

from functools import cache
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict

PREFIX = "org.referral-routing."


class Value(BaseModel):
    """A part of a message. Immutable."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        allow_inf_nan=False,
        defer_build=True,  # a process builds only the models it uses, which saves a third of its start
    )

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """Itself. Pydantic copies a default with every message that lacks the field."""
        return self


class Message(Value):
    """The body of a CloudEvent. `TYPE` is its ``ce_type`` less the prefix, such as ``intake.accepted.v1``."""

    TYPE: ClassVar[str]

    WHOLE: ClassVar[bool] = False
    """True where each says all there is to say: of the facts of this type in a stream, the last alone counts."""

    @classmethod
    @cache
    def ce_type(cls) -> str:
        """The CloudEvents type attribute, reverse-DNS with a version."""
        return PREFIX + cls.TYPE

    @classmethod
    def read(cls, body: bytes | str) -> Self:
        """Parse JSON. Raises `pydantic.ValidationError`."""
        return cls.model_validate_json(body, extra=cls._unknown())

    @classmethod
    def _unknown(cls) -> Any:
        return "ignore"


class Event(Message):
    """What one of our services says. Readers ignore fields they do not know."""


class Input(Message):
    """What an agency or a provider says. Fields we do not know are refused."""

    @classmethod
    def _unknown(cls) -> Any:
        return "forbid"
