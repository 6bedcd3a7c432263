"""From what was observed to a price set."""

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta

from contracts.matching import PriceSet

from ..capacity.places import Places
from ..model.entry import DirectoryEntry
from . import estimates
from .observations import Answer, Stay
from .price_set import Asked, Supply, price_set


def build_price_set(
    needs: list[Asked],
    answers: list[Answer],
    stays: list[Stay],
    entries: Iterable[DirectoryEntry],
    taken: Places,
    as_of: datetime,
) -> PriceSet:
    """The set as of a moment, all told. Needs and stays that came later do not count."""
    needs = [each for each in needs if each.at < as_of]
    lengths = estimates.mean_stays(stays, as_of)
    supply = [_supply(entry, taken.free(entry), lengths.get(entry.id)) for entry in entries]
    since = min((each.at for each in needs), default=as_of)
    priced = price_set(as_of.isoformat(), needs, supply, since, as_of)
    accepted, otherwise = estimates.acceptance(answers, as_of.date())
    learned = {"acceptance": accepted, "accepted_otherwise": otherwise, "answer_hours": estimates.answer_hours(answers)}
    return priced.model_copy(update=learned)


def _supply(entry: DirectoryEntry, free: int, stay: timedelta | None) -> Supply:
    until = entry.service.quota_until
    renewed = datetime.combine(until + timedelta(days=1), time(), UTC) if until else None
    return Supply(entry.id, entry.capacity, free, stay, renewed)
