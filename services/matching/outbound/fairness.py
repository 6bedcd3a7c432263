"""Whether people who are hard to place fare worse than others. This is only measured: no decision uses it.

When places are scarce, maximising the total benefit leaves behind those whom few services can take. The waiting list
works against that (`waitlist.precedence`: needs with few options go first). The metrics show whether it succeeds: the
share of each group that was served, and the mean time until the first match. Part of the gap is unavoidable with the
services there are; how much is measured on simulated data against hindsight (``make bench ONLY=match``).
"""

from contracts import matching
from contracts.words import Lifecycle
from services.chassis.engine.effects import OutboundTransform
from services.chassis.engine.journal import OutgoingEvent
from services.chassis.telemetry.metrics import Meter

HARD, OTHER = "hard-to-place", "other"
_HELPED = frozenset({Lifecycle.DELIVERED, Lifecycle.PARTLY_DELIVERED})


def count_by_group(meter: Meter, render: OutboundTransform) -> OutboundTransform:
    """Counts first matches and ends by group as they are published, then renders. After a crash, some twice."""

    async def count(outgoing: list[OutgoingEvent]) -> list[OutgoingEvent]:
        for each in outgoing:
            if each.type == matching.Matched.ce_type():
                match = matching.Matched.read(each.text)
                if match.attempt == 1:
                    meter.waited(_group(match.hard_to_place), (each.at - match.requested_at).total_seconds())
            elif each.type == matching.Unmet.ce_type():
                meter.ended(_group(matching.Unmet.read(each.text).hard_to_place), "unmet")
            elif each.type == matching.NeedEnded.ce_type():
                ended = matching.NeedEnded.read(each.text)
                meter.ended(_group(ended.hard_to_place), "served" if ended.end in _HELPED else "other")
        return await render(outgoing)

    return count


def _group(hard: bool) -> str:
    return HARD if hard else OTHER
