"""`referrals inbox`: what is offered, what became of it, and with the private key what was released."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from contracts import topics
from contracts.base import Message
from contracts.cloudevents import CloudEvent
from contracts.provider import ContactReleased
from services.chassis.encryption import UnsealableError

from ..shared import output
from ..shared.client import Client
from ..shared.errors import UserError
from ..shared.identity import PROVIDER, Identity
from ..shared.settings import opening_key
from .answer_log import answers
from .cases import COLUMNS, Inbox, OpenCase, line


def inbox(
    context: typer.Context,
    follow: Annotated[bool, typer.Option("--follow", help="Go on and tell what comes, until Ctrl-C.")] = False,
    all_: Annotated[bool, typer.Option("--all", help="Also what is closed.")] = False,
    contacts: Annotated[
        bool, typer.Option("--show-contacts", help="Open what was released of people, with the private key.")
    ] = False,
    key: Annotated[
        str,
        typer.Option(envvar="REFERRALS_PRIVATE_KEY", help="That key, best as @file; else PRIVATE_KEY of the login."),
    ] = "",
    as_json: output.Json = False,
) -> None:
    """Tell what is offered to you, until when it wants an answer, and what was released to you.

    An offer has no name; `referrals accept OFFER` takes it by the start of its id. What was recalled is shown no more.
    With --json and --follow each line is one event.
    """
    who = context.obj.identity(PROVIDER)
    key_ = _key(who, key) if contacts else ""
    if contacts:
        output.warn("This holds personal data: show it to nobody who need not see it, and keep no copy.")
    client, known, live = Client(who), Inbox(), False
    with suppress(KeyboardInterrupt):  # how following ends
        for found in client.told(topics.notifications(who.id), follow=None if follow else 0):
            if found is None:
                if not live:
                    _tell(who, known, all_, key_, as_json, follow)
                live = True
            elif known.take(*found) and (live or (as_json and follow)):
                _line(*found, known, key_, as_json)


def _key(who: Identity, key: str) -> str:
    if not (said := key or who.private_key):
        raise UserError("there is no private key", "give --key @FILE, or PRIVATE_KEY in the file of --login")
    return opening_key(said, "the private key")


def _tell(who: Identity, known: Inbox, all_: bool, key: str, as_json: bool, follow: bool) -> None:
    """What is known up to now."""
    if as_json and follow:
        return
    now = datetime.now(UTC)
    noted(who, known)
    cases = [*(known.cases.values() if all_ else known.open())]
    if as_json:
        refused = [{"type": each.TYPE, "data": each.model_dump(mode="json")} for _, each in known.refused]
        offers = [{**case.document(now), **({"contact": opened(case, key)} if key else {})} for case in cases]
        output.as_json({"offers": offers, "refused": refused})
        return
    output.table(COLUMNS, [case.row(now) for case in cases])
    for case in cases:
        _contact(case, key)
    for event, message in known.refused:
        output.warn(line(event, message))
    waiting = sum(case.state(now) == "to decide" for case in cases)
    output.say(f"{len(cases)} offers, {waiting} to decide")


def noted(who: Identity, known: Inbox) -> None:
    """What was answered from here, where nothing newer is known of it."""
    for need_id, attempt, answer in answers(who):
        case = known.cases.get((need_id, attempt))
        if case is not None:
            case.answered = answer.value


def opened(case: OpenCase, key: str) -> dict[str, Any] | None:
    """What may be known of the person; None where the key is another than it was sealed to."""
    try:
        return case.contact(key)
    except UnsealableError:
        output.warn(f"{case.need_id}: sealed to another key than this one; was it changed since?")
        return None


def _contact(case: OpenCase, key: str) -> None:
    for name, value in (opened(case, key) or {}).items() if key and case.released else ():
        output.say(f"{case.need_id[:8]}  {name}: {_plain(value)}")


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(inner)}" for name, inner in value.items() if inner is not None)
    return "; ".join(map(_plain, value)) if isinstance(value, list) else str(value)


def _line(event: CloudEvent, message: Message, known: Inbox, key: str, as_json: bool) -> None:
    case = known.cases.get((getattr(message, "need_id", ""), getattr(message, "attempt", 0)))
    released = case if key and case and isinstance(message, ContactReleased) else None
    if as_json:
        data = {"id": event.id, "type": message.TYPE, "time": event.time.isoformat()}
        contact = {"contact": opened(released, key)} if released else {}
        output.as_json({**data, "data": message.model_dump(mode="json"), **contact})
        return
    output.say(line(event, message))
    if released:
        _contact(released, key)
