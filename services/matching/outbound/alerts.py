"""What operators are warned about: needs that wait too long, services with more people than places, disputed rules.

Each warning is a log line with ids and codes, and is counted by kind (`referrals_warnings_total`).
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


def warn_of_long_waits(meter: Meter) -> OutboundTransform:
    """Warns of each need that has waited too long, when that fact is published. After a crash it may warn again."""

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
                    hint="no service could take it in time: find a place by other means, or ask a provider for one; "
                    "/explain/<stream> on matching shows which services there are and what each lacks",
                )
        return outgoing

    return warn


class EntryWarnings:
    """Warns about directory entries, once for each version while the process runs; so again after a restart."""

    def __init__(self, directory: Directory, dispute_after: int, meter: Meter) -> None:
        self._directory, self._dispute_after, self._meter = directory, dispute_after, meter
        self._warned: dict[tuple[str, str], str] = {}
        """The version last warned about, by warning and id of the entry; never more than the directory has."""

    def warn(self, held: Places, disputes: Mapping[str, Mapping[str, Any]]) -> None:
        """Warn about what these rows show: places taken (`held`), and needs that services called not eligible."""
        self._warned = {each: version for each, version in self._warned.items() if self._directory.get(each[1])}
        for version, service in sorted(disputed(disputes, self._dispute_after).items()):
            entry = self._directory.get(service)
            if entry is not None and entry.version == version:
                self._warn(
                    entry,
                    "rules_disputed",
                    DeclineCode.NOT_ELIGIBLE.value,
                    "the service refuses people as not eligible who meet its entry's rules: ask its provider to "
                    "publish the rules it applies; until then such people are offered to it for nothing",
                )
        for service in sorted(held.services()):
            entry = self._directory.get(service)
            if entry is not None and entry.capacity < held.taken(service):
                self._warn(
                    entry,
                    "capacity_below_held",
                    DeclineCode.NO_CAPACITY.value,
                    "its provider has cut the capacity below the number of places taken: people keep their places "
                    "and nobody new is sent; ask the provider whether it can keep them all, otherwise withdraw or "
                    "move some",
                )

    def _warn(self, entry: DirectoryEntry, warning: str, reason: str, hint: str) -> None:
        if self._warned.get((warning, entry.id)) != entry.version:
            self._warned[warning, entry.id] = entry.version
            self._meter.warned(warning)
            logger.warning(warning, entry=entry.id, reason=reason, hint=hint)
