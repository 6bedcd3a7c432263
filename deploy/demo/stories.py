"""Four stories beside the two hundred referrals: cases that a list of services and e-mails could not have solved.

Agencies and the simulated providers of Minsk Region play them; the providers do not know that they are in a story. A
story that does not end as expected is a fault of the system.
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
"""Seconds of real time within which each next step must happen."""

_LOOK_EVERY = 0.05

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StoryStage:
    """What a story can do: publish as an agency, and see what agencies and providers have received."""

    writers: Mapping[str, AIOKafkaProducer]
    watch: Watch
    cast: Mapping[str, SimulatedProvider]
    clock: Clock

    async def submit(self, agency: str, reference: str, **changes: Any) -> None:
        """Publish a referral: one person who needs shelter in Borisov, unless `changes` say otherwise."""
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
        """Publish a message as this agency."""
        await client.send(self.writers[agency], topics.referrals(agency), reference, f"/{agency}", body)

    def consent(self, recipients: str | list[str], *fields: str) -> dict[str, Any]:
        """The person's consent, given now."""
        grants = [{"recipients": recipients, "fields": fields}]
        return {"basis": "consent", "given_at": self.clock.now(), "given_by": "person", "grants": grants}

    async def wait_for_status(self, agency: str, reference: str, state: Lifecycle) -> StatusChanged:
        """Wait until the agency is notified that the need is in this state."""

        def status() -> StatusChanged | None:
            return next((each for each in self.watch.needs[agency, reference, "1"] if each.state is state), None)

        return await self.wait_for(status, f"{agency} was never notified that {reference} is {state}")

    async def wait_for(self, get: Callable[[], T | None], problem: str) -> T:
        """Wait until `get` returns a result. Raises `StoryError` with the `problem` when it never does."""
        deadline = time.monotonic() + PATIENCE
        while (result := get()) is None:
            require(time.monotonic() < deadline, problem)
            await asyncio.sleep(_LOOK_EVERY)
        return result

    def offers(self, need_id: str) -> dict[str, Offer]:
        """The offers of this need, by provider."""
        return {id_: offer for id_, each in self.cast.items() for offer, _ in each.offers if offer.need_id == need_id}


class StoryError(Exception):
    """The story did not end as expected."""


def require(condition: bool, problem: str) -> None:
    """Raises `StoryError` with the `problem` unless the condition holds."""
    if not condition:
        raise StoryError(problem)


def person(name: str, phone: str) -> dict[str, Any]:
    """A person who may be phoned."""
    return {
        "name": name,
        "birth_date": date(1991, 5, 17),
        "sex": "female",
        "languages": ["be", "ru"],
        "contact": {"may_contact": True, "phone": phone},
    }


async def broadcast(stage: StoryStage) -> str:
    """An emergency is offered to several at once; the first to accept gets it, and the others are notified."""
    agency, reference = "border-minsk", "story-emergency"
    await stage.submit(agency, reference, needs=[{"need": "1", "category": "shelter", "urgency": "emergency"}])
    accepted = await stage.wait_for_status(agency, reference, Lifecycle.ACCEPTED_BY_PROVIDER)
    first = accepted.provider or ""
    offers = stage.offers(accepted.need_id)
    require({each.offers for each in offers.values()} == {len(offers)} == {3}, f"offered at once to: {sorted(offers)}")
    for other in sorted(offers.keys() - {first}):
        closed, key = stage.cast[other].closed, (accepted.need_id, offers[other].attempt)
        problem = f"{other} was not notified that another provider accepted"
        reason = await stage.wait_for(lambda: closed.get(key), problem)  # noqa: B023
        require(reason == TAKEN_BY_ANOTHER, f"the offer to {other} was closed with the reason {reason}")
    await stage.wait_for_status(agency, reference, Lifecycle.DELIVERED)
    others = " and ".join(sorted(offers.keys() - {first}))
    return (
        f"Three shelters got the offer at the same time. {first} accepted first; {others} were notified, and their "
        "reserved places became free again."
    )


async def recall(stage: StoryStage) -> str:
    """Consent is narrowed after contact data was released: the provider must delete it and confirm that."""
    agency, reference, provider = "migration-brest", "story-consent", "naroch-rest"
    await stage.submit(agency, reference, consent=stage.consent([provider], "name", "contact"))
    accepted = await stage.wait_for_status(agency, reference, Lifecycle.ACCEPTED_BY_PROVIDER)
    actor = stage.cast[provider]
    await stage.wait_for(
        lambda: next((each for each in actor.released if each.need_id == accepted.need_id), None),
        f"{provider} never got the contact data",
    )
    stage.watch.updated.add((agency, reference))
    consent = stage.consent([provider], "name")
    await stage.send(agency, reference, ConsentChanged.model_validate({"reference": reference, "consent": consent}))
    done = await stage.wait_for(
        lambda: next(
            (each for each in stage.watch.recalls if (each.reference, each.state) == (reference, "acknowledged")), None
        ),
        f"{agency} was never notified that the contact data was deleted",
    )
    recalled = [each.fields for each in actor.recalled if each.need_id == accepted.need_id]
    require(recalled == [done.fields] == [["contact"]], f"{provider} was asked to delete {recalled}")
    await stage.wait_for_status(agency, reference, Lifecycle.DELIVERED)
    return (
        f"{provider} received name and phone number, encrypted. The person then withdrew consent for the phone number. "
        f"{provider} was asked to delete it and confirmed that, and the agency was notified. Name and room were kept."
    )


async def duplicate(stage: StoryStage) -> str:
    """Two agencies refer one person in different spellings: one is served, and neither learns about the other."""
    first, second = ("migration-brest", "story-alphabet"), ("community-gomel", "story-latin")
    await stage.submit(*first, person=person("Святлана Кавалёва", "80295550188"))
    await stage.wait_for_status(*first, Lifecycle.ACCEPTED)
    await stage.submit(*second, person=person("KAVALIOVA SVIATLANA", "+375 29 555-01-88"))
    waiting = await stage.wait_for_status(*second, Lifecycle.WAITING)
    require(waiting.code == ALREADY_SERVED, f"the second need waits with the code {waiting.code}")
    hidden = waiting.provider is None and not waiting.funnel
    require(hidden, "the second agency learned something about the first need")
    delivered = await stage.wait_for_status(*first, Lifecycle.DELIVERED)
    withdrawn = await stage.wait_for_status(*second, Lifecycle.WITHDRAWN)
    require(withdrawn.code == ALREADY_SERVED, f"the second need ended with the code {withdrawn.code}")
    require(not stage.offers(withdrawn.need_id), "the second need was offered as well")
    return (
        f"One agency wrote her name in Cyrillic, another in Latin script. Only {delivered.provider} got an offer, for "
        "the first need. The second agency learned that she is being served, but not by whom; its need was closed when "
        "help had been given."
    )


async def family(stage: StoryStage) -> str:
    """A family gets places for all its members at one service, or none."""
    agency, reference = "border-minsk", "story-family"
    household = [
        {"member": "daughter", "age_band": "5-11", "sex": "female"},
        {"member": "grandmother", "age_band": "60+", "sex": "female"},
    ]
    await stage.submit(agency, reference, household=household)
    accepted = await stage.wait_for_status(agency, reference, Lifecycle.ACCEPTED_BY_PROVIDER)
    offers = stage.offers(accepted.need_id)
    require([each.places for each in offers.values()] == [3], f"places: {[each.places for each in offers.values()]}")
    require("berezina-borisov" not in offers, "a shelter with two rooms got an offer for three people")
    await stage.wait_for_status(agency, reference, Lifecycle.DELIVERED)
    return (
        f"Three people got three rooms at {accepted.provider}. berezina-borisov is nearer but has only two rooms, so "
        "it got no offer."
    )


@dataclass(frozen=True, slots=True)
class Story:
    """`play` returns what happened; `referrals` is how many it publishes."""

    title: str
    play: Callable[[StoryStage], Awaitable[str]]
    referrals: int = 1


STORIES = (
    Story("An emergency at night", broadcast),
    Story("Consent withdrawn for one field", recall),
    Story("One person, two agencies", duplicate, referrals=2),
    Story("A family of three", family),
)


async def play_all(stories: Iterable[Story], stage: StoryStage) -> dict[str, str | StoryError]:
    """Play the stories one after the other, since they share shelters. Returns each result or error."""
    outcomes: dict[str, str | StoryError] = {}
    for story in stories:
        try:
            outcomes[story.title] = await story.play(stage)
        except StoryError as failure:
            outcomes[story.title] = failure
    return outcomes
