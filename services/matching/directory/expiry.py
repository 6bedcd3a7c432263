"""When a directory entry stops being used although nobody deleted it, and how its provider is notified, once each time.

An entry is stale if its provider has not confirmed it for long, by publishing it again, changed or not. It has ended on
the day after its `valid_to`. Days are UTC days, like `valid_to`. Everything here is pure: the sweep asks from time to
time what is `due_notices`, and a stream for each notice decides whether it is sent (`notify_provider`).
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from contracts import topics
from contracts.matching import EntryExpires, ExpiryNotified
from contracts.notification import EntryProblemsFound
from contracts.profiles import Problem
from contracts.provider import Service
from contracts.words import EntryExpiry
from services.chassis.decider import Drop, Effect, Emit, Put

from ..model.entry import DirectoryEntry
from . import entry_flags

_WARNED_AT = 11 / 12
"""The share of the allowed time after which a provider is warned: of a year, a month is left."""


def confirmed_until(at: datetime | None, stale_after: timedelta | None) -> date | None:
    """The last day on which an entry published `at` that time counts as confirmed. None: it always does."""
    return None if at is None or stale_after is None else (at + stale_after).date()


def first_notice_on(service: Service, at: datetime | None, until: date | None) -> date | None:
    """The first day on which `due_notices` may return the entry if nothing changes. None: never.

    `at` is when the entry was published, `until` the last day on which it is confirmed.
    """
    ended = _ended_on(service, at)
    if at is None or until is None:
        return ended
    warned = at.date() + (until - at.date()) * _WARNED_AT
    return warned if ended is None or warned < ended else ended


def due_notices(entries: Iterable[DirectoryEntry], day: date) -> list[tuple[DirectoryEntry, EntryExpiry]]:
    """The notices that should have been sent by that day: for each entry the latest one.

    None for entries to which nobody is sent anyway, because the provider takes no referrals or may not take part.
    """
    notices = []
    for entry in entries:
        if entry.look_on is None or day < entry.look_on or not entry.service.takes_referrals or entry.barred:
            continue
        ended = _ended_on(entry.service, entry.at)
        if ended is not None and ended <= day:
            notices.append((entry, EntryExpiry.ENDED))
        elif entry.confirmed_until is not None:  # otherwise only its end is due, and that is still to come
            notices.append((entry, EntryExpiry.STALE if entry.confirmed_until < day else EntryExpiry.GOING_STALE))
    return notices


def expiry_event(entry: DirectoryEntry, lapse: EntryExpiry) -> EntryExpires:
    """The event for the stream that decides whether the provider is notified."""
    return EntryExpires(provider=entry.provider, service=entry.service.service, version=entry.version, lapse=lapse)


def notice_stream(lapses: EntryExpires) -> str:
    """The stream of a notice: one for each version and stage, so that each notice is sent once."""
    return entry_flags.notice_row(lapses.version, lapses.lapse)


def notify_provider(
    lapses: EntryExpires, entry: DirectoryEntry | None, already_sent: bool, older: Iterable[str]
) -> list[Effect]:
    """Notify the provider, unless that was done already or the entry has been published again or deleted since.

    `older` are the rows of notices for earlier entries of the service; they are dropped.
    """
    if entry is None or entry.version != lapses.version:
        return []
    row = Put(entry_flags.EXPIRY_NOTICES, notice_stream(lapses), {"service": entry.id, "version": entry.version})
    if already_sent:
        return [row]  # the row may have been lost
    problems = [_problem(entry, lapses.lapse)]
    notice = EntryProblemsFound(provider=entry.provider, entry=entry.service.service, problems=problems)
    return [
        Emit(ExpiryNotified(version=entry.version, lapse=lapses.lapse)),
        Emit(notice, topics.inbox("notification"), entry.provider),
        row,
        *(Drop(entry_flags.EXPIRY_NOTICES, each) for each in older),
    ]


def _ended_on(service: Service, at: datetime | None) -> date | None:
    """The day after the entry's last. None also if it was over when published: `admission` reports that."""
    last = service.valid_to
    if last is None or last == date.max or (at is not None and last < at.date()):
        return None
    return last + timedelta(days=1)


def _problem(entry: DirectoryEntry, lapse: EntryExpiry) -> Problem:
    if lapse is EntryExpiry.ENDED:
        return Problem(field="valid_to", fix="is over, so nobody is sent any more: extend it, or delete the entry")
    published = f"was last published on {entry.at.date()}" if entry.at else "has not been published recently"
    if lapse is EntryExpiry.STALE:
        fix = f"{published}, too long ago, so nobody is sent any more: publish it again, changed or not, or delete it"
    else:
        fix = f"{published}: publish it again, changed or not, by {entry.confirmed_until}; after that nobody is sent"
    return Problem(field="entry", fix=fix)
