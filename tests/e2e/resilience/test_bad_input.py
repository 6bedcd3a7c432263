"""Everything that a sender can get wrong, sent between good events to all services on a real Kafka and MongoDB."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError

from contracts import topics
from contracts.agency import Corrected, ReferralWithdrawn, StatusRequested
from contracts.outcomes import AgencyInputRefused
from contracts.profiles import Problem
from contracts.provider import AnswerRefused, EntryRefused, Offer
from contracts.provider import ProviderInputRefused as AnswerUnread
from contracts.words import Answer
from deploy.local.services import Services
from tests.e2e.actors import PATIENCE, Inbox, People
from tests.support.bad_input import CANARY, Bad, headers, of_answer, of_entry, of_others, of_referral

GOOD_EVERY = 6


async def test_bad_input_of_an_agency_is_reported_and_stops_nobody(here: People, system: Services) -> None:
    agency, other = await here.agency(), await here.agency()
    provider = await here.provider(here.service(capacity=100))
    bad = [*of_referral(_json(here, "R-bad"), other.id), *of_others()]
    good = []
    for number, each in enumerate(bad):
        if number % GOOD_EVERY == 0:
            good.append(f"R-{number}")
            await agency.send(here.referral(good[-1]), f"event-{number}")
        await agency.send_raw(each.value, each.headers)
    await agency.send(ReferralWithdrawn(reference="R-unknown"))
    await agency.send(StatusRequested(reference="R-unknown"))
    await agency.send(Corrected.model_validate(_json(here, "R-unknown")))
    await other.send(here.referral("R-other"), "event-0")  # an id that the first agency has used
    await agency.send(here.referral("R-last"))
    for reference in (*good, "R-last"):
        await agency.wait_for("offered", reference)
    await other.wait_for("offered", "R-other")
    unknown = [Bad("an unknown reference", None, [], "reference", "is not known; send agency.submitted.v1 first")] * 3
    await _wait_for_refusals(agency.status, AgencyInputRefused, [*bad, *unknown])
    assert sorted(await here.dead_letters(agency.id)) == sorted(each.dead_letter for each in bad if each.dead_letter)
    await provider.notifications.read_for(0.5)
    offers = {m.referral_id for _, m in provider.notifications.events if isinstance(m, Offer)}
    assert len(offers) == len(good) + 2
    await _no_input_is_repeated(here, agency.id, topics.status(agency.id))
    _services_run(system)


async def test_bad_input_of_a_provider_is_reported_and_stops_nobody(here: People, system: Services) -> None:
    agency, provider = await here.agency(), await here.provider(here.service(capacity=9))
    await agency.send(here.referral("R-1"))
    offer = await provider.wait_for_offer()
    answer = {"referral_id": offer.referral_id, "need": "1", "attempt": 1, "answer": "accepted", "note": "x"}
    answers = list(of_answer(answer, agency.id))
    entries = list(of_entry(json.loads(here.service().model_dump_json(exclude_none=True))))
    for each in answers:
        await provider.send_raw(topics.responses(provider.id), "any key", each.value, each.headers)
    for each in entries:
        await provider.send_raw(topics.directory(provider.id), "beds", each.value, each.headers)
    unknown = {**answer, "referral_id": "00000000-0000-0000-0000-000000000000"}
    head = headers("provider.answered.v1", "unknown")
    await provider.send_raw(topics.responses(provider.id), "any key", json.dumps(unknown).encode(), head)
    await provider.answer(offer, Answer.ACCEPTED)
    await agency.wait_for("taken-up", "R-1")
    await agency.send(here.referral("R-2"))
    assert (await agency.wait_for("offered", "R-2")).provider == provider.id  # its valid entry still counts
    refused = await provider.notifications.until(lambda m: isinstance(m, AnswerRefused))
    assert isinstance(refused, AnswerRefused)
    assert refused.state == "unknown"
    await _wait_for_refusals(provider.notifications, AnswerUnread, answers)
    await _wait_for_refusals(provider.notifications, EntryRefused, entries)
    expected = [each.dead_letter for each in (*answers, *entries) if each.dead_letter]
    assert sorted(await here.dead_letters(provider.id)) == sorted(expected)
    await _no_input_is_repeated(here, provider.id, topics.notifications(provider.id))
    _services_run(system)


@pytest.mark.parametrize("size", [300_000, 900_000])
async def test_bad_input_that_passes_the_broker_and_not_the_gate_is_reported(here: People, size: int) -> None:
    agency = await here.agency()
    await here.provider(here.service())
    await agency.send_raw(_large(here, size), headers("agency.submitted.v1", "large"))
    await agency.send(here.referral("R-1"))
    await agency.wait_for("offered", "R-1")
    large = Bad("large", None, [], "value", "is larger than 256 KiB")
    await _wait_for_refusals(agency.status, AgencyInputRefused, [large])
    assert await here.dead_letters(agency.id) == [("too-large", "value")]


async def test_the_broker_refuses_input_of_2_mb(here: People) -> None:
    agency = await here.agency()
    await here.provider(here.service())
    head = headers("agency.submitted.v1", "large")
    with pytest.raises(MessageSizeTooLargeError):  # by its own library
        await agency.send_raw(_large(here, 2_000_000), head)
    assert agency.login is not None
    async with AIOKafkaProducer(**agency.login.aiokafka(), max_request_size=8_000_000) as writer:
        with pytest.raises(MessageSizeTooLargeError):  # by the broker
            await writer.send_and_wait(topics.referrals(agency.id), _large(here, 2_000_000), headers=head)
    await agency.send(here.referral("R-1"))
    await agency.wait_for("offered", "R-1")
    assert await here.dead_letters(agency.id) == []


def _json(here: People, reference: str) -> dict[str, Any]:
    whole: dict[str, Any] = json.loads(here.referral(reference).model_dump_json(exclude_none=True))
    return whole


def _large(here: People, size: int) -> bytes:
    return json.dumps({**_json(here, "R-large"), "padding": "x" * size}).encode()


async def _wait_for_refusals(inbox: Inbox, kind: type[Any], bad: Sequence[Bad], patience: float = PATIENCE) -> None:
    """Wait for as many refusals as bad records. Each record has one that names its field and what to do."""
    refusals: list[list[Problem]] = []
    try:
        async with asyncio.timeout(patience):
            while len(refusals) < len(bad):
                await inbox.read_for(0.2)
                refusals = [message.problems for _, message in inbox.events if isinstance(message, kind)]
    except TimeoutError:
        pass
    await inbox.read_for(0.5)
    refusals = [message.problems for _, message in inbox.events if isinstance(message, kind)]
    problems = [problem for refusal in refusals for problem in refusal]
    wrong = [e.name for e in bad if not any(p.field == e.field and e.fix in p.fix for p in problems)]
    assert wrong == []
    assert len(refusals) == len(bad)


async def _no_input_is_repeated(here: People, tenant: str, *read: str) -> None:
    internal = [*map(topics.inbox, topics.SERVICES), topics.INTAKE, topics.MATCHING, topics.NOTIFICATION]
    heap = await here.everything(*read, *internal, topics.DEAD_LETTERS)
    assert tenant.encode() in heap
    assert CANARY.encode() not in heap


def _services_run(system: Services) -> None:
    assert all(service.running for service in system.values())
