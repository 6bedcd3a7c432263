"""Another agency sends the same need while it is open: it is linked, not doubled, and neither learns of the other."""

from typing import Any

import orjson
import pytest

from contracts import topics
from contracts.agency import ReferralWithdrawn, Submitted
from contracts.outcomes import StatusChanged
from contracts.provider import Offer
from contracts.words import Answer
from tests.e2e.actors import Agency, People

pytestmark = pytest.mark.acceptance(2)

SPELLED = ("Аляксей Навіцкі", "NAVITSKI ALIAKSEI"), ("+375 29 111-22-33", "8 029 1112233")


def same_person(here: People, reference: str, spelling: int, **need: Any) -> Submitted:
    """One person, in the spelling of either agency."""
    person = {
        "name": SPELLED[0][spelling],
        "birth_date": here.birth_date("one person"),
        "sex": "male",
        "languages": ["be"],
        "contact": {"may_contact": False, "phone": SPELLED[1][spelling]},
    }
    wanted = {"need": "1", "category": "shelter", "urgency": "normal", **need}
    return here.referral(reference, person=person, needs=[wanted])


def seen(agency: Agency, reference: str) -> list[dict[str, Any]]:
    """The statuses of a referral that an agency received, in order."""
    statuses = [message for _, message in agency.status.events if isinstance(message, StatusChanged)]
    return [orjson.loads(each.model_dump_json()) for each in statuses if each.reference == reference]


def shape(story: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """States, codes, which fields are set, and the rules of the funnel; without ids and times."""
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


def split_at_the_wait(lines: list[tuple[str, ...]]) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """The statuses before the wait, at most `accepted` (which is left out once it waits), and those since."""
    first = [line for line in lines if line[0] == "accepted"]
    return first, lines[len(first) :]


async def test_a_need_that_is_already_served_waits_and_resumes_and_neither_agency_learns_of_the_other(
    here: People,
) -> None:
    first, second = await here.agency(), await here.agency()
    provider = await here.provider(here.service(capacity=5))
    await first.send(same_person(here, "A-1", 0))
    offer = await provider.wait_for_offer()
    await provider.answer(offer, Answer.ACCEPTED)
    await first.wait_for("taken-up", "A-1")
    await second.send(same_person(here, "B-9", 1))
    waiting = await second.wait_for("waiting", "B-9")
    assert waiting.code == "already-served"
    assert (waiting.provider, waiting.service, waiting.next_by, waiting.funnel) == (None, None, None, [])
    await provider.notifications.read_for()
    offered = [message for _, message in provider.notifications.events if isinstance(message, Offer)]
    assert offered == [offer], "it is not offered twice, though there are places"
    _check_nothing_about(first, offer.referral_id, provider.id, story=seen(second, "B-9"))

    await first.send(ReferralWithdrawn(reference="A-1", reason="mistake"))  # it ends without help
    again = await provider.notifications.until(
        lambda message: isinstance(message, Offer) and message.referral_id != offer.referral_id
    )
    assert isinstance(again, Offer)
    await second.wait_for("offered", "B-9")
    assert {each["code"] for each in seen(first, "A-1")} <= {None, "mistake", "withdrawn"}
    assert second.id.encode() not in orjson.dumps(seen(first, "A-1"))
    await _no_fingerprint_leaves_intake(here, first, second)


async def test_help_given_to_the_first_closes_the_second_as_already_served(here: People) -> None:
    first, second = await here.agency(), await here.agency()
    provider = await here.provider(here.service(capacity=5))
    await first.send(same_person(here, "A-1", 0))
    offer = await provider.wait_for_offer()
    await second.send(same_person(here, "B-9", 1))
    await second.wait_for("waiting", "B-9")
    for answer in (Answer.ACCEPTED, Answer.DELIVERED):
        await provider.answer(offer, answer)
    closed = await second.wait_for("withdrawn", "B-9")
    assert closed.code == "already-served"
    states = [each["state"] for each in seen(second, "B-9")]
    assert states[-2:] == ["waiting", "withdrawn"]
    assert states[:-2] in ([], ["accepted"]), "`accepted` is left out if a later state is known"
    await first.wait_for("delivered", "A-1")


async def test_for_a_sensitive_need_the_second_agency_sees_an_ordinary_wait_for_a_place(
    here: People,
) -> None:
    """The ordinary need is another person's, for the same service, whose only place is taken."""
    first, second, third = await here.agency(), await here.agency(), await here.agency()
    provider = await here.provider(here.service(capacity=1, categories=["gbv"]))
    gbv: dict[str, Any] = {"category": "gbv", "urgency": "urgent"}
    await first.send(same_person(here, "A-1", 0, **gbv))
    offer = await provider.wait_for_offer()
    await provider.answer(offer, Answer.ACCEPTED)
    await first.wait_for("taken-up", "A-1")
    await second.send(same_person(here, "B-9", 1, **gbv))
    await third.send(here.referral("C-5", needs=[{"need": "1", **gbv}]))
    await second.wait_for("waiting", "B-9")
    await third.wait_for("waiting", "C-5")
    await provider.answer(offer, Answer.IN_PROGRESS)
    await second.wait_for("unmet", "B-9")  # its own wait ends, which is short here
    await third.wait_for("unmet", "C-5")
    await provider.answer(offer, Answer.DELIVERED)
    await first.wait_for("delivered", "A-1")
    await second.status.read_for()
    statuses, ordinary = seen(second, "B-9"), seen(third, "C-5")
    before_linked, linked_since = split_at_the_wait(shape(statuses))
    before_ordinary, ordinary_since = split_at_the_wait(shape(ordinary))
    assert linked_since == ordinary_since
    assert [state for state, *_ in linked_since] == ["waiting", "unmet"]
    assert len({*before_linked, *before_ordinary}) <= 1, "`accepted`, where it is there, is alike"
    _check_nothing_about(first, offer.referral_id, provider.id, story=statuses)


def _check_nothing_about(agency: Agency, referral: str, provider: str, *, story: list[dict[str, Any]]) -> None:
    text = orjson.dumps(story)
    for each in (agency.id, referral, provider, "A-1"):
        assert each.encode() not in text


async def _no_fingerprint_leaves_intake(here: People, *agencies: Agency) -> None:
    """Identity fingerprints are on intake's inbox and in its database, and nowhere else."""
    inbox = await here.everything(topics.inbox("intake"))
    assert b'"marks":{"person":"' in inbox
    others = [each for each in topics.SERVICES if each != "intake"]
    rest = [*map(topics.inbox, others), topics.INTAKE, topics.MATCHING, topics.NOTIFICATION, topics.DEAD_LETTERS]
    heap = await here.everything(*rest, *(topics.status(each.id) for each in agencies))
    assert b"marks" not in heap
