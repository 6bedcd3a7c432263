"""Seed 2: another agency sends the same need while it is open. Linked, not doubled; neither learns of the other."""

from typing import Any

import orjson

from contracts import topics
from contracts.agency import ReferralWithdrawn, Submitted
from contracts.outcomes import StatusChanged
from contracts.provider import Offer
from contracts.words import Answer
from tests.e2e.actors import Agency, People

SPELLED = ("Аляксей Навіцкі", "NAVITSKI ALIAKSEI"), ("+375 29 111-22-33", "8 029 1112233")


def same_person(here: People, reference: str, spelling: int, **need: Any) -> Submitted:
    """One person, written as either agency writes it."""
    person = {
        "name": SPELLED[0][spelling],
        "birth_date": here.born("one person"),
        "sex": "male",
        "languages": ["be"],
        "contact": {"may_contact": False, "phone": SPELLED[1][spelling]},
    }
    asked = {"need": "1", "category": "shelter", "urgency": "normal", **need}
    return here.referral(reference, person=person, needs=[asked])


def seen(agency: Agency, reference: str) -> list[dict[str, Any]]:
    """What an agency was told of a referral, in order."""
    told = [message for _, message in agency.status.events if isinstance(message, StatusChanged)]
    return [orjson.loads(each.model_dump_json()) for each in told if each.reference == reference]


def shape(story: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """States and codes, which fields are filled, and the rules of the funnel; ids and times apart."""
    return [
        (
            each["state"],
            str(each["code"]),
            str(each["attempt"]),
            *(name for name, value in each.items() if value not in (None, [])),
            *(f"{step['rule']} {step['left']}" for step in each["funnel"]),
        )
        for each in story
    ]


def since_the_wait(lines: list[tuple[str, ...]]) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """What was told before the wait, at most that it was accepted (not once the wait is known), and what since."""
    first = [line for line in lines if line[0] == "accepted"]
    return first, lines[len(first) :]


async def test_a_need_that_is_served_already_waits_resumes_and_neither_agency_learns_of_the_other(here: People) -> None:
    first, second = await here.agency(), await here.agency()
    provider = await here.provider(here.service(capacity=5))
    await first.send(same_person(here, "A-1", 0))
    offer = await provider.offered()
    await provider.answer(offer, Answer.ACCEPTED)
    await first.told("taken-up", "A-1")
    await second.send(same_person(here, "B-9", 1))
    waiting = await second.told("waiting", "B-9")
    assert waiting.code == "already-served"
    assert (waiting.provider, waiting.service, waiting.next_by, waiting.funnel) == (None, None, None, [])
    await provider.notifications.quiet()
    offered = [message for _, message in provider.notifications.events if isinstance(message, Offer)]
    assert offered == [offer], "not doubled, though there are places"
    _nothing_of(first, offer.referral_id, provider.id, story=seen(second, "B-9"))

    await first.send(ReferralWithdrawn(reference="A-1", reason="mistake"))  # it ends without help
    again = await provider.notifications.until(
        lambda message: isinstance(message, Offer) and message.referral_id != offer.referral_id
    )
    assert isinstance(again, Offer)
    await second.told("offered", "B-9")
    assert {each["code"] for each in seen(first, "A-1")} <= {None, "mistake", "withdrawn"}
    assert second.id.encode() not in orjson.dumps(seen(first, "A-1"))
    await _no_mark_leaves_intake(here, first, second)


async def test_help_that_was_given_to_the_first_closes_the_second_as_already_served(here: People) -> None:
    first, second = await here.agency(), await here.agency()
    provider = await here.provider(here.service(capacity=5))
    await first.send(same_person(here, "A-1", 0))
    offer = await provider.offered()
    await second.send(same_person(here, "B-9", 1))
    await second.told("waiting", "B-9")
    for answer in (Answer.ACCEPTED, Answer.DELIVERED):
        await provider.answer(offer, answer)
    closed = await second.told("withdrawn", "B-9")
    assert closed.code == "already-served"
    states = [each["state"] for each in seen(second, "B-9")]
    assert states[-2:] == ["waiting", "withdrawn"]
    assert states[:-2] in ([], ["accepted"]), "not told any more where what came next is known already"
    await first.told("delivered", "A-1")


async def test_where_nothing_may_be_told_the_second_sees_what_any_need_sees_for_which_there_is_no_place(
    here: People,
) -> None:
    """The ordinary one is of somebody else, sent to the same service when its only place is taken."""
    first, second, third = await here.agency(), await here.agency(), await here.agency()
    provider = await here.provider(here.service(capacity=1, categories=["gbv"]))
    gbv: dict[str, Any] = {"category": "gbv", "urgency": "urgent"}
    await first.send(same_person(here, "A-1", 0, **gbv))
    offer = await provider.offered()
    await provider.answer(offer, Answer.ACCEPTED)
    await first.told("taken-up", "A-1")
    await second.send(same_person(here, "B-9", 1, **gbv))
    await third.send(here.referral("C-5", needs=[{"need": "1", **gbv}]))
    await second.told("waiting", "B-9")
    await third.told("waiting", "C-5")
    await provider.answer(offer, Answer.IN_PROGRESS)
    await second.told("unmet", "B-9")  # the end of its own wait, which is short here
    await third.told("unmet", "C-5")
    await provider.answer(offer, Answer.DELIVERED)
    await first.told("delivered", "A-1")
    await second.status.quiet()
    told, ordinary = seen(second, "B-9"), seen(third, "C-5")
    (first_of_told, told_since), (first_of_ordinary, ordinary_since) = map(since_the_wait, map(shape, (told, ordinary)))
    assert told_since == ordinary_since
    assert [state for state, *_ in told_since] == ["waiting", "unmet"]
    assert len({*first_of_told, *first_of_ordinary}) <= 1, "where both are told that it was accepted, they are alike"
    _nothing_of(first, offer.referral_id, provider.id, story=told)


def _nothing_of(agency: Agency, referral: str, provider: str, *, story: list[dict[str, Any]]) -> None:
    text = orjson.dumps(story)
    for each in (agency.id, referral, provider, "A-1"):
        assert each.encode() not in text


async def _no_mark_leaves_intake(here: People, *agencies: Agency) -> None:
    """They come in on its inbox, and stay in its database."""
    inbox = await here.everything(topics.inbox("intake"))
    assert b'"marks":{"person":"' in inbox
    others = [each for each in topics.SERVICES if each != "intake"]
    rest = [*map(topics.inbox, others), topics.INTAKE, topics.MATCHING, topics.NOTIFICATION, topics.DEAD_LETTERS]
    heap = await here.everything(*rest, *(topics.status(each.id) for each in agencies))
    assert b"marks" not in heap
