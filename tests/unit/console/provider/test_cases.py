"""A provider's inbox: what offers have come to, by what was told, and what of people may be shown."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.base import Message
from contracts.cloudevents import CloudEvent
from contracts.provider import AnswerRefused, ContactReleased, Offer, OfferClosed, Recall, Reminder
from contracts.words import Answer
from services.chassis.encryption import UnsealableError, new_pair, seal_to
from services.console.provider.answer import COMMANDS, HELP
from services.console.provider.cases import Inbox, OpenCase, line
from services.console.shared.errors import RefusedError

AT = datetime(2026, 11, 24, 9, tzinfo=UTC)
NEED = "3f2c8a5e-0000-5000-8000-000000000001"
IDS: dict[str, Any] = {
    "provider": "p",
    "referral_id": "r",
    "need": "1",
    "need_id": NEED,
    "attempt": 1,
    "service": "beds",
}
PERSON = {"age_band": "18-59", "sex": "female", "languages": ["uk"], "flags": ["pregnant"]}
PRIVATE, PUBLIC = new_pair()


def offer(**changes: Any) -> Offer:
    return Offer.model_validate(
        {
            **IDS,
            "category": "shelter",
            "urgency": "urgent",
            "person": PERSON,
            "region": {"admin1": "PL-06"},
            "constraints": {},
            "offered_at": AT,
            "acknowledge_by": AT,
            "decide_by": AT + timedelta(hours=1),
            **changes,
        }
    )


def released(told: dict[str, Any], fields: list[str] | None = None) -> ContactReleased:
    sealed = seal_to(PUBLIC, json.dumps(told).encode(), f"referral-routing/contact/{NEED}")
    return ContactReleased.model_validate({**IDS, "fields": fields or list(told), "sealed": sealed})


def recall(number: int, *fields: str) -> Recall:
    said = {**IDS, "recall": number, "fields": list(fields), "reason": "x", "acknowledge_by": AT}
    return Recall.model_validate(said)


def inbox(*told: Message | tuple[int, Message]) -> Inbox:
    """Each a minute after the one before, or at the minute given with it."""
    found = Inbox()
    for number, each in enumerate(told):
        minute, message = each if isinstance(each, tuple) else (number, each)
        found.take(CloudEvent(str(number), "/x", message.ce_type(), AT + timedelta(minutes=minute), b""), message)
    return found


def case(*told: Message | tuple[int, Message]) -> OpenCase:
    (only,) = inbox(*told).cases.values()
    return only


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ([], "to decide"),
        ([OfferClosed(**IDS, reason="expired")], "closed: expired"),
        ([released({"name": "x"})], "accepted"),
        ([released({"name": "x"}), recall(1, "name")], "recalled"),
        ([AnswerRefused(**IDS, answer="accepted", reason="repeated", state="taken-up", allowed=[])], "taken-up"),
    ],
)
def test_a_case_is_what_was_told_last(told: list[Message], state: str) -> None:
    assert case(offer(), *told).state(AT) == state


def test_what_is_not_closed_when_it_would_have_expired_was_decided() -> None:
    assert case(offer()).state(AT + timedelta(hours=2)) == "decided"


def test_a_new_attempt_is_a_case_of_its_own_and_the_one_that_is_meant() -> None:
    found = inbox(offer(), OfferClosed(**IDS, reason="expired"), offer(attempt=2))
    assert [each.attempt for each in found.open()] == [2]
    assert found.find(NEED[:4]).attempt == 2
    assert found.cases[NEED, 1].closed == "expired"


@pytest.mark.parametrize("start", ["3f2", "ffff", ""])
def test_an_offer_that_is_not_there_is_said(start: str) -> None:
    with pytest.raises(RefusedError, match="there is no offer"):
        inbox(offer()).find(start)


def test_a_beginning_that_several_have_is_said() -> None:
    other = NEED[:-1] + "2"
    with pytest.raises(RefusedError, match="begins 2 offers"):
        inbox(offer(), offer(need_id=other)).find("3f2c8a5e")
    assert inbox(offer(), offer(need_id=other)).find(other).need_id == other


def test_an_answer_to_an_offer_that_is_none_makes_no_case() -> None:
    refused = AnswerRefused(**IDS, answer="accepted", reason="unknown-offer", state="unknown", allowed=[])
    assert inbox(refused).cases == {}


def test_a_contact_is_opened_without_what_was_recalled_however_they_come() -> None:
    son = {"member": "son", "name": "Ivan"}
    told = {"name": "Olena", "contact": {"phone": "1"}, "household": [son]}
    whole = released(told, ["name", "contact"])
    assert case(offer(), whole).contact(PRIVATE) == told
    narrowed = {"contact": {"phone": "1"}, "household": [{"member": "son"}]}
    assert case(offer(), whole, recall(1, "name")).contact(PRIVATE) == narrowed
    assert case(offer(), recall(1, "name"), (0, whole)).contact(PRIVATE) == narrowed
    assert case(offer(), whole, recall(1, "name", "contact")).contact(PRIVATE) == {}


def test_what_is_released_anew_after_a_recall_is_shown_again() -> None:
    found = case(offer(), released({"name": "Old"}), recall(1, "name"), released({"name": "New"}))
    assert found.contact(PRIVATE) == {"name": "New"}
    assert found.row(AT)[-1] == "name"


def test_another_key_opens_nothing() -> None:
    with pytest.raises(UnsealableError):
        case(offer(), released({"name": "x"})).contact(new_pair()[0])


def test_a_row_says_what_an_offer_says_and_no_name() -> None:
    row = case(offer(companions=[PERSON], needs_assessment=["age"]), Reminder(**IDS, decide_by=AT, due_at=AT)).row(AT)
    assert row == (
        "3f2c8a5e", "to decide", "shelter", "urgent", "18-59 female uk pregnant +1", "PL-06", "beds",
        "2026-11-24 09:00:00", "age", "",
    )  # fmt: skip
    assert case(released({"name": "x"})).row(AT)[:2] == ("3f2c8a5e", "accepted")


def test_each_thing_told_is_one_line() -> None:
    def said(message: Message) -> str:
        return line(CloudEvent("1", "/x", message.ce_type(), AT, b""), message)

    assert said(offer()).endswith("offer  shelter  urgent  PL-06  beds  decide by 2026-11-24 10:00:00")
    assert said(recall(1, "name")).endswith("recall  delete name  by 2026-11-24 09:00:00")
    refused = AnswerRefused(**IDS, answer="delivered", reason="late", state="expired", allowed=["accepted"])
    assert said(refused).endswith("delivered is refused (late): it is expired; possible now: accepted")
    assert "Olena" not in said(released({"name": "Olena"}))


def test_every_answer_has_a_command_that_says_what_it_is_for() -> None:
    assert set(COMMANDS) == set(Answer)
    needing_more = {Answer.DECLINED, Answer.NOT_DELIVERED, Answer.APPOINTMENT_PROPOSED, Answer.APPOINTMENT_MOVED}
    assert set(HELP) == set(Answer) - needing_more
