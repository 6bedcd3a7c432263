"""What matching writes down to compute prices from: rows of ids, times and numbers, without personal data.

Written with the decisions that they are about, read by `jobs.price_sets`, and deleted after `KEPT`. A row can be
written again and again. Each has the `day` that it is about, by which it is looked up.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from contracts.intake import NeedRegistered
from contracts.matching import Matched
from services.chassis.decider import Drop, Effect, Put

from ..directory.directory import Directory
from ..model.entry import service_id
from . import price_set
from .price_set import AskedNeed

ASKED = "asked"
"""A row for each need: its value at each service when it was registered."""
STAYS = "stays"
"""A row for each offer that was accepted: from when until when a place was taken."""
TABLES = (ASKED, STAYS)
KEPT = timedelta(weeks=12)
MOST = 20
"""Services recorded for a need, those where its value is highest. For a need with more options, none is scarce."""

Doc = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Stay:
    """How long a place was taken; without `until` it still is."""

    service: str
    category: str
    since: datetime
    until: datetime | None


def need_asked(need: NeedRegistered, directory: Directory) -> Put:
    """The row of a need that has just been registered; a correction replaces it."""
    asked_need = price_set.asked_need(need, directory)
    most = sorted(asked_need.worth.items(), key=lambda each: -each[1])[:MOST]
    worth = [[service, round(value, 4)] for service, value in most]
    doc = {"day": _day(asked_need.at), "at": asked_need.at.isoformat(), "worth": worth}
    return Put(ASKED, need.need_id, doc, version=need.revision)


def stay_begun(match: Matched, at: datetime) -> list[Put]:
    """The provider has accepted: a place is taken."""
    return [_stay(match, at, None)] if match.at is not None else []


def stay_ended(match: Matched, at: datetime) -> list[Put]:
    """The provider reported the outcome: the place is free again, or could be."""
    return [_stay(match, match.at, at)] if match.at is not None else []


def stay_broken_off(match: Matched) -> Drop:
    """The place is free again for a reason that says nothing about how long people stay."""
    return Drop(STAYS, _row(match))


def is_of(effect: Effect) -> bool:
    """Whether an effect does nothing but record an observation."""
    return isinstance(effect, Put | Drop) and effect.table in TABLES


def needs_of(rows: Iterable[Doc]) -> list[AskedNeed]:
    """The inverse of `need_asked`."""
    return [AskedNeed(datetime.fromisoformat(doc["at"]), dict(doc["worth"])) for doc in rows]


def stays_of(rows: Iterable[Doc]) -> list[Stay]:
    """The inverse of `stay_begun` and `stay_ended`."""
    return [
        Stay(
            doc["service"],
            doc["category"],
            datetime.fromisoformat(doc["since"]),
            datetime.fromisoformat(doc["until"]) if doc["until"] else None,
        )
        for doc in rows
    ]


def _stay(match: Matched, since: datetime, until: datetime | None) -> Put:
    doc = {
        "day": _day(match.at or since),
        "service": service_id(match.provider, match.service),
        "category": match.category.value,
        "since": since.isoformat(),
        "until": until.isoformat() if until else None,
    }
    return Put(STAYS, _row(match), doc, version=2 if until else 1)


def _row(match: Matched) -> str:
    return f"{match.need_id}:{match.attempt}"


def _day(at: datetime) -> str:
    return at.date().isoformat()
