"""`referrals status`: where each need stands, from the agency's own status topic."""

from contextlib import suppress
from typing import Annotated, Any

import typer

from contracts import topics
from contracts.base import Message
from contracts.cloudevents import CloudEvent
from contracts.outcomes import StatusChanged

from ..shared import output
from ..shared.client import Client
from ..shared.errors import RefusedError
from ..shared.identity import AGENCY
from ..shared.language import Language
from .status_view import COLUMNS, EVENT_COLUMNS, ReferralOverview, StatusEvent, line, row


def status(
    context: typer.Context,
    reference: Annotated[
        str | None, typer.Argument(metavar="REFERENCE", help="Your reference of one referral. Default: all referrals.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Keep running and print each change, until Ctrl-C.")] = False,
    open_: Annotated[bool, typer.Option("--open", help="Only needs that have not ended.")] = False,
    texts: Annotated[
        Language | None, typer.Option("--texts", help="Add a sentence for each status, in this language.")
    ] = None,
    as_json: output.Json = False,
) -> None:
    """Show where each need stands, who has to act next, and by when; with REFERENCE the whole history of that referral.

    With --json and --follow each line is one event. Exit status 1 if nothing is known about REFERENCE.
    """
    who = context.obj.identity(AGENCY)
    client, topic = Client(who), topics.status(who.id)
    overview, live = ReferralOverview(reference), False
    with suppress(KeyboardInterrupt):  # how --follow ends
        for event in client.messages(topic, follow=None if follow else 0):
            if event is None:
                if not live:
                    _print_overview(overview, open_, texts, as_json, follow)
                live = True
            elif (status_event := overview.take(*event)) and live:
                _print_event(event[0], status_event, texts, as_json)
    if reference is not None and not overview.events:
        hint = "it may not have arrived yet: try again, or use --follow; `referrals status` lists all referrals"
        raise RefusedError(f"nothing is known about {reference}", hint)


def _print_overview(
    overview: ReferralOverview, open_: bool, texts: Language | None, as_json: bool, follow: bool
) -> None:
    """Print everything up to now."""
    if as_json and follow:
        for event, status_event in overview.events:
            output.as_json(document(event, status_event))
    elif as_json:
        output.as_json(_overview_document(overview, open_))
    elif overview.reference is not None:
        if overview.events:
            output.table(EVENT_COLUMNS, [row(event, status_event) for event, status_event in overview.events])
        for each in overview.needs():
            _print_sentence(each, texts)
    else:
        ended = {(each.reference, each.need) for each in overview.needs() if each.state.ended}
        output.table(COLUMNS, [each for each in overview.rows() if not (open_ and each[:2] in ended)])
        output.say(f"{len(overview.newest)} needs, {len(ended)} ended, {len(overview.refused)} referrals refused")


def _overview_document(overview: ReferralOverview, open_: bool) -> dict[str, Any]:
    needs = [each for each in overview.needs() if not (open_ and each.state.ended)]
    document_: dict[str, Any] = {
        "needs": [each.model_dump(mode="json") for each in needs],
        "refused": [each.model_dump(mode="json") for each in overview.refused.values()],
    }
    if overview.reference is not None:
        document_["told"] = [document(event, status_event) for event, status_event in overview.events]
    return document_


def _print_event(event: CloudEvent, status_event: StatusEvent, texts: Language | None, as_json: bool) -> None:
    if as_json:
        output.as_json(document(event, status_event))
        return
    output.say(line(event, status_event))
    _print_sentence(status_event, texts)


def _print_sentence(status_event: StatusEvent, texts: Language | None) -> None:
    if texts is not None and isinstance(status_event, StatusChanged) and texts in status_event.texts:
        output.say(f"  {status_event.texts[texts]}")


def document(event: CloudEvent, message: Message) -> dict[str, Any]:
    """One event as JSON: its attributes and its body."""
    data = message.model_dump(mode="json")
    return {"id": event.id, "type": message.TYPE, "time": event.time.isoformat(), "data": data}
