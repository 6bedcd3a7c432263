"""The four services as processes on the test servers, and the two kinds of people who talk to them."""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

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
from deploy.cluster.topics import ensure, internal
from deploy.demo import client
from deploy.demo.__main__ import login_of
from deploy.local.services import Services, start_services
from deploy.local.stack import Addresses
from services.chassis.encryption import new_pair

PATIENCE = 30
"""Seconds a test waits for what must come."""

CANARY = "Canaria Lopez"
CANARY_PHONE = "+375 29 7654321"
"""A person who must not turn up where no person belongs."""

_numbers = itertools.count(1)
_persons: dict[tuple[str, str], int] = {}


@contextmanager
def running(servers: Addresses, data: Path, database: str, **settings: object) -> Iterator[Services]:
    """Start the services in databases of their own; `settings` by name, without the prefix."""
    env = {f"REFERRALS_{name.upper()}": str(value) for name, value in settings.items()}
    env |= {"REFERRALS_DATABASE": database, "REFERRALS_METADATA_MAX_AGE_MS": "1000"}
    with start_services(servers, data, env) as services:
        yield services


class Inbox:
    """Reads one topic from its beginning and waits for what must come."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader
        self.events: list[tuple[CloudEvent, Message]] = []
        self.records: list[Any] = []

    async def until(self, wanted: Callable[[Message], bool], patience: float = PATIENCE) -> Message:
        """The first message that is wanted, among those read already and those to come."""
        seen = 0
        try:
            async with asyncio.timeout(patience):
                while True:
                    for _, message in self.events[seen:]:
                        if wanted(message):
                            return message
                    seen = len(self.events)
                    await self._read()
        except TimeoutError:
            known = [type(message).TYPE for _, message in self.events]
            raise AssertionError(f"it did not come in {patience} s; what came: {known}") from None

    async def quiet(self, seconds: float = 2) -> None:
        """Read whatever comes in the given time."""
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
    """An agency: publishes referrals, reads statuses."""

    def __init__(self, id_: str, writer: Any, status: Inbox, login: Login | None = None) -> None:
        self.id, self._writer, self.status, self.login = id_, writer, status, login

    async def send(self, body: Message, id_: str | None = None) -> None:
        """Publish an event under its reference."""
        await client.send(self._writer, topics.referrals(self.id), body.reference, f"/{self.id}", body, id_)

    async def send_raw(self, value: bytes | None, headers: list[tuple[str, Any]]) -> None:
        """Publish whatever one likes."""
        await self._writer.send_and_wait(topics.referrals(self.id), value, key=b"raw", headers=headers)

    async def recommended(self, reference: str) -> RecommendationAnswered:
        """Wait for the answer to a question."""
        answer = await self.status.until(lambda m: isinstance(m, RecommendationAnswered) and m.reference == reference)
        assert isinstance(answer, RecommendationAnswered)
        return answer

    async def told(self, state: str, reference: str, need: str = "1", attempt: int | None = None) -> StatusChanged:
        """Wait until a need is in a state."""
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
    """A provider: publishes its services, reads notifications, answers."""

    def __init__(self, id_: str, writer: Any, notifications: Inbox) -> None:
        self.id, self._writer, self.notifications = id_, writer, notifications
        self.private_key, self._public_key = new_pair()

    async def publish(self, *services: Service) -> None:
        """The profile, and services."""
        profile = Profile(name=self.id, public_key=self._public_key)
        await client.send(self._writer, topics.directory(self.id), "profile", f"/{self.id}", profile)
        for service in services:
            await client.send(self._writer, topics.directory(self.id), service.service, f"/{self.id}", service)

    async def offered(self, attempt: int = 1, need: str = "1") -> Offer:
        """Wait for an offer of this attempt."""
        message = await self.notifications.until(
            lambda m: isinstance(m, Offer) and (m.attempt, m.need) == (attempt, need)
        )
        assert isinstance(message, Offer)
        return message

    async def answer(
        self, offer: Offer, answer: Answer, code: DeclineCode | NotDeliveredCode | None = None, **more: Any
    ) -> None:
        """Answer an offer."""
        of_offer = {"referral_id": offer.referral_id, "need": offer.need, "attempt": offer.attempt}
        body = Answered(**of_offer, answer=answer, code=code, **more)
        await client.send(self._writer, topics.responses(self.id), offer.referral_id, f"/{self.id}", body)

    async def deleted(self, recall: Recall) -> None:
        """Say that what was recalled is deleted."""
        body = RecallAcknowledged(
            referral_id=recall.referral_id, need=recall.need, attempt=recall.attempt, recall=recall.recall
        )
        await client.send(self._writer, topics.responses(self.id), recall.referral_id, f"/{self.id}", body)

    async def send_raw(self, topic: str, key: str, value: bytes | None, headers: list[tuple[str, Any]]) -> None:
        """Publish whatever one likes."""
        await self._writer.send_and_wait(topic, value, key=key.encode(), headers=headers)


class People:
    """Makes agencies and providers with topics of their own."""

    def __init__(self, servers: Addresses) -> None:
        self._servers = servers
        self._open: list[Any] = []
        self._matches: Inbox | None = None
        self.area = f"BY-{next(_numbers):03}"
        """A region of this test's own: services of other tests are out of area."""

    async def agency(self) -> Agency:
        """A new agency."""
        id_ = f"agency-{next(_numbers)}"
        login = await self._onboard("agency", id_)
        return Agency(id_, await self._writer(login), await self.inbox(topics.status(id_), login), login)

    async def provider(self, *services: Service) -> Provider:
        """A new provider with these services."""
        id_ = f"provider-{next(_numbers)}"
        login = await self._onboard("provider", id_)
        provider = Provider(id_, await self._writer(login), await self.inbox(topics.notifications(id_), login))
        await provider.publish(*services)
        return provider

    def born(self, reference: str) -> date:
        """When the person of this referral was born: else every test would be about one person, to be served once."""
        return date(1960, 1, 1) + timedelta(_persons.setdefault((self.area, reference), len(_persons)))

    def referral(self, reference: str, urgency: str = "normal", **changes: Any) -> Submitted:
        """A referral of one need in this test's region, unless told otherwise."""
        whole: dict[str, Any] = {
            "reference": reference,
            "referrer": "peer",
            "person": {
                "name": CANARY,
                "birth_date": self.born(reference),
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
        """Of an agency: what could this person go to?"""
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

    async def heard_of(self, agency: Agency, services: int) -> None:
        """Ask until matching has read of so many services here: a directory is followed, not waited for."""
        for number in range(60):
            await agency.send(self.question(f"Q-early-{number}"))
            answer = await agency.recommended(f"Q-early-{number}")
            area = next((step.left for step in answer.needs[0].funnel if step.rule is Rule.AREA), 0)
            if area == services:
                return
            await asyncio.sleep(0.2)
        raise AssertionError("matching never heard of the services")

    def corrected(self, reference: str) -> Corrected:
        """The same with another telephone number, which only intake gets to see."""
        person = {**self.referral(reference).person.model_dump(), "contact": {"may_contact": True, "phone": "1"}}
        return Corrected.model_validate({**self.referral(reference).model_dump(), "person": person})

    def service(self, service: str = "beds", capacity: int = 1, **changes: Any) -> Service:
        """A shelter in this test's region, unless told otherwise."""
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
        """A reader of one topic, as the operator unless told otherwise."""
        reader = await client.consumer(login or self._servers.operator, topic)
        self._open.append(reader)
        return Inbox(reader)

    async def matched(self, agency: Agency, reference: str, need: str = "1") -> Matched:
        """Wait for a need's first match. Its status may be overtaken by that of the offer; this is the fact."""
        if self._matches is None:
            self._matches = await self.inbox(topics.MATCHING)
        ours = (agency.id, reference, need)
        found = await self._matches.until(lambda m: isinstance(m, Matched) and (m.agency, m.reference, m.need) == ours)
        assert isinstance(found, Matched)
        return found

    async def publish(self, topic: str, key: str, body: Message) -> None:
        """What an operator publishes."""
        await client.send(await self._writer(self._servers.operator), topic, key, "/operator", body)

    async def declined(self, agency: Agency) -> Counter[str]:
        """How often providers have declined an agency's needs, by code. A status may be overtaken; these are facts."""
        found: dict[str, Message] = {}
        for record in await self.records(topics.NOTIFICATION):
            event, message = client.read(record)
            found[event.id] = message
        ours = [each for each in found.values() if isinstance(each, Declined) and each.agency == agency.id]
        return Counter(each.code.value for each in ours)

    async def dead_letters(self, tenant: str) -> list[tuple[str, str]]:
        """Reason and field of each dead letter that came from a tenant's topics."""
        letters = []
        for record in await self.records(topics.DEAD_LETTERS):
            clear = {name: value.decode() for name, value in record.headers}
            if f".{tenant}." in clear["dlq_topic"]:
                letters.append((clear["dlq_reason"], clear["dlq_field"]))
        return letters

    async def everything(self, *names: str) -> bytes:
        """Keys, headers and values of all that is on these topics now, as one heap."""
        parts: list[bytes] = []
        for name in names:
            for record in await self.records(name):
                parts += [record.key or b"", record.value or b"", repr(record.headers).encode()]
        return b"\n".join(parts)

    async def records(self, topic: str) -> list[Any]:
        """All that is on a topic now."""
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

    async def leave(self) -> None:
        """Close all connections."""
        for each in self._open:
            await each.stop()


@asynccontextmanager
async def people(servers: Addresses) -> AsyncIterator[People]:
    """People who leave at the end."""
    here = People(servers)
    try:
        yield here
    finally:
        await here.leave()


async def internal_topics(servers: Addresses) -> None:
    """Create the internal topics."""
    await ensure(servers.operator, internal())


def in_order(told: list[str], whole: list[str]) -> bool:
    """Whether it was told as it went. What matching says may be overtaken by the offer, and then is not told."""
    return told == [state for state in whole if state in told or state not in ("waiting", "matched")]


def now() -> datetime:
    """Wall time."""
    return datetime.now(UTC)
