"""Warns operators of a provider that has been silent for so long that somebody has to call it."""

import structlog

from contracts import notification
from services.chassis.engine.effects import OutboundTransform
from services.chassis.engine.journal import OutgoingEvent
from services.chassis.telemetry.metrics import Meter

logger = structlog.get_logger()

_HINT = {
    "acknowledge": "call the provider: it has not looked at the offer, which expires if nobody decides",
    "decide": "nothing to do for the need, which goes to the next service; ask this provider why it does not decide",
    "start": "call the provider: help has not begun; after a grace period the need goes to the next service",
    "close": "call the provider: it has not reported how the help ended; the need stays with it",
}


def warn_of_escalations(render: OutboundTransform, meter: Meter) -> OutboundTransform:
    """A transform that logs each escalation that leaves, counts what is overdue, and then calls `render`.

    After a crash the same warning may be logged again.
    """

    async def warn(outgoing: list[OutgoingEvent]) -> list[OutgoingEvent]:
        for each in outgoing:
            if each.type == notification.Overdue.ce_type():
                meter.overdue(notification.Overdue.read(each.text).clock.value)
            elif each.type == notification.Escalated.ce_type():
                escalated = notification.Escalated.read(each.text)
                meter.warned("escalated")
                logger.warning(
                    "escalated",
                    event_id=each.id,
                    referral_id=escalated.referral_id,
                    stream=escalated.need_id,
                    provider=escalated.provider,
                    clock=escalated.clock.value,
                    hint=_HINT[escalated.clock.value],
                )
        return await render(outgoing)

    return warn
