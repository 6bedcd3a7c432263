"""The base classes of all messages.

How strict a message is depends on who writes it:

- `Input` is what a tenant sends. Unknown fields are refused, since a typo in ``consent`` must not drop a limit. Values
  must be of the published type: text for a number, or a number for a date, is refused (see `formats`).
- `Event` is what a service emits. Writers must not write unknown fields, but readers ignore them (`Message.read`), so
  that a newer writer can add a field.
- `Value` is a part of either.

Errors never contain the input (`hide_input_in_errors`), because the input is about a person.
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
        """The value itself, since it is immutable. Pydantic copies a default for every message that lacks the field."""
        return self


class Message(Value):
    """The body of a CloudEvent. `TYPE` is its ``ce_type`` without the prefix, such as ``intake.accepted.v1``."""

    TYPE: ClassVar[str]

    WHOLE: ClassVar[bool] = False
    """True if each fact of this type replaces the one before it: only the last one in a stream is folded."""

    @classmethod
    @cache
    def ce_type(cls) -> str:
        """The CloudEvents type attribute: reverse DNS, with a version."""
        return PREFIX + cls.TYPE

    @classmethod
    def read(cls, body: bytes | str) -> Self:
        """Parse JSON. Raises `pydantic.ValidationError`."""
        return cls.model_validate_json(body, extra="ignore")


class Event(Message):
    """A message from one of our services. Readers ignore fields they do not know."""


class Input(Message):
    """A message from an agency or a provider. It is read as its schema says: see `formats`."""

    @classmethod
    def read(cls, body: bytes | str) -> Self:
        """Parse JSON, strictly as published. Raises `pydantic.ValidationError`."""
        return cls.model_validate_json(body, strict=True, extra="forbid")
