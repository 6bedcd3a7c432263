"""A command for each answer that a provider can give to an offer, and for saying that recalled data is deleted."""

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
    ProviderInputRefused,
    RecallAcknowledged,
)
from contracts.words import Answer, DecidedBy, DeclineCode, Document, NotDeliveredCode
from services.chassis.ingress.validation_errors import problems_of
from services.chassis.ports import Partition

from ..shared import output
from ..shared.client import Client, OutgoingMessage
from ..shared.errors import RefusedError
from ..shared.identity import PROVIDER
from .answer_log import remember
from .cases import Inbox, OpenCase, refusal

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
    Answer.ACKNOWLEDGED: "Say that an offer is being looked at, so that its first clock stops.",
    Answer.ACCEPTED: "Take an offer. What consent allows is released to you then: `inbox --show-contacts`.",
    Answer.CHECK_IN: "Say that you are at work on it and need more time: sets the running clock anew, twice at most.",
    Answer.APPOINTMENT_KEPT: "Say that the person came.",
    Answer.NO_SHOW: "Say that the person did not come; another appointment may follow.",
    Answer.IN_PROGRESS: "Say that help has begun.",
    Answer.DELIVERED: "Say that help was given. It ends the need.",
    Answer.PARTLY_DELIVERED: "Say that some of it was given. It ends the need.",
}
"""Of those that need nothing but the offer."""

Id = Annotated[str, typer.Argument(metavar="OFFER", help="The start of its id, as the inbox has it; 4 or more of it.")]
Note = Annotated[str | None, typer.Option(help="For the case; sealed, and read by nobody on the way.")]
Number = Annotated[str | None, typer.Option("--reference", help="Your own number for the case.")]
By = Annotated[DecidedBy, typer.Option(help="Whose decision it was.")]
Wait = Annotated[float, typer.Option(min=0, help="Seconds to wait for a refusal; an answer that counts has no reply.")]
At = Annotated[
    datetime,
    typer.Option(
        help="When, with a zone, such as 2026-11-30T10:00+01:00.", parser=datetime.fromisoformat, metavar="TIME"
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
        said = {"provider_reference": reference, "note": note, "by": by}
        _answer(context, offer, answer, said, wait, as_json)

    command.__doc__ = HELP[answer] + "\n\nExit status 1 if the answer is refused, with what could be answered instead."
    return command


def timed(answer: Answer) -> Callable[..., None]:
    """The command for an appointment."""

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
        said = {"appointment_at": at, "provider_reference": reference, "note": note, "by": by}
        _answer(context, offer, answer, said, wait, as_json)

    what = "Propose" if answer is Answer.APPOINTMENT_PROPOSED else "Move"
    command.__doc__ = f"{what} an appointment: the agency is told when it is.\n\nExit status 1 if it is refused."
    return command


def decline(
    context: typer.Context,
    offer: Id,
    code: Annotated[DeclineCode, typer.Option(help="Why; what comes next goes by it.")],
    missing: Annotated[list[Document] | None, typer.Option(help="With missing-documents: which; repeatable.")] = None,
    reference: Number = None,
    note: Note = None,
    by: By = DecidedBy.PROVIDER,
    wait: Wait = _WAIT,
    as_json: output.Json = False,
) -> None:
    """Leave an offer to others. After no-capacity nobody is sent until `referrals capacity` says that there are places.

    Exit status 1 if the answer is refused, with what could be answered instead.
    """
    said = {"code": code, "missing": missing or [], "provider_reference": reference, "note": note, "by": by}
    _answer(context, offer, Answer.DECLINED, said, wait, as_json)


def not_delivered(
    context: typer.Context,
    offer: Id,
    code: Annotated[NotDeliveredCode, typer.Option(help="Why; with lack-of-resources the need goes on to others.")],
    reference: Number = None,
    note: Note = None,
    by: By = DecidedBy.PROVIDER,
    wait: Wait = _WAIT,
    as_json: output.Json = False,
) -> None:
    """Say that what was accepted was not given, and why.

    Exit status 1 if the answer is refused, with what could be answered instead.
    """
    said = {"code": code, "provider_reference": reference, "note": note, "by": by}
    _answer(context, offer, Answer.NOT_DELIVERED, said, wait, as_json)


def deleted(
    context: typer.Context,
    offer: Id,
    recall: Annotated[int | None, typer.Option(min=1, help="Only this recall, by its number; else all of it.")] = None,
    as_json: output.Json = False,
) -> None:
    """Say that what a recall names is deleted, in every copy. Exit status 1 if nothing of the offer is recalled."""
    client = Client(context.obj.identity(PROVIDER))
    case, _ = _case(client, offer)
    told = [each for number, (_, each) in sorted(case.recalls.items()) if recall in (None, number)]
    if not told:
        raise RefusedError(f"nothing of {offer} is recalled", "`referrals inbox` says so where it is")
    for each in told:
        body = RecallAcknowledged(
            referral_id=each.referral_id, need=each.need, attempt=each.attempt, recall=each.recall
        )
        client.send(topics.responses(client.who.id), OutgoingMessage(str(uuid.uuid4()), each.referral_id, body))
    numbers = [each.recall for each in told]
    if as_json:
        output.as_json({"need_id": case.need_id, "deleted": numbers})
    else:
        output.say(f"said: deleted, of recall {', '.join(map(str, numbers))}")


def _case(client: Client, start: str) -> tuple[OpenCase, dict[Partition, int]]:
    """The case that is meant, and from where on what is told is news."""
    topic, known = topics.notifications(client.who.id), Inbox()
    ends = client.ends(topic)
    for found in client.told(topic):
        if found is not None:
            known.take(*found)
    return known.find(start), ends


def _answer(
    context: typer.Context, offer: str, answer: Answer, said: Mapping[str, Any], wait: float, as_json: bool
) -> None:
    client = Client(context.obj.identity(PROVIDER))
    case, ends = _case(client, offer)
    about = case.offer or next((message for _, message in case.released), None)
    if about is None:
        raise RefusedError(
            f"the offer {offer} is not there any more", "notifications are kept for a week; ask the operator"
        )
    given = {name: value for name, value in said.items() if value not in (None, [])}
    try:
        body = Answered(referral_id=about.referral_id, need=about.need, attempt=case.attempt, answer=answer, **given)
    except ValidationError as error:
        told = "; ".join(f"{each.field} {each.fix}" for each in problems_of(error))
        raise RefusedError("it was not sent", told) from None
    client.send(topics.responses(client.who.id), OutgoingMessage(str(uuid.uuid4()), about.referral_id, body))
    reply = _reply(client, case, answer, ends, wait)
    if not isinstance(reply, AnswerRefused | ProviderInputRefused):
        remember(client.who, case.need_id, case.attempt, answer)
    _tell(case, answer, reply, as_json)


def _reply(
    client: Client, case: OpenCase, answer: Answer, start: Mapping[Partition, int], wait: float
) -> Message | None:
    """What is told of it in time, if anything is: a refusal, a clock that was set anew, a contact."""
    deadline = time.monotonic() + wait
    for found in client.told(topics.notifications(client.who.id), start, follow=wait):
        message = found and found[1]
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


def _tell(case: OpenCase, answer: Answer, reply: Message | None, as_json: bool) -> None:
    if isinstance(reply, ProviderInputRefused):
        raise RefusedError("it is refused", "; ".join(f"{each.field} {each.fix}" for each in reply.problems))
    if as_json:
        refused = isinstance(reply, AnswerRefused)
        told = reply.model_dump(mode="json", exclude={"sealed"}) if reply else None
        ids = {"need_id": case.need_id, "attempt": case.attempt, "answer": answer.value}
        output.as_json({**ids, "refused": refused, "reply": told})
        raise typer.Exit(1 if refused else 0)
    if isinstance(reply, AnswerRefused):
        what, _, where = refusal(reply).partition(": ")
        raise RefusedError(what, where)
    output.say(f"sent: {case.need_id[:8]} {answer.value}")
    if isinstance(reply, ContactReleased):
        fields = " ".join(each.value for each in reply.fields)
        output.say(f"released to you: {fields}; `referrals inbox --show-contacts` opens it")
    if isinstance(reply, CheckInCounted):
        output.say(
            f"the clock to {reply.clock.value} runs until {output.when(reply.due_at)} UTC; {reply.left} more possible"
        )
