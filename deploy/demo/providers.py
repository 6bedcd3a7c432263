"""Simulated providers: each reads its notifications and answers them according to its temper."""

import asyncio
import random
from collections.abc import Coroutine
from typing import Any

from aiokafka import AIOKafkaProducer

from contracts import topics
from contracts.base import Message
from contracts.provider import Answered, ContactReleased, Offer, OfferClosed, Profile, Recall, RecallAcknowledged
from contracts.words import Answer, DeclineCode, NotDeliveredCode
from deploy.cluster.login import Login
from services.chassis.encryption import new_pair, open_sealed

from . import client
from .cast import Provider

_DECLINES = {
    DeclineCode.NO_CAPACITY: 45,
    DeclineCode.NOT_ELIGIBLE: 20,
    DeclineCode.LACK_OF_RESOURCES: 15,
    DeclineCode.PERSON_DECLINED: 10,
    DeclineCode.MISSING_DOCUMENTS: 10,
}
_FAILS = {NotDeliveredCode.NO_SHOW: 50, NotDeliveredCode.COULD_NOT_CONTACT: 30, NotDeliveredCode.MOVED_AWAY: 20}


class SimulatedProvider:
    """One provider with its own key pair.

    `closed` has the reasons of closed offers by need and attempt; `released` are the contacts that it could decrypt.
    With `from_now` it ignores notifications from before its start.
    """

    def __init__(
        self, provider: Provider, login: Login, producer: AIOKafkaProducer, seed: int, *, from_now: bool = False
    ) -> None:
        self._provider = provider
        self._login = login
        self._producer = producer
        self._from_now = from_now
        self._chance = random.Random(f"{seed}/{provider.id}")
        self._private, self._public = new_pair()
        self._tasks: set[asyncio.Task[None]] = set()
        self.offers: list[tuple[Offer, float]] = []
        self.closed: dict[tuple[str, int], str] = {}
        self.released: list[ContactReleased] = []
        self.recalled: list[Recall] = []

    async def publish_directory(self) -> None:
        """Publish the profile with the public key, and the services."""
        to, source = topics.directory(self._provider.id), f"/{self._provider.id}"
        profile = Profile(name=self._provider.name, public_key=self._public)
        await client.send(self._producer, to, "profile", source, profile)
        for service in self._provider.services:
            await client.send(self._producer, to, service.service, source, service)

    async def work(self) -> None:
        """Read notifications and answer them, until cancelled."""
        reader = await client.consumer(self._login, topics.notifications(self._provider.id), from_now=self._from_now)
        try:
            async for record in reader:
                self._take(record)
        finally:
            for task in self._tasks:
                task.cancel()
            await reader.stop()

    def _take(self, record: Any) -> None:
        _, message = client.read(record)
        match message:
            case Offer() as offer:
                if offer.need_id not in {seen.need_id for seen, _ in self.offers if seen.attempt == offer.attempt}:
                    self.offers.append((offer, record.timestamp / 1000))
                    self._start(self._answer(offer))
            case OfferClosed() as closed:
                self.closed[closed.need_id, closed.attempt] = closed.reason
            case ContactReleased() as contact:
                open_sealed(self._private, contact.sealed, f"referral-routing/contact/{contact.need_id}")
                self.released.append(contact)
            case Recall() as recall:
                self.recalled.append(recall)
                self._start(self._delete(recall))
            case _:
                pass

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _delete(self, recall: Recall) -> None:
        await asyncio.sleep(self._chance.uniform(0.05, 0.3))
        done = RecallAcknowledged(
            referral_id=recall.referral_id, need=recall.need, attempt=recall.attempt, recall=recall.recall
        )
        await self._send(recall.referral_id, done)

    async def _answer(self, offer: Offer) -> None:
        chance, temper = self._chance, self._provider.temper
        mood = chance.random()
        await asyncio.sleep(chance.uniform(0.05, 0.3))
        if mood > temper.accepts + temper.declines:
            if chance.random() < 0.5:
                await self._say(offer, Answer.ACKNOWLEDGED)
            return
        await self._say(offer, Answer.ACKNOWLEDGED)
        await asyncio.sleep(chance.uniform(0.05, 0.3))
        if mood > temper.accepts:
            code = chance.choices(list(_DECLINES), list(_DECLINES.values()))[0]
            await self._say(offer, Answer.DECLINED, code)
            if code is DeclineCode.NO_CAPACITY:  # it gets no offers until the entry is published again
                await asyncio.sleep(chance.uniform(2, 6))
                await self.publish_directory()
            return
        await self._say(offer, Answer.ACCEPTED)
        await asyncio.sleep(chance.uniform(0.2, 1.0))
        await self._say(offer, Answer.IN_PROGRESS)
        await asyncio.sleep(chance.uniform(0.5, 4.0))
        if chance.random() < temper.keeps:
            await self._say(offer, chance.choice([Answer.DELIVERED] * 5 + [Answer.PARTLY_DELIVERED]))
        else:
            await self._say(offer, Answer.NOT_DELIVERED, chance.choices(list(_FAILS), list(_FAILS.values()))[0])

    async def _say(self, offer: Offer, answer: Answer, code: DeclineCode | NotDeliveredCode | None = None) -> None:
        if (offer.need_id, offer.attempt) in self.closed:
            return
        answered = Answered(
            referral_id=offer.referral_id, need=offer.need, attempt=offer.attempt, answer=answer, code=code
        )
        await self._send(offer.referral_id, answered)

    async def _send(self, key: str, body: Message) -> None:
        await client.send(self._producer, topics.responses(self._provider.id), key, f"/{self._provider.id}", body)
