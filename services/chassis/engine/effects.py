"""Step 5 of the loop: everything that follows from some entries. Always carried out together, and repeated together."""

from collections.abc import Awaitable, Callable, Sequence

from contracts import topics
from contracts.ids import derived_id
from contracts.operations import DeliveryFailed

from ..errors import FatalError, PoisonError
from ..ports import Claims, Log, Record, Store
from .dead_letters import DeadLetters
from .journal import Effects, JournalEntry, OutgoingEvent

OutboundTransform = Callable[[list[OutgoingEvent]], Awaitable[list[OutgoingEvent]]]
"""Turns facts into the events that leave, where these must not be journaled (a ciphertext)."""


class Delivery:
    """Writes rows, timers and events. With `wants_notice`, the policy is notified of what can never be delivered."""

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

    async def carry_out(self, entries: Sequence[JournalEntry], poisoned: Sequence[tuple[Record, PoisonError]]) -> None:
        """Write rows, timers, events, and dead letters last. Raises `TransientError`, `FatalError`."""
        effects = Effects.from_entries(entries)
        if effects.puts:
            await self._claims.put(effects.puts)
        if effects.drops:
            await self._claims.drop(effects.drops)
        if effects.timers:
            await self._store.set_timers(effects.timers)
        if effects.puts or effects.drops or effects.timers:
            self._fault("carried")
        await self._publish(await self._render(effects.events) if self._render else effects.events)
        if poisoned:
            await self._dead_letters.send(poisoned)

    async def _publish(self, events: list[OutgoingEvent]) -> None:
        messages = [event.message(self._service) for event in events]
        refused = await self._log.publish(messages) if messages else {}
        if not refused:
            return
        await self._dead_letters.undeliverable([(messages[index], code) for index, code in refused.items()])
        if self._wants_notice:
            await self._notify([(events[index], code) for index, code in refused.items()])

    async def _notify(self, undelivered: Sequence[tuple[OutgoingEvent, str]]) -> None:
        """Notify the streams of events that could not be delivered, except of such notices themselves."""
        inbox = topics.inbox(self._service)
        undelivered = [(event, code) for event, code in undelivered if event.topic != inbox]
        notices = [self._notice(event, code, event.text).message(self._service) for event, code in undelivered]
        refused = await self._log.publish(notices) if notices else {}
        if refused:  # with the text of an event that was too large, the notice is too large as well: leave it out
            notices = [self._notice(*undelivered[index], "").message(self._service) for index in refused]
            if await self._log.publish(notices):
                raise FatalError(f"{inbox} cannot be written to")

    def _notice(self, event: OutgoingEvent, code: str, text: str) -> OutgoingEvent:
        """What notifies a stream that one of its events could not be delivered."""
        notice = DeliveryFailed(
            stream=event.stream, event_type=event.type, event_id=event.id, topic=event.topic, reason=code, text=text
        )
        return OutgoingEvent(
            topic=topics.inbox(self._service),
            key=event.referral,
            id=derived_id(self._service, "undeliverable", event.id),
            type=DeliveryFailed.ce_type(),
            text=notice.model_dump_json(),
            stream=event.stream,
            cause=event.id,
            referral=event.referral,
            at=event.at,
            trace=event.trace,
        )
