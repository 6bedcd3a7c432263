"""From what was observed to a price set."""

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta

from contracts.matching import PriceSet

from ..capacity.places import Places
from ..model.entry import DirectoryEntry
from . import estimates
from .observations import Stay
from .price_set import AskedNeed, Supply, price_set


def build_price_set(
    needs: list[AskedNeed], stays: list[Stay], entries: Iterable[DirectoryEntry], taken: Places, as_of: datetime
) -> PriceSet:
    """The price set as of a moment. Needs and stays that came later do not count."""
    needs = [each for each in needs if each.at < as_of]
    mean_stays = estimates.mean_stays(stays, as_of)
    supply = [_supply(entry, taken.free(entry), mean_stays.get(entry.id)) for entry in entries]
    since = min((each.at for each in needs), default=as_of)
    return price_set(as_of.isoformat(), needs, supply, since, as_of)


def _supply(entry: DirectoryEntry, free: int, stay: timedelta | None) -> Supply:
    until = entry.service.quota_until
    renewed = datetime.combine(until + timedelta(days=1), time(), UTC) if until else None
    return Supply(entry.id, entry.capacity, free, stay, renewed)
