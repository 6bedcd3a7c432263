"""One notification as a line, and why an answer was refused. Pure."""

from contracts.base import Message
from contracts.cloudevents import CloudEvent
from contracts.provider import (
    AnswerConfirmed,
    AnswerRefused,
    CheckInCounted,
    ContactReleased,
    EntryRefused,
    Offer,
    OfferClosed,
    ProviderInputRefused,
    Recall,
    RecallClosed,
    Reminder,
)
from contracts.words import Answer

from ..shared import output
from .cases import ABOUT_AN_OFFER, SHORT

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
"""The command that gives each answer."""


def line(event: CloudEvent, message: Message) -> str:
    """One notification as a line, for --follow. Times are local."""
    when = output.local(event.time)
    if isinstance(message, EntryRefused | ProviderInputRefused):
        what = message.entry if isinstance(message, EntryRefused) else message.sent
        return f"{when}  refused  {what}  " + "; ".join(f"{each.field} {each.fix}" for each in message.problems)
    if not isinstance(message, ABOUT_AN_OFFER):
        return f"{when}  {message.TYPE}"
    kind = message.TYPE.removeprefix("provider.").rpartition(".")[0]
    return "  ".join([when, message.need_id[:SHORT], kind, *_details(message)])


def _details(message: Message) -> list[str]:
    match message:
        case Offer():
            by = output.local(min(message.acknowledge_by, message.decide_by))
            kind = [message.category.value, message.urgency.value, message.region.admin1, message.service]
            return [*kind, f"acknowledge by {by}", f"decide by {output.local(message.decide_by)}"]
        case AnswerConfirmed():
            due = [f"{message.clock.value} by {output.local(message.due_at)}"] if message.clock else []
            return [f"{message.answer.value} by the {message.by.value}", f"now {message.state.value}", *due]
        case OfferClosed():
            return [message.reason]
        case AnswerRefused():
            return [refusal(message)]
        case Reminder() | CheckInCounted():
            return [message.clock.value, f"by {output.local(message.due_at)}"]
        case ContactReleased():
            return [" ".join(name.value for name in message.fields)]
        case Recall():
            fields = " ".join(name.value for name in message.fields)
            return [f"delete {fields}", f"by {output.local(message.acknowledge_by)}"]
        case RecallClosed():
            return [f"deletion confirmed for recall {message.recall}"]
        case _:
            return []


def refusal(message: AnswerRefused) -> str:
    """Why an answer was refused, and which commands are possible now."""
    possible = ", ".join(COMMANDS[each] for each in message.allowed) or "none"
    refused = f"{COMMANDS[message.answer]} was refused ({message.reason.value})"
    return f"{refused}: the offer is {message.state}; possible now: {possible}"
