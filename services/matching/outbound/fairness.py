"""Whether those who are hard to place fare worse than others. It is measured; no decision looks at it.

Where places are few, a matcher that does all for the sum leaves those behind whom few services can take. The order of
those who wait works against that (`order`, few options); here one sees whether it does, by the share of each group that
was served and the mean time until its first match. What matters is the gap beyond the one that the services there are
leave no choice about: that one is measured against hindsight, on simulated data (``make bench ONLY=match``).
"""

from contracts import matching
from contracts.words import Lifecycle
from services.chassis.engine.effects import OutboundTransform
from services.chassis.engine.journal import OutgoingEvent
from services.chassis.telemetry.metrics import Meter

HARD, OTHER = "hard-to-place", "other"
_HELPED = frozenset({Lifecycle.DELIVERED, Lifecycle.PARTLY_DELIVERED})


def counting(meter: Meter, render: OutboundTransform) -> OutboundTransform:
    """Counts first matches and ends by group as they leave, then goes on with `render`. After a crash some twice."""

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
