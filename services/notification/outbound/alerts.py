"""What operators are warned of: a provider that is awaited in vain, where more than its silence is at stake."""

import structlog

from contracts import notification
from services.chassis.engine.effects import OutboundTransform
from services.chassis.engine.journal import OutgoingEvent
from services.chassis.telemetry.metrics import Meter

logger = structlog.get_logger()

_HINT = {
    "acknowledge": "call the provider: the offer has not been looked at, and expires if nobody decides",
    "decide": "the need goes to the next service by itself; ask this provider why it does not decide",
    "start": "call the provider: help has not begun; after a grace the need goes to the next service by itself",
    "close": "call the provider: nobody has said how it ended; nothing is taken from it",
}


def warning(render: OutboundTransform, meter: Meter) -> OutboundTransform:
    """Warns of each escalation that leaves, and counts what is overdue, then goes on with `render`.

    After a crash the same is said again.
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
