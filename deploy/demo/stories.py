"""Four stories told by name amid the two hundred: what a list of services and an e-mail could not have done.

Each is played by agencies and by the simulated providers of Minsk Region, who know of no story. One that does not go as
told is a fault of the system.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

from aiokafka import AIOKafkaProducer

from contracts import topics
from contracts.agency import ConsentChanged, Submitted
from contracts.base import Message
from contracts.outcomes import StatusChanged
from contracts.provider import Offer
from contracts.words import ALREADY_SERVED, TAKEN_BY_ANOTHER, Lifecycle
from services.chassis.clock import Clock

from . import client
from .cast import AGENCIES, STORY_TOWNS
from .providers import SimulatedProvider
from .watch import Watch

PATIENCE = 60
"""Seconds of the wall's clock in which each next thing has to happen."""

_LOOK_EVERY = 0.05

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StoryStage:
    """What a story may do: publish as an agency, and look into the books of agencies and providers."""

    writers: Mapping[str, AIOKafkaProducer]
    watch: Watch
    cast: Mapping[str, SimulatedProvider]
    clock: Clock

    async def submit(self, agency: str, reference: str, **changes: Any) -> None:
        """A referral of one who asks for shelter in Borisov, unless told otherwise."""
        area, latitude, longitude = STORY_TOWNS["Borisov"]
        whole: dict[str, Any] = {
            "reference": reference,
            "referrer": AGENCIES[agency],
            "person": person(f"Person of {reference}", f"+375 29 555{len(self.watch.published):04}"),
            "location": {"admin1": area, "place": "Borisov", "latitude": latitude, "longitude": longitude},
            "consent": self.consent("any", "name", "contact"),
            "needs": [{"need": "1", "category": "shelter", "urgency": "normal"}],
        }
        referral = Submitted.model_validate({**whole, **changes})
        self.watch.expect(agency, referral, time.time())
        await self.send(agency, reference, referral)

    async def send(self, agency: str, reference: str, body: Message) -> None:
        """Publish it as this agency."""
        await client.send(self.writers[agency], topics.referrals(agency), reference, f"/{agency}", body)

    def consent(self, recipients: str | list[str], *fields: str) -> dict[str, Any]:
        """The person's, as of now."""
        grants = [{"recipients": recipients, "fields": fields}]
        return {"basis": "consent", "given_at": self.clock.now(), "given_by": "person", "grants": grants}

    async def told(self, agency: str, reference: str, state: Lifecycle) -> StatusChanged:
        """Wait until the agency has been told that the need is in a state."""

        def look() -> StatusChanged | None:
            return next((each for each in self.watch.needs[agency, reference, "1"] if each.state is state), None)

        return await self.until(f"{agency} was never told that {reference} is {state}", look)

    async def until(self, else_: str, look: Callable[[], T | None]) -> T:
        """Wait until there is what one looks for; `else_` says what is wrong where it never comes."""
        ends = time.monotonic() + PATIENCE
        while (found := look()) is None:
            require(time.monotonic() < ends, else_)
            await asyncio.sleep(_LOOK_EVERY)
        return found

    def offers(self, need_id: str) -> dict[str, Offer]:
        """Of this need, by provider."""
        return {id_: offer for id_, each in self.cast.items() for offer, _ in each.offers if offer.need_id == need_id}


class StoryError(Exception):
    """The story did not go as told."""


def require(what: bool, else_: str) -> None:
    """Raises `StoryError` where it is not so."""
    if not what:
        raise StoryError(else_)


def person(name: str, phone: str) -> dict[str, Any]:
    """Somebody who may be phoned."""
    return {
        "name": name,
        "birth_date": date(1991, 5, 17),
        "sex": "female",
        "languages": ["be", "ru"],
        "contact": {"may_contact": True, "phone": phone},
    }


async def broadcast(stage: StoryStage) -> str:
    """An emergency goes to several at once; the first to accept has it, and the others are told."""
    agency, reference = "border-minsk", "story-emergency"
    await stage.submit(agency, reference, needs=[{"need": "1", "category": "shelter", "urgency": "emergency"}])
    taken = await stage.told(agency, reference, Lifecycle.ACCEPTED_BY_PROVIDER)
    first = taken.provider or ""
    asked = stage.offers(taken.need_id)
    require({each.offers for each in asked.values()} == {len(asked)} == {3}, f"asked at once: {sorted(asked)}")
    for other in sorted(asked.keys() - {first}):
        closed, key = stage.cast[other].closed, (taken.need_id, asked[other].attempt)
        reason = await stage.until(f"{other} was not told that another has it", lambda: closed.get(key))  # noqa: B023
        require(reason == TAKEN_BY_ANOTHER, f"{other} was told: {reason}")
    await stage.told(agency, reference, Lifecycle.DELIVERED)
    others = " and ".join(sorted(asked.keys() - {first}))
    return (
        f"Three shelters were asked at once. {first} was first to accept; {others} were told, and their places freed."
    )


async def recall(stage: StoryStage) -> str:
    """Consent is narrowed after the contact was released: whoever has it deletes it, and says so."""
    agency, reference, provider = "migration-brest", "story-consent", "naroch-rest"
    await stage.submit(agency, reference, consent=stage.consent([provider], "name", "contact"))
    taken = await stage.told(agency, reference, Lifecycle.ACCEPTED_BY_PROVIDER)
    actor = stage.cast[provider]
    await stage.until(
        f"{provider} never got the contact",
        lambda: next((each for each in actor.released if each.need_id == taken.need_id), None),
    )
    stage.watch.asked.add((agency, reference))
    consent = stage.consent([provider], "name")
    await stage.send(agency, reference, ConsentChanged.model_validate({"reference": reference, "consent": consent}))
    done = await stage.until(
        f"{agency} never heard that the contact was deleted",
        lambda: next(
            (each for each in stage.watch.recalls if (each.reference, each.state) == (reference, "acknowledged")), None
        ),
    )
    orders = [each.fields for each in actor.recalled if each.need_id == taken.need_id]
    require(orders == [done.fields] == [["contact"]], f"{provider} was told to delete {orders}")
    await stage.told(agency, reference, Lifecycle.DELIVERED)
    return (
        f"Name and telephone went, encrypted, to {provider}. The person took back the telephone: {provider} was told "
        "to delete it and said that it had, which the agency heard. The name stayed, and so did the room."
    )


async def duplicate(stage: StoryStage) -> str:
    """Two agencies send one person, each in its own spelling: served once, and neither learns of the other."""
    first, second = ("migration-brest", "story-alphabet"), ("community-gomel", "story-latin")
    await stage.submit(*first, person=person("Святлана Кавалёва", "80295550188"))
    await stage.told(*first, Lifecycle.ACCEPTED)
    await stage.submit(*second, person=person("KAVALIOVA SVIATLANA", "+375 29 555-01-88"))
    waits = await stage.told(*second, Lifecycle.WAITING)
    require(waits.code == ALREADY_SERVED, f"the second waits, but for {waits.code}")
    require(waits.provider is None and not waits.funnel, "the second was told of what the first has")
    has = await stage.told(*first, Lifecycle.DELIVERED)
    ends = await stage.told(*second, Lifecycle.WITHDRAWN)
    require(ends.code == ALREADY_SERVED, f"the second ended as {ends.code}")
    require(not stage.offers(ends.need_id), "the second was offered as well")
    return (
        f"One agency wrote her in Cyrillic, another in Latin letters. {has.provider} was asked once; the second agency "
        "heard that she is being served, not by whom, and its need was closed when help had been given."
    )


async def family(stage: StoryStage) -> str:
    """Places for all at one service, or none."""
    agency, reference = "border-minsk", "story-family"
    household = [
        {"member": "daughter", "age_band": "5-11", "sex": "female"},
        {"member": "grandmother", "age_band": "60+", "sex": "female"},
    ]
    await stage.submit(agency, reference, household=household)
    taken = await stage.told(agency, reference, Lifecycle.ACCEPTED_BY_PROVIDER)
    offers = stage.offers(taken.need_id)
    require([each.places for each in offers.values()] == [3], f"places: {[each.places for each in offers.values()]}")
    require("berezina-borisov" not in offers, "asked was a shelter with two rooms")
    await stage.told(agency, reference, Lifecycle.DELIVERED)
    return f"Three people, three rooms at {taken.provider}. berezina-borisov, next door, has two and was not asked."


@dataclass(frozen=True, slots=True)
class Story:
    """`play` says what happened. `referrals`: how many it publishes."""

    title: str
    play: Callable[[StoryStage], Awaitable[str]]
    referrals: int = 1


STORIES = (
    Story("An emergency at night", broadcast),
    Story("Consent taken back", recall),
    Story("One person, two agencies", duplicate, referrals=2),
    Story("A family", family),
)


async def tell(stories: Iterable[Story], stage: StoryStage) -> dict[str, str | StoryError]:
    """One after the other, since they share their shelters. What happened in each, or what went wrong."""
    told: dict[str, str | StoryError] = {}
    for story in stories:
        try:
            told[story.title] = await story.play(stage)
        except StoryError as failure:
            told[story.title] = failure
    return told
