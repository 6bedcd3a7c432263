"""When a directory entry stops being used though nobody deletes it, and what its provider is told of that, once each.

It is stale when its provider has not confirmed it for long, by publishing it again, changed or not; and it is over on
the day after its `valid_to`. Days are UTC, as those of `valid_to` are. Pure: the sweep looks from time to time
(`due`), the streams decide (`tell`).
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from contracts import topics
from contracts.intake import Problem
from contracts.matching import EntryLapses, LapseTold
from contracts.notification import EntryDoubted
from contracts.provider import Service
from contracts.words import Lapse
from services.chassis.decider import Drop, Effect, Emit, Put

from ..model.entry import DirectoryEntry
from . import entry_flags

_WARNED = 11 / 12
"""How much of the time is gone when a provider is told that an entry is going stale: of a year, a month is left."""


def confirmed_until(at: datetime | None, stale_after: timedelta | None) -> date | None:
    """The last day on which an entry published then counts as confirmed. None: always."""
    return None if at is None or stale_after is None else (at + stale_after).date()


def look_on(service: Service, at: datetime | None, until: date | None) -> date | None:
    """The first day on which `due` has something to say of an entry, if nothing changes. None: never.

    `at` is when it was published, `until` the last day on which it is confirmed.
    """
    ended = _ended_on(service, at)
    if at is None or until is None:
        return ended
    warned = at.date() + (until - at.date()) * _WARNED
    return warned if ended is None or warned < ended else ended


def due(entries: Iterable[DirectoryEntry], day: date) -> list[tuple[DirectoryEntry, Lapse]]:
    """What their providers are to be told, or have been told, by that day: of each entry, what came last.

    Not where nobody is sent anyway, since its provider takes no referrals or takes no part.
    """
    found = []
    for entry in entries:
        if entry.look_on is not None and entry.look_on <= day and entry.service.takes_referrals and not entry.barred:
            ended = _ended_on(entry.service, entry.at)
            if ended is not None and ended <= day:
                found.append((entry, Lapse.ENDED))
            elif entry.confirmed_until is not None:  # else it is looked at for its end only, and that is not yet
                found.append((entry, Lapse.STALE if entry.confirmed_until < day else Lapse.GOING_STALE))
    return found


def event(entry: DirectoryEntry, lapse: Lapse) -> EntryLapses:
    """To the stream that decides whether its provider is told."""
    return EntryLapses(provider=entry.provider, service=entry.service.service, version=entry.version, lapse=lapse)


def stream(lapses: EntryLapses) -> str:
    """One for each version of an entry and what becomes of it: so whoever sees it, and how often, it is told once."""
    return entry_flags.lapse_row(lapses.version, lapses.lapse)


def tell(lapses: EntryLapses, entry: DirectoryEntry | None, told: bool, older: Iterable[str]) -> list[Effect]:
    """Tell the provider, unless it was `told`, or has published or deleted the entry since.

    `older` are rows of earlier entries of the service. The row says no more than the journal does: it can be put again.
    """
    if entry is None or entry.version != lapses.version:
        return []
    row = Put(entry_flags.LAPSES, stream(lapses), {"service": entry.id, "version": entry.version})
    if told:
        return [row]
    problems = [_problem(entry, lapses.lapse)]
    doubted = EntryDoubted(provider=entry.provider, entry=entry.service.service, problems=problems)
    return [
        Emit(LapseTold(version=entry.version, lapse=lapses.lapse)),
        Emit(doubted, topics.inbox("notification"), entry.provider),
        row,
        *(Drop(entry_flags.LAPSES, each) for each in older),
    ]


def _ended_on(service: Service, at: datetime | None) -> date | None:
    """None also for an entry that was over when it was published: its provider was told then (`directory_gate`)."""
    last = service.valid_to
    if last is None or last == date.max or (at is not None and last < at.date()):
        return None
    return last + timedelta(days=1)


def _problem(entry: DirectoryEntry, lapse: Lapse) -> Problem:
    if lapse is Lapse.ENDED:
        return Problem(field="valid_to", fix="is over, so nobody is sent any more: extend it, or delete the entry")
    said = f"was last published on {entry.at.date()}" if entry.at else "was not published lately"
    if lapse is Lapse.STALE:
        fix = f"{said}, too long ago, so nobody is sent any more: publish it again, changed or not, or delete it"
    else:
        fix = f"{said}: publish it again, changed or not, by {entry.confirmed_until}; after that day nobody is sent"
    return Problem(field="entry", fix=fix)
