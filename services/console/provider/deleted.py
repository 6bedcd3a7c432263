"""`referrals deleted`: confirms that recalled data was deleted; and how a command finds the case of an offer."""

import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Annotated

import typer

from contracts import topics
from contracts.provider import ProviderInputRefused, RecallAcknowledged, RecallClosed
from services.chassis.ports import Partition

from ..shared import output
from ..shared.client import Client
from ..shared.errors import RefusedError
from ..shared.identity import PROVIDER
from ..shared.records import OutgoingMessage
from .cases import Inbox, OpenCase
from .replies import DEFAULT_WAIT, NoWait, Wait, not_confirmed, refused

OfferId = Annotated[
    str, typer.Argument(metavar="OFFER", help="The first characters of its id, as in the inbox; at least 4.")
]


def deleted(
    context: typer.Context,
    offer: OfferId,
    recall: Annotated[
        int | None, typer.Option(min=1, help="Only the recall with this number. Default: all of them.")
    ] = None,
    wait: Wait = DEFAULT_WAIT,
    no_wait: NoWait = False,
    as_json: output.Json = False,
) -> None:
    """Confirm that recalled data is deleted, in every copy. Exit status 1 if there is nothing to delete."""
    client = Client(context.obj.identity(PROVIDER))
    case, ends = find_case(client, offer)
    recalls = [each for each in case.to_delete if recall in (None, each.recall)]
    if not recalls:
        what = "its deletion is confirmed already" if case.recalls else "nothing was recalled"
        raise RefusedError(f"{offer}: {what}", "`referrals inbox` shows which cases are recalled")
    for each in recalls:
        body = RecallAcknowledged(
            referral_id=each.referral_id, need=each.need, attempt=each.attempt, recall=each.recall
        )
        client.send(topics.responses(client.who.id), OutgoingMessage(str(uuid.uuid4()), each.referral_id, body))
    numbers = [each.recall for each in recalls]
    if not no_wait:
        _wait_for_confirmation(client, case, numbers, ends, wait)
    if as_json:
        output.as_json({"need_id": case.need_id, "deleted": numbers, "confirmed": not no_wait})
    else:
        sent = "sent, not waited for" if no_wait else "confirmed"
        output.say(f"{sent}: deletion for recall {', '.join(map(str, numbers))}")


def _wait_for_confirmation(
    client: Client, case: OpenCase, numbers: Sequence[int], start: Mapping[Partition, int], wait: float
) -> None:
    """Wait until each recall is closed. Raises `RefusedError`, or `UnreachableError` when it takes too long."""
    missing, deadline = set(numbers), time.monotonic() + wait
    for event in client.messages(topics.notifications(client.who.id), start, follow=None):
        match event and event[1]:
            case RecallClosed() as closed if (closed.need_id, closed.attempt) == (case.need_id, case.attempt):
                missing.discard(closed.recall)
            case ProviderInputRefused() as reply if reply.sent == RecallAcknowledged.TYPE:
                raise refused("the confirmation", reply)
        if not missing:
            return
        if time.monotonic() > deadline:
            raise not_confirmed("the confirmation", wait)


def find_case(client: Client, start: str) -> tuple[OpenCase, dict[Partition, int]]:
    """The case whose id begins with `start`, and the present ends of the notifications, from where replies are read."""
    topic, inbox = topics.notifications(client.who.id), Inbox()
    ends = client.ends(topic)
    for event in client.messages(topic):
        if event is not None:
            inbox.take(*event)
    return inbox.find(start), ends
