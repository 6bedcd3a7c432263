"""Times as RFC 3339 text, which is how CloudEvents writes them.

Python's own reader knows ISO 8601. It takes forms that RFC 3339 does not have (week dates, times without seconds), and
refuses the leap second, which RFC 3339 does have (section 5.7 and appendix D).
"""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ](\d\d:\d\d:)(\d\d)(?:\.\d+)?([Zz]|[+-]\d\d:[0-5]\d)?", re.ASCII)
_SECONDS = slice(17, 19)


class ZoneMissingError(ValueError):
    """The time has no zone, so it may mean any of some forty moments."""


def read(text: str) -> datetime:
    """The moment in a text, to the microsecond. A leap second counts as the second after it, since Python has none.

    Raises `ValueError`, or `ZoneMissingError` if only the zone is missing.
    """
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError("not a date and time of RFC 3339")
    if match[3] is None:
        raise ZoneMissingError("a time needs a zone")
    if match[2] != "60":
        return datetime.fromisoformat(text.upper())
    second_before = datetime.fromisoformat(f"{text[: _SECONDS.start]}59{text[_SECONDS.stop :]}".upper())
    try:
        after = second_before + timedelta(seconds=1)
        in_utc = after.astimezone(UTC)
    except OverflowError:
        raise ValueError("after the end of time") from None
    if (in_utc.day, in_utc.hour, in_utc.minute, in_utc.second) != (1, 0, 0, 0):
        raise ValueError("leap seconds are inserted only at the end of a month, in UTC")
    return after


@lru_cache(maxsize=16)
def write(time: datetime) -> str:
    """A time in UTC. Cached, since the journal and all events of a batch have the same time."""
    return time.astimezone(UTC).isoformat()
