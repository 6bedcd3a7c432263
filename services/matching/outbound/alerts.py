"""What operators are warned of: a need that waits too long, a service that holds more than it has, rules in dispute.

A line with ids and codes, and a count by kind (`referrals_warnings_total`).
"""

from collections.abc import Mapping
from typing import Any

import structlog

from contracts import matching
from contracts.words import DeclineCode
from services.chassis.engine.effects import OutboundTransform
from services.chassis.engine.journal import OutgoingEvent
from services.chassis.telemetry.metrics import Meter

from ..capacity.places import Places
from ..directory.directory import Directory, DirectoryEntry
from ..directory.entry_flags import disputed

logger = structlog.get_logger()


def patience_over(meter: Meter) -> OutboundTransform:
    """Warns of each need that has waited too long, as the fact of it leaves. After a crash the same is said again."""

    async def warn(outgoing: list[OutgoingEvent]) -> list[OutgoingEvent]:
        for each in outgoing:
            if each.type == matching.PatienceOver.ce_type():
                over = matching.PatienceOver.read(each.text)
                meter.warned("patience_over")
                logger.warning(
                    "patience_over",
                    event_id=each.id,
                    referral_id=over.referral_id,
                    stream=over.need_id,
                    reason=over.cause,
                    hint="nobody could take it in time: find a place by other means, or ask a provider for one; "
                    "/explain/<stream> on matching tells which services there are, and what each lacks",
                )
        return outgoing

    return warn


class EntryWarnings:
    """Warns of entries of the directory: of each version once in a process's life, so again after a restart."""

    def __init__(self, directory: Directory, dispute_after: int, meter: Meter) -> None:
        self._directory, self._dispute_after, self._meter = directory, dispute_after, meter
        self._warned: set[tuple[str, str]] = set()

    def look(self, held: Places, disputes: Mapping[str, Mapping[str, Any]]) -> None:
        """At the rows of places, and those of needs that a service has called not eligible."""
        found = disputed(disputes, self._dispute_after)
        for version, service in sorted(found.items()):
            entry = self._directory.get(service)
            if entry is not None and entry.version == version:
                self._say(
                    entry,
                    "rules_disputed",
                    DeclineCode.NOT_ELIGIBLE.value,
                    "the service calls people not eligible whom its entry lets through: ask its provider to "
                    "publish its rules; until then they are offered to it in vain",
                )
        for service in sorted(held.services()):
            entry = self._directory.get(service)
            if entry is not None and entry.capacity < held.taken(service):
                self._say(
                    entry,
                    "capacity_below_held",
                    DeclineCode.NO_CAPACITY.value,
                    "its provider has cut its capacity below the places that people hold there: they keep them, nobody "
                    "new is sent; ask the provider whether it can keep them all, and else withdraw or move some",
                )

    def _say(self, entry: DirectoryEntry, warning: str, reason: str, hint: str) -> None:
        if (warning, entry.version) not in self._warned:
            self._warned.add((warning, entry.version))
            self._meter.warned(warning)
            logger.warning(warning, entry=entry.id, reason=reason, hint=hint)
