"""The commands that answer an offer: one for each possible answer."""

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from contracts import topics
from contracts.base import Message
from contracts.provider import (
    AnswerConfirmed,
    Answered,
    AnswerRefused,
    CheckInCounted,
    ContactReleased,
    Offer,
    ProviderInputRefused,
)
from contracts.words import Answer, DecidedBy, DeclineCode, Document, NotDeliveredCode
from services.chassis.ingress.validation_errors import problems_of
from services.chassis.ports import Partition

from ..shared import output
from ..shared.client import Client
from ..shared.errors import RefusedError
from ..shared.identity import PROVIDER
from ..shared.records import OutgoingMessage
from .cases import SHORT, OpenCase
from .deleted import OfferId as Id
from .deleted import find_case
from .lines import COMMANDS, refusal
from .replies import DEFAULT_WAIT, NoWait, Wait, not_confirmed, refused

HELP = {
    Answer.ACKNOWLEDGED: "Report that you are considering an offer. This meets its first deadline.",
    Answer.ACCEPTED: "Accept an offer. The contact data that consent allows is then released: `inbox --show-contacts`.",
    Answer.CHECK_IN: "Report that you are working on it and need more time. Restarts the deadline, twice at most.",
    Answer.APPOINTMENT_KEPT: "Report that the person came to the appointment.",
    Answer.NO_SHOW: "Report that the person did not come. You can propose another appointment.",
    Answer.IN_PROGRESS: "Report that help has begun.",
    Answer.DELIVERED: "Report that help was given. This ends the need.",
    Answer.PARTLY_DELIVERED: "Report that help was given in part. This ends the need.",
}
"""Help texts of the answers that need nothing but the offer."""

Note = Annotated[str | None, typer.Option(help="A note for the case, encrypted so that nobody on the way can read it.")]
Number = Annotated[str | None, typer.Option("--reference", help="Your own number of the case.")]
By = Annotated[DecidedBy, typer.Option(help="Who made the decision.")]
At = Annotated[
    datetime,
    typer.Option(
        help="Date and time with its time zone, such as 2026-11-30T10:00+01:00.",
        parser=datetime.fromisoformat,
        metavar="TIME",
    ),
]
_CONTACT_WAIT = 5.0
"""Seconds to wait for the contact after an acceptance. Consent may allow none, and then none comes."""


def simple(answer: Answer) -> Callable[..., None]:
    """The command for an answer that needs nothing but the offer."""

    def command(
        context: typer.Context,
        offer: Id,
        reference: Number = None,
        note: Note = None,
        by: By = DecidedBy.PROVIDER,
        wait: Wait = DEFAULT_WAIT,
        no_wait: NoWait = False,
        as_json: output.Json = False,
    ) -> None:
        fields = {"provider_reference": reference, "note": note, "by": by}
        _answer(context, offer, answer, fields, 0 if no_wait else wait, as_json)

    command.__doc__ = (
        f"{HELP[answer]}\n\nExit status 1 if the answer is refused; the message lists the possible answers."
    )
    return command


def timed(answer: Answer) -> Callable[..., None]:
    """The command that proposes or moves an appointment."""

    def command(
        context: typer.Context,
        offer: Id,
        at: At,
        reference: Number = None,
        note: Note = None,
        by: By = DecidedBy.PROVIDER,
        wait: Wait = DEFAULT_WAIT,
        no_wait: NoWait = False,
        as_json: output.Json = False,
    ) -> None:
        fields = {"appointment_at": at, "provider_reference": reference, "note": note, "by": by}
        _answer(context, offer, answer, fields, 0 if no_wait else wait, as_json)

    what = "Propose" if answer is Answer.APPOINTMENT_PROPOSED else "Move"
    command.__doc__ = f"{what} an appointment. The agency is notified of it.\n\nExit status 1 if it is refused."
    return command


def decline(
    context: typer.Context,
    offer: Id,
    code: Annotated[DeclineCode, typer.Option(help="The reason; it decides what happens next.")],
    missing: Annotated[
        list[Document] | None,
        typer.Option(help="With --code missing-documents: a document that is missing; repeatable."),
    ] = None,
    reference: Number = None,
    note: Note = None,
    by: By = DecidedBy.PROVIDER,
    wait: Wait = DEFAULT_WAIT,
    no_wait: NoWait = False,
    as_json: output.Json = False,
) -> None:
    """Decline an offer. After no-capacity you get no more offers until you report places with `referrals capacity`.

    Exit status 1 if the answer is refused; the message lists the possible answers.
    """
    fields = {"code": code, "missing": missing or [], "provider_reference": reference, "note": note, "by": by}
    _answer(context, offer, Answer.DECLINED, fields, 0 if no_wait else wait, as_json)


def not_delivered(
    context: typer.Context,
    offer: Id,
    code: Annotated[
        NotDeliveredCode, typer.Option(help="The reason; after lack-of-resources the need is offered to others.")
    ],
    reference: Number = None,
    note: Note = None,
    by: By = DecidedBy.PROVIDER,
    wait: Wait = DEFAULT_WAIT,
    no_wait: NoWait = False,
    as_json: output.Json = False,
) -> None:
    """Report that the help you accepted to give was not given, and why.

    Exit status 1 if the answer is refused; the message lists the possible answers.
    """
    fields = {"code": code, "provider_reference": reference, "note": note, "by": by}
    _answer(context, offer, Answer.NOT_DELIVERED, fields, 0 if no_wait else wait, as_json)


def _answer(
    context: typer.Context, offer: str, answer: Answer, fields: Mapping[str, Any], wait: float, as_json: bool
) -> None:
    client = Client(context.obj.identity(PROVIDER))
    case, ends = find_case(client, offer)
    source = case.offer or next((message for _, message in case.released), None)
    if source is None:
        hint = "notifications are kept for one week; ask the operator"
        raise RefusedError(f"the offer {offer} can no longer be read", hint)
    body = _body(source, case, answer, fields)
    client.send(topics.responses(client.who.id), OutgoingMessage(str(uuid.uuid4()), source.referral_id, body))
    if not wait:
        _report_sent(case, answer, as_json)
        return
    _report(case, answer, _replies(client, case, answer, ends, wait), wait, as_json)


def _body(source: Offer | ContactReleased, case: OpenCase, answer: Answer, fields: Mapping[str, Any]) -> Answered:
    """The message to send, without options that were not given. Raises `RefusedError` when it is invalid."""
    given_fields = {name: value for name, value in fields.items() if value not in (None, [])}
    ids = {"referral_id": source.referral_id, "need": source.need, "attempt": case.attempt}
    try:
        return Answered(**ids, answer=answer, **given_fields)
    except ValidationError as error:
        fixes = "; ".join(f"{each.field} {each.fix}" for each in problems_of(error))
        raise RefusedError("it was not sent", fixes) from None


def _replies(
    client: Client, case: OpenCase, answer: Answer, start: Mapping[Partition, int], wait: float
) -> list[Message]:
    """What the system replies in time: a confirmation or a refusal; after an acceptance also the released contact."""
    replies: list[Message] = []
    deadline = time.monotonic() + wait
    for event in client.messages(topics.notifications(client.who.id), start, follow=None):
        message = event and event[1]
        if message is not None and _is_reply(message, case, answer):
            replies.append(message)
            if not isinstance(message, AnswerConfirmed) or answer is not Answer.ACCEPTED or len(replies) > 1:
                break
            deadline = min(deadline, time.monotonic() + _CONTACT_WAIT)
        elif isinstance(message, ContactReleased) and replies and _same(message, case):
            replies.append(message)
            break
        if time.monotonic() > deadline:
            break
    return replies


def _is_reply(message: Message, case: OpenCase, answer: Answer) -> bool:
    match message:
        case AnswerConfirmed() | AnswerRefused():
            return message.answer is answer and _same(message, case)
        case CheckInCounted():
            return answer is Answer.CHECK_IN and _same(message, case)
        case _:
            return isinstance(message, ProviderInputRefused) and message.sent == Answered.TYPE


def _same(message: AnswerConfirmed | AnswerRefused | CheckInCounted | ContactReleased, case: OpenCase) -> bool:
    return (message.need_id, message.attempt) == (case.need_id, case.attempt)


def _report_sent(case: OpenCase, answer: Answer, as_json: bool) -> None:
    if as_json:
        ids = {"need_id": case.need_id, "attempt": case.attempt, "answer": answer.value}
        output.as_json({**ids, "refused": None, "reply": None})
    else:
        sent = f"{COMMANDS[answer]} {case.need_id[:SHORT]}"
        output.say(f"sent, not waited for: {sent}; `referrals inbox` shows the result")


def _report(case: OpenCase, answer: Answer, replies: Sequence[Message], wait: float, as_json: bool) -> None:
    """Print what became of the answer. Raises `RefusedError` or `UnreachableError` unless it took effect."""
    reply = replies[0] if replies else None
    if reply is None:
        raise not_confirmed(COMMANDS[answer], wait)
    if isinstance(reply, ProviderInputRefused):
        raise refused("the answer", reply)
    if as_json:
        is_refused = isinstance(reply, AnswerRefused)
        released = [name.value for each in replies if isinstance(each, ContactReleased) for name in each.fields]
        ids = {"need_id": case.need_id, "attempt": case.attempt, "answer": answer.value}
        output.as_json({**ids, "refused": is_refused, "reply": reply.model_dump(mode="json"), "released": released})
        raise typer.Exit(1 if is_refused else 0)
    if isinstance(reply, AnswerRefused):
        what, _, details = refusal(reply).partition(": ")
        raise RefusedError(what, details)
    now = datetime.now(UTC)
    for each in replies:
        case.take(now, each)
    _print_confirmed(case, replies, now)


def _print_confirmed(case: OpenCase, replies: Sequence[Message], now: datetime) -> None:
    to_do, due = case.next
    by = f" by {output.local(due)} ({output.time_left(due, now)})" if due else ""
    output.say(f"confirmed: {case.need_id[:SHORT]} is {case.condition}" + (f"; next: {to_do}{by}" if to_do else ""))
    for each in replies:
        match each:
            case ContactReleased():
                fields = " ".join(name.value for name in each.fields)
                output.say(f"released to you: {fields}; `referrals inbox --show-contacts` shows it")
            case CheckInCounted():
                output.say(f"{each.left} more check-ins possible")
