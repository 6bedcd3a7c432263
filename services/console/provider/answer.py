"""The commands that answer an offer: one for each possible answer."""

import time
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from contracts import topics
from contracts.base import Message
from contracts.provider import (
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
from .answer_log import remember
from .cases import OpenCase, refusal
from .deleted import OfferId as Id
from .deleted import find_case

COMMANDS = {
    Answer.ACKNOWLEDGED: "acknowledge",
    Answer.ACCEPTED: "accept",
    Answer.DECLINED: "decline",
    Answer.CHECK_IN: "check-in",
    Answer.APPOINTMENT_PROPOSED: "appointment",
    Answer.APPOINTMENT_MOVED: "move-appointment",
    Answer.APPOINTMENT_KEPT: "appointment-kept",
    Answer.NO_SHOW: "no-show",
    Answer.IN_PROGRESS: "start",
    Answer.DELIVERED: "deliver",
    Answer.PARTLY_DELIVERED: "deliver-partly",
    Answer.NOT_DELIVERED: "not-delivered",
}
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
Wait = Annotated[float, typer.Option(min=0, help="Seconds to wait for a refusal; a valid answer gets no reply.")]
At = Annotated[
    datetime,
    typer.Option(
        help="Date and time with its time zone, such as 2026-11-30T10:00+01:00.",
        parser=datetime.fromisoformat,
        metavar="TIME",
    ),
]
_WAIT = 3.0


def simple(answer: Answer) -> Callable[..., None]:
    """The command for an answer that needs nothing but the offer."""

    def command(
        context: typer.Context,
        offer: Id,
        reference: Number = None,
        note: Note = None,
        by: By = DecidedBy.PROVIDER,
        wait: Wait = _WAIT,
        as_json: output.Json = False,
    ) -> None:
        fields = {"provider_reference": reference, "note": note, "by": by}
        _answer(context, offer, answer, fields, wait, as_json)

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
        wait: Wait = _WAIT,
        as_json: output.Json = False,
    ) -> None:
        fields = {"appointment_at": at, "provider_reference": reference, "note": note, "by": by}
        _answer(context, offer, answer, fields, wait, as_json)

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
    wait: Wait = _WAIT,
    as_json: output.Json = False,
) -> None:
    """Decline an offer. After no-capacity you get no more offers until you report places with `referrals capacity`.

    Exit status 1 if the answer is refused; the message lists the possible answers.
    """
    fields = {"code": code, "missing": missing or [], "provider_reference": reference, "note": note, "by": by}
    _answer(context, offer, Answer.DECLINED, fields, wait, as_json)


def not_delivered(
    context: typer.Context,
    offer: Id,
    code: Annotated[
        NotDeliveredCode, typer.Option(help="The reason; after lack-of-resources the need is offered to others.")
    ],
    reference: Number = None,
    note: Note = None,
    by: By = DecidedBy.PROVIDER,
    wait: Wait = _WAIT,
    as_json: output.Json = False,
) -> None:
    """Report that the help you accepted to give was not given, and why.

    Exit status 1 if the answer is refused; the message lists the possible answers.
    """
    fields = {"code": code, "provider_reference": reference, "note": note, "by": by}
    _answer(context, offer, Answer.NOT_DELIVERED, fields, wait, as_json)


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
    reply = _reply(client, case, answer, ends, wait)
    if not isinstance(reply, AnswerRefused | ProviderInputRefused):
        remember(client.who, case.need_id, case.attempt, answer)
    _report(case, answer, reply, as_json)


def _body(source: Offer | ContactReleased, case: OpenCase, answer: Answer, fields: Mapping[str, Any]) -> Answered:
    """The message to send, without options that were not given. Raises `RefusedError` when it is invalid."""
    given_fields = {name: value for name, value in fields.items() if value not in (None, [])}
    ids = {"referral_id": source.referral_id, "need": source.need, "attempt": case.attempt}
    try:
        return Answered(**ids, answer=answer, **given_fields)
    except ValidationError as error:
        fixes = "; ".join(f"{each.field} {each.fix}" for each in problems_of(error))
        raise RefusedError("it was not sent", fixes) from None


def _reply(
    client: Client, case: OpenCase, answer: Answer, start: Mapping[Partition, int], wait: float
) -> Message | None:
    """The reply that comes in time, if any: a refusal, a deadline that was restarted, or released contact data."""
    deadline = time.monotonic() + wait
    for event in client.messages(topics.notifications(client.who.id), start, follow=wait):
        message = event and event[1]
        same = (getattr(message, "need_id", ""), getattr(message, "attempt", 0)) == (case.need_id, case.attempt)
        match message:
            case AnswerRefused() if same and message.answer is answer:
                return message
            case ProviderInputRefused() if message.sent == Answered.TYPE:
                return message
            case ContactReleased() if same and answer is Answer.ACCEPTED:
                return message
            case CheckInCounted() if same and answer is Answer.CHECK_IN:
                return message
        if time.monotonic() > deadline:
            break
    return None


def _report(case: OpenCase, answer: Answer, reply: Message | None, as_json: bool) -> None:
    if isinstance(reply, ProviderInputRefused):
        raise RefusedError("the answer was refused", "; ".join(f"{each.field} {each.fix}" for each in reply.problems))
    if as_json:
        refused = isinstance(reply, AnswerRefused)
        document = reply.model_dump(mode="json", exclude={"sealed"}) if reply else None
        ids = {"need_id": case.need_id, "attempt": case.attempt, "answer": answer.value}
        output.as_json({**ids, "refused": refused, "reply": document})
        raise typer.Exit(1 if refused else 0)
    if isinstance(reply, AnswerRefused):
        what, _, details = refusal(reply).partition(": ")
        raise RefusedError(what, details)
    output.say(f"sent: {case.need_id[:8]} {answer.value}")
    if isinstance(reply, ContactReleased):
        fields = " ".join(each.value for each in reply.fields)
        output.say(f"released to you: {fields}; `referrals inbox --show-contacts` shows it")
    if isinstance(reply, CheckInCounted):
        deadline = f"{output.when(reply.due_at)} UTC"
        output.say(f"new deadline to {reply.clock.value}: {deadline}; {reply.left} more check-ins possible")
