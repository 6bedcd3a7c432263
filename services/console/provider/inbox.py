"""`referrals inbox`: offers, their state and, with the private key, the contact data that was released."""

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
from ..shared.settings import read_key
from .cases import COLUMNS, Inbox, OpenCase
from .lines import line


def inbox(
    context: typer.Context,
    follow: Annotated[
        bool, typer.Option("--follow", help="Keep running and print each notification, until Ctrl-C.")
    ] = False,
    all_: Annotated[bool, typer.Option("--all", help="Include what is done: closed, declined, delivered.")] = False,
    contacts: Annotated[
        bool,
        typer.Option(
            "--show-contacts", help="Decrypt and show the contact data that was released, with the private key."
        ),
    ] = False,
    key: Annotated[
        str,
        typer.Option(
            envvar="REFERRALS_PRIVATE_KEY",
            help="The private key, best as @file. Default: PRIVATE_KEY in the login file.",
        ),
    ] = "",
    as_json: output.Json = False,
) -> None:
    """Show what needs you: each offer with what to do next, by when, and how much time is left.

    Use the first characters of an offer's id to answer it, as in `referrals accept OFFER`. Recalled data is not shown
    any more. With --json and --follow each line is one event.
    """
    who = context.obj.identity(PROVIDER)
    private_key = _private_key(who, key) if contacts else ""
    if contacts:
        output.warn("This contains personal data: show it only to people who need it, and keep no copy.")
    client, known, live = Client(who), Inbox(), False
    with suppress(KeyboardInterrupt):  # how --follow ends
        for event in client.messages(topics.notifications(who.id), follow=None if follow else 0):
            if event is None:
                if not live:
                    _print_inbox(known, all_, private_key, as_json, follow)
                live = True
            elif known.take(*event) and (live or (as_json and follow)):
                _print_event(*event, known, private_key, as_json)


def _private_key(who: Identity, option: str) -> str:
    if not (key := option or who.private_key):
        raise UserError("the private key is missing", "give --key @FILE, or put PRIVATE_KEY into the login file")
    return read_key(key, "the private key")


def _print_inbox(known: Inbox, all_: bool, key: str, as_json: bool, follow: bool) -> None:
    """Print everything up to now."""
    if as_json and follow:
        return
    now = datetime.now(UTC)
    cases = [*(known.cases.values() if all_ else known.open())]
    if as_json:
        refused = [{"type": each.TYPE, "data": each.model_dump(mode="json")} for _, each in known.refused]
        offers = [{**case.document(), **({"contact": decrypted(case, key)} if key else {})} for case in cases]
        output.as_json({"offers": offers, "refused": refused})
        return
    output.table(COLUMNS, [case.row(now) for case in cases])
    for case in cases:
        _print_contact(case, key)
    for event, message in known.refused:
        output.warn(line(event, message))
    waiting = sum(case.undecided for case in cases)
    output.say(f"{len(cases)} offers, {waiting} to decide")


def decrypted(case: OpenCase, key: str) -> dict[str, Any] | None:
    """The released contact data; None, with a warning, when it was encrypted to another key."""
    try:
        return case.contact(key)
    except UnsealableError:
        output.warn(f"{case.need_id} was encrypted to another key: use the private key from before it was rotated")
        return None


def _print_contact(case: OpenCase, key: str) -> None:
    if not (key and case.released):
        return
    for name, value in (decrypted(case, key) or {}).items():
        output.say(f"{case.need_id[:8]}  {name}: {_plain(value)}")


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(inner)}" for name, inner in value.items() if inner is not None)
    return "; ".join(map(_plain, value)) if isinstance(value, list) else str(value)


def _print_event(event: CloudEvent, message: Message, known: Inbox, key: str, as_json: bool) -> None:
    case = known.cases.get((getattr(message, "need_id", ""), getattr(message, "attempt", 0)))
    released = case if key and case and isinstance(message, ContactReleased) else None
    if as_json:
        data = {"id": event.id, "type": message.TYPE, "time": event.time.isoformat()}
        contact = {"contact": decrypted(released, key)} if released else {}
        output.as_json({**data, "data": message.model_dump(mode="json"), **contact})
        return
    output.say(line(event, message))
    if released:
        _print_contact(released, key)
