"""A provider's inbox: the state of each offer, and the contact data that may be shown."""

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


def released(contact: dict[str, Any], fields: list[str] | None = None) -> ContactReleased:
    sealed = seal_to(PUBLIC, json.dumps(contact).encode(), f"referral-routing/contact/{NEED}")
    return ContactReleased.model_validate({**IDS, "fields": fields or list(contact), "sealed": sealed})


def recall(number: int, *fields: str) -> Recall:
    fields_ = {**IDS, "recall": number, "fields": list(fields), "reason": "x", "acknowledge_by": AT}
    return Recall.model_validate(fields_)


def inbox(*messages: Message | tuple[int, Message]) -> Inbox:
    """An inbox with these messages, one minute apart, or at the minute given with a message."""
    result = Inbox()
    for number, each in enumerate(messages):
        minute, message = each if isinstance(each, tuple) else (number, each)
        result.take(CloudEvent(str(number), "/x", message.ce_type(), AT + timedelta(minutes=minute), b""), message)
    return result


def case(*messages: Message | tuple[int, Message]) -> OpenCase:
    (only,) = inbox(*messages).cases.values()
    return only


@pytest.mark.parametrize(
    ("messages", "state"),
    [
        ([], "to decide"),
        ([OfferClosed(**IDS, reason="expired")], "closed: expired"),
        ([released({"name": "x"})], "accepted"),
        ([released({"name": "x"}), recall(1, "name")], "recalled"),
        ([AnswerRefused(**IDS, answer="accepted", reason="repeated", state="taken-up", allowed=[])], "taken-up"),
    ],
)
def test_a_case_has_the_state_of_its_last_message(messages: list[Message], state: str) -> None:
    assert case(offer(), *messages).state(AT) == state


def test_a_case_that_is_open_after_its_deadline_was_decided() -> None:
    assert case(offer()).state(AT + timedelta(hours=2)) == "decided"


def test_a_new_attempt_is_a_new_case_and_is_found_first() -> None:
    result = inbox(offer(), OfferClosed(**IDS, reason="expired"), offer(attempt=2))
    assert [each.attempt for each in result.open()] == [2]
    assert result.find(NEED[:4]).attempt == 2
    assert result.cases[NEED, 1].closed == "expired"


@pytest.mark.parametrize("start", ["3f2", "ffff", ""])
def test_an_unknown_offer_is_refused(start: str) -> None:
    with pytest.raises(RefusedError, match="there is no offer"):
        inbox(offer()).find(start)


def test_an_ambiguous_id_is_refused() -> None:
    other = NEED[:-1] + "2"
    with pytest.raises(RefusedError, match="ids of 2 offers begin with"):
        inbox(offer(), offer(need_id=other)).find("3f2c8a5e")
    assert inbox(offer(), offer(need_id=other)).find(other).need_id == other


def test_a_refused_answer_to_an_unknown_offer_creates_no_case() -> None:
    refused = AnswerRefused(**IDS, answer="accepted", reason="unknown-offer", state="unknown", allowed=[])
    assert inbox(refused).cases == {}


def test_contact_data_is_shown_without_recalled_fields_in_any_order_of_arrival() -> None:
    son = {"member": "son", "name": "Ivan"}
    contact = {"name": "Olena", "contact": {"phone": "1"}, "household": [son]}
    whole = released(contact, ["name", "contact"])
    assert case(offer(), whole).contact(PRIVATE) == contact
    narrowed = {"contact": {"phone": "1"}, "household": [{"member": "son"}]}
    assert case(offer(), whole, recall(1, "name")).contact(PRIVATE) == narrowed
    assert case(offer(), recall(1, "name"), (0, whole)).contact(PRIVATE) == narrowed
    assert case(offer(), whole, recall(1, "name", "contact")).contact(PRIVATE) == {}


def test_data_released_again_after_a_recall_is_shown() -> None:
    result = case(offer(), released({"name": "Old"}), recall(1, "name"), released({"name": "New"}))
    assert result.contact(PRIVATE) == {"name": "New"}
    assert result.row(AT)[-1] == "name"


def test_another_key_decrypts_nothing() -> None:
    with pytest.raises(UnsealableError):
        case(offer(), released({"name": "x"})).contact(new_pair()[0])


def test_a_row_shows_the_offer_without_a_name() -> None:
    row = case(offer(companions=[PERSON], needs_assessment=["age"]), Reminder(**IDS, decide_by=AT, due_at=AT)).row(AT)
    assert row == (
        "3f2c8a5e", "to decide", "shelter", "urgent", "18-59 female uk pregnant +1", "PL-06", "beds",
        "2026-11-24 09:00:00", "age", "",
    )  # fmt: skip
    assert case(released({"name": "x"})).row(AT)[:2] == ("3f2c8a5e", "accepted")


def test_each_notification_is_one_line() -> None:
    def text(message: Message) -> str:
        return line(CloudEvent("1", "/x", message.ce_type(), AT, b""), message)

    assert text(offer()).endswith("offer  shelter  urgent  PL-06  beds  decide by 2026-11-24 10:00:00")
    assert text(recall(1, "name")).endswith("recall  delete name  by 2026-11-24 09:00:00")
    refused = AnswerRefused(**IDS, answer="delivered", reason="late", state="expired", allowed=["accepted"])
    assert text(refused).endswith(
        "the answer delivered was refused (late): the offer is expired; possible answers: accepted"
    )
    assert "Olena" not in text(released({"name": "Olena"}))


def test_every_answer_has_a_command_with_a_help_text() -> None:
    assert set(COMMANDS) == set(Answer)
    needing_more = {Answer.DECLINED, Answer.NOT_DELIVERED, Answer.APPOINTMENT_PROPOSED, Answer.APPOINTMENT_MOVED}
    assert set(HELP) == set(Answer) - needing_more
