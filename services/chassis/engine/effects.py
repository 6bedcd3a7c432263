"""Step 5 of the loop: all that is done because of some entries. Always together, and always again together."""

from collections.abc import Awaitable, Callable, Sequence

from contracts import topics
from contracts.ids import derived_id
from contracts.operations import DeliveryFailed

from ..errors import FatalError, PoisonError
from ..ports import Claims, Log, Record, Store
from .dead_letters import DeadLetters
from .journal import Effects, JournalEntry, OutgoingEvent

OutboundTransform = Callable[[list[OutgoingEvent]], Awaitable[list[OutgoingEvent]]]
"""What makes of a fact the event that leaves, where that must not be journaled (a ciphertext)."""


class Delivery:
    """Writes rows, timers and events. `wants_notice`: the policy is to be told of what can never be delivered."""

    def __init__(
        self,
        service: str,
        log: Log,
        store: Store,
        claims: Claims,
        dead_letters: DeadLetters,
        render: OutboundTransform | None,
        wants_notice: bool,
        fault: Callable[[str], None] = lambda step: None,
    ) -> None:
        self._service = service
        self._log, self._store, self._claims = log, store, claims
        self._dead_letters = dead_letters
        self._render = render
        self._wants_notice = wants_notice
        self._fault = fault

    async def carry_out(self, entries: Sequence[JournalEntry], letters: Sequence[tuple[Record, PoisonError]]) -> None:
        """Rows, timers, events, and dead letters last. Raises `TransientError`, `FatalError`."""
        effects = Effects.of(entries)
        if effects.puts:
            await self._claims.put(effects.puts)
        if effects.drops:
            await self._claims.drop(effects.drops)
        if effects.timers:
            await self._store.set_timers(effects.timers)
        if effects.puts or effects.drops or effects.timers:
            self._fault("carried")
        await self._publish(await self._render(effects.events) if self._render else effects.events)
        if letters:
            await self._dead_letters.send(letters)

    async def _publish(self, outgoing: list[OutgoingEvent]) -> None:
        messages = [each.message(self._service) for each in outgoing]
        refused = await self._log.publish(messages) if messages else {}
        if not refused:
            return
        await self._dead_letters.undeliverable([(messages[index], code) for index, code in refused.items()])
        if not self._wants_notice:
            return
        inbox = topics.inbox(self._service)
        lost = [(outgoing[index], code) for index, code in refused.items() if outgoing[index].topic != inbox]
        notices = [self._notice(each, code, each.text).message(self._service) for each, code in lost]
        unsent = await self._log.publish(notices) if notices else {}
        if unsent:  # what was too large to be delivered is too large to be told of: leave its text out
            notices = [self._notice(*lost[index], "").message(self._service) for index in unsent]
            if await self._log.publish(notices):
                raise FatalError(f"{inbox} can not be written to")

    def _notice(self, lost: OutgoingEvent, code: str, text: str) -> OutgoingEvent:
        """What tells a stream that one of its events could not be delivered."""
        notice = DeliveryFailed(
            stream=lost.stream, event_type=lost.type, event_id=lost.id, topic=lost.topic, reason=code, text=text
        )
        return OutgoingEvent(
            topic=topics.inbox(self._service),
            key=lost.referral,
            id=derived_id(self._service, "undeliverable", lost.id),
            type=DeliveryFailed.ce_type(),
            text=notice.model_dump_json(),
            stream=lost.stream,
            cause=lost.id,
            referral=lost.referral,
            at=lost.at,
            trace=lost.trace,
        )
