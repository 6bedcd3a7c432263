"""`referrals status`: where each need stands, by what the agency is told on its own topic."""

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
from .status_view import COLUMNS, LIFE, ReferralOverview, Told, line, row


def status(
    context: typer.Context,
    reference: Annotated[
        str | None, typer.Argument(metavar="REFERENCE", help="Your own number of one referral; else all.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Go on and tell what happens, until Ctrl-C.")] = False,
    open_: Annotated[bool, typer.Option("--open", help="Only needs that have not ended.")] = False,
    texts: Annotated[Language | None, typer.Option("--texts", help="Also in sentences, in this language.")] = None,
    as_json: output.Json = False,
) -> None:
    """Tell where each need stands, who has to do what next, and by when; of one REFERENCE all that was told of it.

    With --json and --follow each line is one event. Exit status 1 if nothing is known of REFERENCE.
    """
    who = context.obj.identity(AGENCY)
    client, topic = Client(who), topics.status(who.id)
    standing, live = ReferralOverview(reference), False
    with suppress(KeyboardInterrupt):  # how following ends
        for found in client.told(topic, follow=None if follow else 0):
            if found is None:
                if not live:
                    _tell(standing, open_, texts, as_json, follow)
                live = True
            elif (told := standing.take(*found)) and live:
                _line(found[0], told, texts, as_json)
    if reference is not None and not standing.told:
        hint = "it may be on its way: try again, or --follow; `referrals status` has all that are known"
        raise RefusedError(f"nothing is known of {reference}", hint)


def _tell(standing: ReferralOverview, open_: bool, texts: Language | None, as_json: bool, follow: bool) -> None:
    """What is known up to now."""
    if as_json and follow:
        for event, told in standing.told:
            output.as_json(document(event, told))
    elif as_json:
        needs = [each for each in standing.needs() if not (open_ and each.state.ended)]
        refused = [each.model_dump(mode="json") for each in standing.refused.values()]
        whole: dict[str, Any] = {"needs": [each.model_dump(mode="json") for each in needs], "refused": refused}
        if standing.reference is not None:
            whole["told"] = [document(event, told) for event, told in standing.told]
        output.as_json(whole)
    elif standing.reference is not None:
        if standing.told:
            output.table(LIFE, [row(event, told) for event, told in standing.told])
        for each in standing.needs():
            _sentences(each, texts)
    else:
        ended = {(each.reference, each.need) for each in standing.needs() if each.state.ended}
        output.table(COLUMNS, [each for each in standing.rows() if not (open_ and each[:2] in ended)])
        output.say(f"{len(standing.newest)} needs, {len(ended)} ended, {len(standing.refused)} referrals refused")


def _line(event: CloudEvent, told: Told, texts: Language | None, as_json: bool) -> None:
    if as_json:
        output.as_json(document(event, told))
        return
    output.say(line(event, told))
    _sentences(told, texts)


def _sentences(told: Told, texts: Language | None) -> None:
    if texts is not None and isinstance(told, StatusChanged) and texts in told.texts:
        output.say(f"  {told.texts[texts]}")


def document(event: CloudEvent, told: Message) -> dict[str, Any]:
    """One event for programs: its attributes and its body."""
    return {"id": event.id, "type": told.TYPE, "time": event.time.isoformat(), "data": told.model_dump(mode="json")}
