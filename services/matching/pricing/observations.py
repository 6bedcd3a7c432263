"""What matching keeps of needs and answers to learn from: rows of ids, times and numbers, of nobody's person.

Written with the decisions that they are about, read by `pricer`, and thrown away after `KEPT`. A row can be written
again and again. Each has the `day` it is about, by which it is found.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from contracts import notification
from contracts.intake import NeedRegistered
from contracts.matching import Matched
from contracts.words import DecidedBy
from services.chassis.decider import Drop, Effect, Put

from ..directory.directory import Directory
from ..model.entry import service_id
from . import price_set
from .price_set import Asked

ASKED = "asked"
"""A row for each need: what it was worth at which service when it was asked for."""
ANSWERS = "answers"
"""A row for each offer that was answered, or should have been."""
STAYS = "stays"
"""A row for each offer that was accepted: from when until when a place was taken."""
TABLES = (ASKED, ANSWERS, STAYS)
KEPT = timedelta(weeks=12)
MOST = 20
"""Services named of a need, those at which it is worth most: whom hundreds can take, none of them is scarce for."""

Doc = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether a service accepted an offer, and how many hours it took; None: it never answered."""

    service: str
    day: date
    accepted: bool
    hours: float | None


@dataclass(frozen=True, slots=True)
class Stay:
    """How long a place was taken; without `until` it still is."""

    service: str
    category: str
    since: datetime
    until: datetime | None


def asked(need: NeedRegistered, directory: Directory) -> Put:
    """Of a need that has just come; of a corrected one instead of what was written first."""
    found = price_set.asked(need, directory)
    most = sorted(found.worth.items(), key=lambda each: -each[1])[:MOST]
    worth = [[service, round(value, 4)] for service, value in most]
    doc = {"day": _day(found.at), "at": found.at.isoformat(), "worth": worth}
    return Put(ASKED, need.need_id, doc, version=need.revision)


def answered(match: Matched, event: notification.OfferAccepted | notification.Refusal) -> list[Put]:
    """Of what a provider has said to an offer, or that it has not. What the person decided says nothing of it."""
    if match.at is None or (isinstance(event, notification.Declined) and event.by is not DecidedBy.PROVIDER):
        return []
    if isinstance(event, notification.NotDelivered):
        return []  # it had accepted
    silent = isinstance(event, notification.Expired)
    took = max(event.at - match.at, timedelta(0))  # the clock of Kafka, which dates the answer, may be behind ours
    doc = {
        "day": _day(event.at),
        "service": service_id(match.provider, match.service),
        "accepted": isinstance(event, notification.OfferAccepted),
        "hours": None if silent else round(took / timedelta(hours=1), 3),
    }
    return [Put(ANSWERS, _row(match), doc)]


def begun(match: Matched, at: datetime) -> list[Put]:
    """A place is taken, as its provider has accepted."""
    return [_stay(match, at, None)] if match.at is not None else []


def ended(match: Matched, event: notification.Outcome) -> list[Put]:
    """It is free again, or could be."""
    return [_stay(match, match.at, event.at)] if match.at is not None else []


def broken_off(match: Matched) -> Drop:
    """It is free again for a reason that says nothing of how long people stay."""
    return Drop(STAYS, _row(match))


def is_of(effect: Effect) -> bool:
    """Whether an effect is nothing but to learn from."""
    return isinstance(effect, Put | Drop) and effect.table in TABLES


def needs_of(rows: Iterable[Doc]) -> list[Asked]:
    """The inverse of `asked`."""
    return [Asked(datetime.fromisoformat(doc["at"]), dict(doc["worth"])) for doc in rows]


def answers_of(rows: Iterable[Doc]) -> list[Answer]:
    """The inverse of `answered`."""
    return [Answer(doc["service"], date.fromisoformat(doc["day"]), doc["accepted"], doc["hours"]) for doc in rows]


def stays_of(rows: Iterable[Doc]) -> list[Stay]:
    """The inverse of `begun` and `ended`."""
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
