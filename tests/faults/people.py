"""Agencies and providers that send everything again until Kafka acknowledges it.

They write plain JSON, as README says anyone can, and repeat under the same event id, so each is one event.
"""

import asyncio
import json
import random
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from deploy.cluster.login import Login
from services.chassis.encryption import new_pair

AREA = "BY-BR"
ENDS = {"rejected", "unmet", "withdrawn", "not-delivered", "partly-delivered", "delivered"}
Need = tuple[str, str, str]
"""Agency, reference, and the agency's label."""


class Writer:
    """Sends each record until it is acknowledged."""

    def __init__(self, login: Login) -> None:
        self._login = login
        self._producer: AIOKafkaProducer | None = None
        self._unanswered: set[asyncio.Future[Any]] = set()
        self._lock = asyncio.Lock()

    async def send(
        self, topic: str, key: str, kind: str, body: dict[str, Any] | bytes | None, id_: str | None = None
    ) -> None:
        """Send one event; `kind` is its type without the common prefix."""
        headers = {
            "ce_specversion": "1.0",
            "ce_id": id_ or uuid.uuid4().hex,
            "ce_source": f"/{topic}",
            "ce_type": f"org.referral-routing.{kind}",
        }
        value = json.dumps(body).encode() if isinstance(body, dict) else body
        await self.raw(topic, key, value, [(name, text.encode()) for name, text in headers.items()])

    async def raw(self, topic: str, key: str, value: bytes | None, headers: list[tuple[str, Any]]) -> None:
        """Send a record as it is, valid or not."""
        while True:
            producer = None
            try:
                async with asyncio.timeout(20):
                    producer = await self._started()
                    sent = await producer.send(topic, value, key=key.encode(), headers=headers)
                    self._unanswered.add(sent)
                    sent.add_done_callback(self._unanswered.discard)
                    await sent
                return
            except (KafkaError, OSError, TimeoutError):
                pass
            except asyncio.CancelledError:
                if (task := asyncio.current_task()) is None or task.cancelling():
                    raise  # else a producer that stopped cancelled the future
            await asyncio.sleep(0.3)
            if producer is not None:
                await self.stop(producer)  # a producer that lost its sequence cannot continue

    async def _started(self) -> AIOKafkaProducer:
        async with self._lock:
            if self._producer is None:
                producer = AIOKafkaProducer(**self._login.aiokafka(), enable_idempotence=True, request_timeout_ms=8000)
                try:
                    await producer.start()
                except BaseException:
                    await producer.stop()
                    raise
                self._producer = producer
            return self._producer

    async def stop(self, only: AIOKafkaProducer | None = None) -> None:
        """Close the connection, if it is still `only`. The next event opens another."""
        async with self._lock:
            if self._producer is not None and only in (None, self._producer):
                producer, self._producer = self._producer, None
                try:
                    async with asyncio.timeout(5):
                        await producer.stop()
                except (KafkaError, OSError, TimeoutError):
                    pass
                for sent in list(self._unanswered):
                    sent.cancel()  # a stopped producer never answers, so its senders must send again


async def follow(login: Login, topic: str, take: Callable[[dict[str, str], dict[str, Any]], None]) -> None:
    """Read a topic from its beginning until cancelled; `take` gets headers and body of each event, once per id."""
    seen: set[str] = set()
    at = TopicPartition(topic, 0)
    offset = 0
    while True:
        reader = AIOKafkaConsumer(**login.aiokafka(), group_id=None, enable_auto_commit=False, fetch_max_wait_ms=50)
        try:
            await reader.start()
            reader.assign([at])
            reader.seek(at, offset)
            while True:
                for record in (await reader.getmany(timeout_ms=500)).get(at, ()):
                    offset = record.offset + 1
                    headers = {name: value.decode() for name, value in record.headers}
                    if headers["ce_id"] not in seen:
                        seen.add(headers["ce_id"])
                        take(headers, json.loads(record.value))
        except KafkaError:
            await asyncio.sleep(0.3)
        finally:
            await reader.stop()


class Agency:
    """Sends referrals and keeps the states of each need."""

    def __init__(self, id_: str, login: Login) -> None:
        self.id, self.login = id_, login
        self.writer = Writer(login)
        self.needs: dict[Need, list[str]] = {}
        self.refused = 0
        self.problems: dict[str, int] = defaultdict(int)

    async def refer(self, reference: str, needs: list[dict[str, Any]]) -> None:
        """Send one referral."""
        for need in needs:
            self.needs.setdefault((self.id, reference, need["need"]), [])
        await self.writer.send(
            f"agency.{self.id}.referrals", reference, "agency.submitted.v1", referral(reference, needs)
        )

    async def read(self) -> None:
        """Read statuses until cancelled."""
        await follow(self.login, f"agency.{self.id}.status", self._take)

    def _take(self, headers: dict[str, str], body: dict[str, Any]) -> None:
        if headers["ce_type"].endswith("outcomes.status-changed.v1"):
            self.needs.setdefault((self.id, body["reference"], body["need"]), []).append(body["state"])
        else:
            self.refused += 1

    @property
    def unsettled(self) -> list[Need]:
        """Needs whose end the agency does not know yet."""
        return [need for need, states in self.needs.items() if not states or states[-1] not in ENDS]


class Provider:
    """Declines a share of the offers (`declines`), lets a share of the urgent expire (`silent`), delivers the rest."""

    def __init__(
        self,
        id_: str,
        login: Login,
        capacity: int,
        declines: float = 0,
        silent: float = 0,
        category: str = "shelter",
    ) -> None:
        self.id, self.login, self._category = id_, login, category
        self.writer = Writer(login)
        self.capacity, self._declines, self._silent = capacity, declines, silent
        self._chance = random.Random(id_)
        self._public = new_pair()[1]
        self._tasks: set[asyncio.Task[None]] = set()
        self.offers = 0

    async def publish(self) -> None:
        """Publish profile and service."""
        to = f"provider.{self.id}.directory"
        await self.writer.send(to, "profile", "provider.profile.v1", {"name": self.id, "public_key": self._public})
        await self.writer.send(to, "beds", "provider.service.v1", service(self.capacity, self._category))

    async def work(self) -> None:
        """Answer offers until cancelled."""
        try:
            await follow(self.login, f"provider.{self.id}.notifications", self._take)
        finally:
            for task in self._tasks:
                task.cancel()

    def _take(self, headers: dict[str, str], body: dict[str, Any]) -> None:
        if not headers["ce_type"].endswith("provider.offer.v1"):
            return
        self.offers += 1
        mood = self._chance.random()
        if body["urgency"] == "urgent" and mood > 1 - self._silent:
            return  # only urgent offers expire while a test waits
        answers = ["declined"] if mood < self._declines else ["accepted", "in-progress", "delivered"]
        task = asyncio.create_task(self._answer(body, answers))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, offer: dict[str, Any], answers: list[str]) -> None:
        offer_id = {name: offer[name] for name in ("referral_id", "need", "attempt")}
        for answer in answers:
            await asyncio.sleep(self._chance.uniform(0.02, 0.4))
            code = {"code": "no-capacity"} if answer == "declined" else {}
            body = {**offer_id, "answer": answer, **code}
            await self.writer.send(
                f"provider.{self.id}.responses", offer_id["referral_id"], "provider.answered.v1", body
            )


def service(capacity: int, category: str = "shelter") -> dict[str, Any]:
    """A service that takes everybody in the area."""
    return {"service": "beds", "name": "Beds", "categories": [category], "capacity": capacity, "areas": [AREA]}


def referral(reference: str, needs: list[dict[str, Any]]) -> dict[str, Any]:
    """A referral of a made-up person with these needs; each has another phone, so that it is another person."""
    return {
        "reference": reference,
        "referrer": "organisation",
        "location": {"admin1": AREA},
        "person": {
            "name": "Nobody Real",
            "birth_date": "1988-02-03",
            "sex": "female",
            "languages": ["ru"],
            "contact": {"may_contact": True, "phone": f"+375 {random.randrange(10**9):09}"},
        },
        "consent": {
            "basis": "consent",
            "given_at": datetime.now(UTC).isoformat(),
            "given_by": "person",
            "grants": [{"recipients": "any", "fields": ["name", "contact"]}],
        },
        "needs": needs,
    }


def needs(seed: str) -> Iterator[list[dict[str, Any]]]:
    """Endless needs of referrals: a bed, one in three urgent, and one in ten with cash, which no service here gives."""
    chance = random.Random(seed)
    while True:
        urgency = "urgent" if chance.random() < 0.33 else "normal"
        needs_of_referral = [{"need": "1", "category": "shelter", "urgency": urgency}]
        if chance.random() < 0.1:
            needs_of_referral.append({"need": "2", "category": "cash", "urgency": urgency})
        yield needs_of_referral
