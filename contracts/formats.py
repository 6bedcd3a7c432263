"""How values are written in JSON: dates and times as ISO 8601 text, numbers as numbers.

What organisations send (`Input.read`) is read strictly, as the schemas state: a number is never a date, and text
is never a number. Our own journals, and values in Python, are read laxly, so that what an earlier version has accepted
stays readable. Pydantic's strict mode is the difference between the two.

Patterns are plain enough for Rust's, Python's and JavaScript's regular expressions to mean the same.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any

from pydantic import AwareDatetime, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import PydanticKnownError, core_schema

DAY = r"(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9]"
DATE = rf"^(18|19|20)[0-9]{{2}}-{DAY}$"
"""A date from 1800 to 2099 (RFC 3339 ``full-date``)."""
MOMENT = rf"^20[0-9]{{2}}-{DAY}T{CLOCK}:[0-5][0-9](\.[0-9]{{1,9}})?(Z|[+-]{CLOCK})$"
"""A date and time of the 21st century, with its offset from UTC (RFC 3339 ``date-time``)."""
_MOMENT_OR_LOCAL = MOMENT.removesuffix("$") + "?$"
"""The same, or without an offset: that fault has words of its own."""
TIME_OF_DAY = rf"^{CLOCK}(:[0-5][0-9])?$"
"""Local time to the minute or second."""


@dataclass(frozen=True)
class Written:
    """Marks a type whose JSON text, from an organisation, must match `pattern`, and is then turned into a value.

    Anything else is an error of the type `fault`. `published` is added to the type's JSON Schema. `gate` may be a
    looser pattern, if `parse` refuses the rest with better words.
    """

    fault: str
    pattern: str
    parse: Callable[[str], Any]
    published: dict[str, Any] = field(default_factory=dict, hash=False)
    gate: str = ""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        text = core_schema.custom_error_schema(
            core_schema.str_schema(pattern=self.gate or self.pattern, strict=True),
            custom_error_type=self.fault,
            custom_error_message="not written as published",
        )
        strict = core_schema.chain_schema([text, core_schema.no_info_plain_validator_function(self.parse)])
        return core_schema.lax_or_strict_schema(lax_schema=handler(source), strict_schema=strict)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": "string", **self.published, "pattern": self.pattern}


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:  # a day such as 30 February; the message of the original error could contain the text
        raise PydanticKnownError("datetime_parsing", {"error": "no such day"}) from None
    if moment.tzinfo is None:
        raise PydanticKnownError("timezone_aware")
    return moment


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise PydanticKnownError("date_parsing", {"error": "no such day"}) from None


Moment = Annotated[
    AwareDatetime, Written("datetime_format", MOMENT, _moment, {"format": "date-time"}, _MOMENT_OR_LOCAL)
]
"""A date and time with zone: ``2026-11-24T09:00:00Z``."""
Day = Annotated[date, Written("date_format", DATE, _day, {"format": "date"})]
"""A date: ``1988-02-29``."""
TimeOfDay = Annotated[time, Written("time_format", TIME_OF_DAY, time.fromisoformat)]
"""Local hours and minutes: ``09:30``. JSON Schema's format ``time`` would need a zone."""


@dataclass(frozen=True)
class WholeNumber:
    """Marks an `int` that is a number in JSON, never text. As JSON Schema says, ``3.0`` is a whole number."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        inner = handler(source)
        strict = core_schema.chain_schema(
            [core_schema.float_schema(strict=True), core_schema.no_info_plain_validator_function(_whole), inner]
        )
        return core_schema.lax_or_strict_schema(lax_schema=inner, strict_schema=strict)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return handler(schema["lax_schema"])


def _whole(number: float) -> int:
    if not number.is_integer():
        raise PydanticKnownError("int_from_float")
    return int(number)


_SLACK = timedelta(days=1)
"""For clocks that differ, and because a date begins earlier further east."""
_YEAR = timedelta(days=365.25)


@dataclass(frozen=True)
class Within:
    """Marks a time that lies at most so many years before or after the message is received, give or take a day.

    A time in 1999 or 9999 is a slip. The gates check this, not the models: it depends on when a message is received,
    and what was received once stays readable. In a schema it is stated in words and as ``x-years-before/after``.
    """

    years_before: int
    years_after: int

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        after = f"{_years(self.years_after)} after" if self.years_after else "not after"
        return {
            **handler(schema),
            "description": f"At most {_years(self.years_before)} before and {after} the message is received.",
            "x-years-before": self.years_before,
            "x-years-after": self.years_after,
        }

    def fix(self, value: date, at: datetime) -> str | None:
        """What is wrong with a time that is received at `at`; None if nothing is."""
        moment = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day, tzinfo=UTC)
        past = at - moment
        if past > self.years_before * _YEAR + _SLACK:
            return f"is more than {_years(self.years_before)} ago: check the year"
        if -past > self.years_after * _YEAR + _SLACK:
            limit = f"more than {_years(self.years_after)} ahead" if self.years_after else "in the future"
            return f"is {limit}: check the year"
        return None


def _years(number: int) -> str:
    return "a year" if number == 1 else f"{number} years"
