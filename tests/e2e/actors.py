"""The four services as processes on the test servers, and the agencies and providers that use them.

`running` starts the services, `people` makes agencies and providers that have topics and a region of their own.
"""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from contracts import topics
from contracts.agency import Corrected, Submitted
from contracts.base import Message
from contracts.cloudevents import CloudEvent
from contracts.matching import Matched
from contracts.notification import Declined
from contracts.outcomes import RecommendationAnswered, StatusChanged
from contracts.provider import Answered, Offer, Profile, Recall, RecallAcknowledged, Service
from contracts.recommendation import RecommendationRequested
from contracts.words import Answer, DeclineCode, NotDeliveredCode, Rule
from deploy.cluster import tenants
from deploy.cluster.login import Login
from deploy.cluster.topics import ensure, internal_topics
from deploy.demo import client
from deploy.demo.__main__ import login_of
from deploy.local.services import Services, start_services
from deploy.local.stack import Addresses
from services.chassis.encryption import new_pair

T = TypeVar("T")

PATIENCE = 120
"""Seconds that a test waits for a condition: far more than it takes, so that a busy machine fails no test."""

CANARY = "Canaria Lopez"
CANARY_PHONE = "+375 29 7654321"
"""A person whose data must not appear on internal topics or in logs."""

_numbers = itertools.count(1)
_persons: dict[tuple[str, str], int] = {}


@contextmanager
def running(servers: Addresses, data: Path, database: str, **settings: object) -> Iterator[Services]:
    """Start the services with databases of their own; `settings` by name, without ``REFERRALS_``."""
    env = {f"REFERRALS_{name.upper()}": str(value) for name, value in settings.items()}
    env |= {"REFERRALS_DATABASE": database, "REFERRALS_METADATA_MAX_AGE_MS": "1000"}
    with start_services(servers, data, env) as services:
        yield services


async def eventually(read: Callable[[], Awaitable[T]], condition: str, patience: float = PATIENCE) -> T:
    """Call `read` until it returns something true, and return that. AssertionError names the condition and the last."""
    deadline = time.monotonic() + patience
    while not (value := await read()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {patience} s: {condition}; the last was {value!r}")
        await asyncio.sleep(0.1)
    return value


class Inbox:
    """Reads one topic from its beginning and keeps each event once."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader
        self.events: list[tuple[CloudEvent, Message]] = []
        self.records: list[Any] = []

    async def until(self, wanted: Callable[[Message], bool], patience: float = PATIENCE) -> Message:
        """Return the first wanted message, of those already read and those to come."""
        checked = 0
        try:
            async with asyncio.timeout(patience):
                while True:
                    for _, message in self.events[checked:]:
                        if wanted(message):
                            return message
                    checked = len(self.events)
                    await self._read()
        except TimeoutError:
            received = [type(message).TYPE for _, message in self.events]
            raise AssertionError(f"no such message within {patience} s; received: {received}") from None

    async def read_for(self, seconds: float = 2) -> None:
        """Read everything that arrives within some seconds."""
        ends = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < ends:
            await self._read()

    async def _read(self) -> None:
        for records in (await self._reader.getmany(timeout_ms=200)).values():
            for record in records:
                event, message = client.read(record)
                if event.id not in {known.id for known, _ in self.events}:
                    self.records.append(record)
                    self.events.append((event, message))


class Agency:
    """An agency: it publishes referrals and reads their status."""

    def __init__(self, id_: str, writer: Any, status: Inbox, login: Login | None = None) -> None:
        self.id, self._writer, self.status, self.login = id_, writer, status, login

    async def send(self, body: Message, id_: str | None = None) -> None:
        """Publish an event, keyed by its reference."""
        await client.send(self._writer, topics.referrals(self.id), body.reference, f"/{self.id}", body, id_)

    async def send_raw(self, value: bytes | None, headers: list[tuple[str, Any]]) -> None:
        """Publish a record as it is, valid or not."""
        await self._writer.send_and_wait(topics.referrals(self.id), value, key=b"raw", headers=headers)

    async def wait_for_recommendation(self, reference: str) -> RecommendationAnswered:
        """Wait for the answer to a recommendation request."""
        answer = await self.status.until(lambda m: isinstance(m, RecommendationAnswered) and m.reference == reference)
        assert isinstance(answer, RecommendationAnswered)
        return answer

    async def wait_for(self, state: str, reference: str, need: str = "1", attempt: int | None = None) -> StatusChanged:
        """Wait until the agency is notified that a need is in a state."""
        message = await self.status.until(
            lambda m: (
                isinstance(m, StatusChanged)
                and (m.reference, m.need, m.state.value) == (reference, need, state)
                and attempt in (None, m.attempt)
            )
        )
        assert isinstance(message, StatusChanged)
        return message


class Provider:
    """A provider: it publishes its services, reads notifications and answers offers."""

    def __init__(self, id_: str, writer: Any, notifications: Inbox) -> None:
        self.id, self._writer, self.notifications = id_, writer, notifications
        self.private_key, self._public_key = new_pair()

    async def publish(self, *services: Service) -> None:
        """Publish the profile and these services."""
        profile = Profile(name=self.id, public_key=self._public_key)
        await client.send(self._writer, topics.directory(self.id), "profile", f"/{self.id}", profile)
        for service in services:
            await client.send(self._writer, topics.directory(self.id), service.service, f"/{self.id}", service)

    async def wait_for_offer(self, attempt: int = 1, need: str = "1") -> Offer:
        """Wait for the offer of an attempt."""
        message = await self.notifications.until(
            lambda m: isinstance(m, Offer) and (m.attempt, m.need) == (attempt, need)
        )
        assert isinstance(message, Offer)
        return message

    async def answer(
        self, offer: Offer, answer: Answer, code: DeclineCode | NotDeliveredCode | None = None, **more: Any
    ) -> None:
        """Answer an offer."""
        offer_id = {"referral_id": offer.referral_id, "need": offer.need, "attempt": offer.attempt}
        body = Answered(**offer_id, answer=answer, code=code, **more)
        await client.send(self._writer, topics.responses(self.id), offer.referral_id, f"/{self.id}", body)

    async def confirm_deletion(self, recall: Recall) -> None:
        """Confirm that the recalled fields are deleted."""
        body = RecallAcknowledged(
            referral_id=recall.referral_id, need=recall.need, attempt=recall.attempt, recall=recall.recall
        )
        await client.send(self._writer, topics.responses(self.id), recall.referral_id, f"/{self.id}", body)

    async def send_raw(self, topic: str, key: str, value: bytes | None, headers: list[tuple[str, Any]]) -> None:
        """Publish a record as it is, valid or not."""
        await self._writer.send_and_wait(topic, value, key=key.encode(), headers=headers)


class People:
    """Makes agencies and providers with topics of their own."""

    def __init__(self, servers: Addresses) -> None:
        self._servers = servers
        self._open: list[Any] = []
        self._matches: Inbox | None = None
        self.area = f"BY-{next(_numbers):03}"
        """A region that only this test uses, so that services of other tests are out of area."""

    async def agency(self) -> Agency:
        """Onboard an agency."""
        id_ = f"agency-{next(_numbers)}"
        login = await self._onboard("agency", id_)
        return Agency(id_, await self._writer(login), await self.inbox(topics.status(id_), login), login)

    async def provider(self, *services: Service) -> Provider:
        """Onboard a provider that publishes these services."""
        id_ = f"provider-{next(_numbers)}"
        login = await self._onboard("provider", id_)
        provider = Provider(id_, await self._writer(login), await self.inbox(topics.notifications(id_), login))
        await provider.publish(*services)
        return provider

    def birth_date(self, reference: str) -> date:
        """A birth date for each referral: with the same one, all would be about one person, who is served once."""
        return date(1960, 1, 1) + timedelta(_persons.setdefault((self.area, reference), len(_persons)))

    def referral(self, reference: str, urgency: str = "normal", **changes: Any) -> Submitted:
        """A referral with one need for shelter in this test's region; `changes` replace its fields."""
        whole: dict[str, Any] = {
            "reference": reference,
            "referrer": "peer",
            "person": {
                "name": CANARY,
                "birth_date": self.birth_date(reference),
                "sex": "female",
                "languages": ["ru"],
                "contact": {"may_contact": True, "phone": CANARY_PHONE},
            },
            "location": {"admin1": self.area, "place": "Canary Street 7"},
            "consent": {
                "basis": "consent",
                "given_at": now(),
                "given_by": "person",
                "grants": [{"recipients": "any", "fields": ["name", "contact"]}],
            },
            "needs": [{"need": "1", "category": "shelter", "urgency": urgency}],
        }
        return Submitted.model_validate({**whole, **changes})

    def question(self, reference: str, **changes: Any) -> RecommendationRequested:
        """A recommendation request for shelter and legal aid; `changes` replace its fields."""
        whole: dict[str, Any] = {
            "reference": reference,
            "person": {"age_band": "18-59", "sex": "female", "languages": ["ru"]},
            "location": {"admin1": self.area},
            "needs": [
                {"need": "1", "category": "shelter", "urgency": "urgent"},
                {"need": "2", "category": "legal", "urgency": "normal"},
            ],
        }
        return RecommendationRequested.model_validate({**whole, **changes})

    async def wait_for_directory(self, agency: Agency, services: int) -> None:
        """Wait until matching has read this many services of this region: it reads directories in its own time."""
        for number in range(600):
            await agency.send(self.question(f"Q-early-{number}"))
            answer = await agency.wait_for_recommendation(f"Q-early-{number}")
            area = next((step.left for step in answer.needs[0].funnel if step.rule is Rule.AREA), 0)
            if area == services:
                return
            await asyncio.sleep(0.2)
        raise AssertionError(f"matching has not read {services} services of {self.area}")

    def correction(self, reference: str) -> Corrected:
        """The same referral with another telephone number, which only intake sees."""
        person = {**self.referral(reference).person.model_dump(), "contact": {"may_contact": True, "phone": "1"}}
        return Corrected.model_validate({**self.referral(reference).model_dump(), "person": person})

    def service(self, service: str = "beds", capacity: int = 1, **changes: Any) -> Service:
        """A shelter in this test's region; `changes` replace its fields."""
        whole: dict[str, Any] = {
            "service": service,
            "name": "Beds",
            "categories": ["shelter"],
            "capacity": capacity,
            "areas": [self.area],
        }
        return Service.model_validate({**whole, **changes})

    async def _onboard(self, kind: str, id_: str) -> Login:
        return login_of(self._servers, await asyncio.to_thread(tenants.onboard, self._servers.operator, kind, id_, id_))

    async def inbox(self, topic: str, login: Login | None = None) -> Inbox:
        """A reader of one topic, with the operator's login unless another is passed."""
        reader = await client.consumer(login or self._servers.operator, topic)
        self._open.append(reader)
        return Inbox(reader)

    async def wait_for_match(self, agency: Agency, reference: str, need: str = "1") -> Matched:
        """Wait for a need's first match, on matching's own topic: the offer may overtake it in the agency's status."""
        if self._matches is None:
            self._matches = await self.inbox(topics.MATCHING)
        key = (agency.id, reference, need)
        match = await self._matches.until(lambda m: isinstance(m, Matched) and (m.agency, m.reference, m.need) == key)
        assert isinstance(match, Matched)
        return match

    async def publish(self, topic: str, key: str, body: Message) -> None:
        """Publish an event as the operator."""
        await client.send(await self._writer(self._servers.operator), topic, key, "/operator", body)

    async def count_declines(self, agency: Agency) -> Counter[str]:
        """How often providers declined an agency's needs, by code, from notification's topic: all are there."""
        messages: dict[str, Message] = {}
        for record in await self.records(topics.NOTIFICATION):
            event, message = client.read(record)
            messages[event.id] = message
        declines = [each for each in messages.values() if isinstance(each, Declined) and each.agency == agency.id]
        return Counter(each.code.value for each in declines)

    async def dead_letters(self, tenant: str) -> list[tuple[str, str]]:
        """Reason and field of each dead letter from a tenant's topics."""
        reasons = []
        for record in await self.records(topics.DEAD_LETTERS):
            clear = {name: value.decode() for name, value in record.headers}
            if f".{tenant}." in clear["dlq_topic"]:
                reasons.append((clear["dlq_reason"], clear["dlq_field"]))
        return reasons

    async def everything(self, *names: str) -> bytes:
        """Keys, headers and values of all records on these topics, joined for a search."""
        parts: list[bytes] = []
        for name in names:
            for record in await self.records(name):
                parts += [record.key or b"", record.value or b"", repr(record.headers).encode()]
        return b"\n".join(parts)

    async def records(self, topic: str) -> list[Any]:
        """All records on a topic."""
        reader = await client.consumer(self._servers.operator, topic)
        records: list[Any] = []
        try:
            ends = await reader.end_offsets(reader.assignment())
            while any([await reader.position(at) < end for at, end in ends.items()]):
                for each in (await reader.getmany(timeout_ms=200)).values():
                    records += each
        finally:
            await reader.stop()
        return records

    async def _writer(self, login: Login) -> Any:
        writer = await client.producer(login)
        self._open.append(writer)
        return writer

    async def close(self) -> None:
        """Close all connections."""
        for each in self._open:
            await each.stop()


@asynccontextmanager
async def people(servers: Addresses) -> AsyncIterator[People]:
    """Agencies and providers whose connections are closed at the end."""
    here = People(servers)
    try:
        yield here
    finally:
        await here.close()


async def create_internal_topics(servers: Addresses) -> None:
    """Create the internal topics."""
    await ensure(servers.operator, internal_topics())


def in_order(states: list[str], course: list[str]) -> bool:
    """Whether an agency saw these states as they came. The offer may overtake `waiting` and `matched`."""
    return states == [state for state in course if state in states or state not in ("waiting", "matched")]


def now() -> datetime:
    """The current time, in UTC."""
    return datetime.now(UTC)
