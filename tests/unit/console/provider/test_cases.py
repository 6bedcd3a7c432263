"""A provider's inbox: the state of each offer, and the contact data that may be shown."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.base import Message
from contracts.cloudevents import CloudEvent
from contracts.provider import (
    AnswerConfirmed,
    AnswerRefused,
    CheckInCounted,
    ContactReleased,
    Offer,
    OfferClosed,
    Recall,
    RecallClosed,
)
from contracts.words import Answer
from services.chassis.encryption import UnsealableError, new_pair, seal_to
from services.console.provider.answer import HELP
from services.console.provider.cases import COLUMNS, Inbox, OpenCase
from services.console.provider.lines import COMMANDS, line
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


def confirmed(answer: str, state: str, clock: str | None = None, hours: int = 0, **more: Any) -> AnswerConfirmed:
    due = {"clock": clock, "due_at": AT + timedelta(hours=hours)} if clock else {}
    return AnswerConfirmed.model_validate({**IDS, "answer": answer, "state": state, "at": AT, **due, **more})


def refused(state: str = "taken-up") -> AnswerRefused:
    return AnswerRefused(**IDS, answer="accepted", reason="repeated", state=state, allowed=[])


ACCEPTED = confirmed("accepted", "taken-up", "start", 72)
IN_HOUR, IN_3_DAYS = AT + timedelta(hours=1), AT + timedelta(hours=72)


@pytest.mark.parametrize(
    ("messages", "condition", "to_do", "due"),
    [
        ([], "offered", "acknowledge, or decide", AT),
        ([confirmed("acknowledged", "acknowledged", "decide", 1)], "acknowledged", "accept or decline", IN_HOUR),
        ([ACCEPTED], "taken-up", "start, or make an appointment", IN_3_DAYS),
        ([ACCEPTED, CheckInCounted(**IDS, clock="start", due_at=IN_HOUR, left=1)], "taken-up",
         "start, or make an appointment", IN_HOUR),
        ([confirmed("declined", "declined")], "declined", "", None),
        ([ACCEPTED, confirmed("in-progress", "in-progress", "close", 1)], "in-progress", "report the result", IN_HOUR),
        ([ACCEPTED, confirmed("delivered", "delivered")], "delivered", "", None),
        ([OfferClosed(**IDS, reason="expired")], "closed: expired", "", None),
        ([released({"name": "x"})], "taken-up", "start, or make an appointment", None),
        ([ACCEPTED, released({"name": "x"}), recall(1, "name")], "recalled", "delete the data, then `deleted`", AT),
        ([ACCEPTED, recall(1, "name"), RecallClosed(**IDS, recall=1, at=AT)], "taken-up",
         "start, or make an appointment", IN_3_DAYS),
    ],
)  # fmt: skip
def test_a_case_says_what_is_due_next(
    messages: list[Message], condition: str, to_do: str, due: datetime | None
) -> None:
    shown = case(offer(), *messages)
    assert (shown.condition, *shown.next) == (condition, to_do, due)


@pytest.mark.parametrize(
    "before",
    [[], [confirmed("acknowledged", "acknowledged", "decide", 1)], [ACCEPTED], [confirmed("declined", "declined")]],
)
@pytest.mark.parametrize("state", ["offered", "taken-up", "declined", "unknown"])
def test_a_refused_answer_changes_nothing(before: list[Message], state: str) -> None:
    assert case(offer(), *before, refused(state)).document() == case(offer(), *before).document()


@pytest.mark.parametrize(
    "messages",
    [
        [confirmed("declined", "declined")],
        [ACCEPTED, confirmed("delivered", "delivered")],
        [ACCEPTED, confirmed("not-delivered", "not-delivered")],
        [OfferClosed(**IDS, reason="expired")],
        [ACCEPTED, OfferClosed(**IDS, reason="withdrawn"), recall(1, "name"), RecallClosed(**IDS, recall=1, at=AT)],
    ],
)
def test_what_is_done_leaves_the_list(messages: list[Message]) -> None:
    assert inbox(offer(), *messages).open() == []
    assert len(inbox(offer(), *messages).cases) == 1


@pytest.mark.parametrize("ended", [OfferClosed(**IDS, reason="withdrawn"), confirmed("delivered", "delivered")])
def test_a_case_that_has_ended_stays_until_its_data_is_deleted(ended: Message) -> None:
    one_deleted = RecallClosed(**IDS, recall=1, at=AT)
    (shown,) = inbox(offer(), ACCEPTED, ended, recall(1, "name"), recall(2, "contact"), one_deleted).open()
    assert [each.recall for each in shown.to_delete] == [2]


def test_a_case_in_progress_stays_when_some_of_its_data_is_deleted() -> None:
    assert inbox(offer(), ACCEPTED, recall(1, "name"), RecallClosed(**IDS, recall=1, at=AT)).open()


def test_what_is_due_first_comes_first() -> None:
    other = NEED[:-1] + "2"
    sooner = offer(need_id=other, acknowledge_by=AT - timedelta(hours=1))
    assert [each.need_id for each in inbox(offer(), sooner).open()] == [other, NEED]


def test_the_contact_that_overtakes_the_confirmation_of_an_acceptance_shows_it() -> None:
    early = case(offer(), released({"name": "x"}))
    assert not early.undecided
    assert case(offer(), released({"name": "x"}), ACCEPTED).next == case(offer(), ACCEPTED).next


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


@pytest.mark.parametrize("state", ["unknown", "delivered"])
def test_a_refused_answer_to_an_unknown_offer_creates_no_case(state: str) -> None:
    assert inbox(refused(state)).cases == {}


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


@pytest.fixture
def in_warsaw(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Warsaw")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("in_warsaw")
def test_a_row_shows_the_offer_without_a_name_and_the_time_that_is_left() -> None:
    later = offer(acknowledge_by=AT + timedelta(minutes=230), decide_by=AT + timedelta(days=1))
    assert case(later).row(AT)[3:5] == ("2026-11-24 13:50", "3 h 50 min left")
    shown = case(offer(companions=[PERSON], needs_assessment=["age"])).row(AT + timedelta(hours=2))
    assert shown == (
        "3f2c8a5e", "offered", "acknowledge, or decide", "2026-11-24 10:00", "2 h 0 min overdue", "shelter", "urgent",
        "18-59 female uk pregnant +1", "PL-06", "beds", "age", "",
    )  # fmt: skip
    without_offer = case(released({"name": "x"})).row(AT)
    assert without_offer[:2] == ("3f2c8a5e", "taken-up")
    assert len(without_offer) == len(shown) == len(COLUMNS)


@pytest.mark.usefixtures("in_warsaw")
def test_each_notification_is_one_line() -> None:
    def text(message: Message) -> str:
        return line(CloudEvent("1", "/x", message.ce_type(), AT, b""), message)

    expected = "offer  shelter  urgent  PL-06  beds  acknowledge by 2026-11-24 10:00  decide by 2026-11-24 11:00"
    assert text(offer()).endswith(expected)
    assert text(recall(1, "name")).endswith("recall  delete name  by 2026-11-24 10:00")
    assert text(ACCEPTED).endswith("accepted by the provider  now taken-up  start by 2026-11-27 10:00")
    answer = AnswerRefused(**IDS, answer="delivered", reason="late", state="expired", allowed=["accepted"])
    assert text(answer).endswith("deliver was refused (late): the offer is expired; possible now: accept")
    assert "Olena" not in text(released({"name": "Olena"}))


def test_every_answer_has_a_command_with_a_help_text() -> None:
    assert set(COMMANDS) == set(Answer)
    needing_more = {Answer.DECLINED, Answer.NOT_DELIVERED, Answer.APPOINTMENT_PROPOSED, Answer.APPOINTMENT_MOVED}
    assert set(HELP) == set(Answer) - needing_more
