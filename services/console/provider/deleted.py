"""`referrals deleted`: confirms that recalled data was deleted; and how a command finds the case of an offer."""

import uuid
from typing import Annotated

import typer

from contracts import topics
from contracts.provider import RecallAcknowledged
from services.chassis.ports import Partition

from ..shared import output
from ..shared.client import Client
from ..shared.errors import RefusedError
from ..shared.identity import PROVIDER
from ..shared.records import OutgoingMessage
from .cases import Inbox, OpenCase

OfferId = Annotated[
    str, typer.Argument(metavar="OFFER", help="The first characters of its id, as in the inbox; at least 4.")
]


def deleted(
    context: typer.Context,
    offer: OfferId,
    recall: Annotated[
        int | None, typer.Option(min=1, help="Only the recall with this number. Default: all of them.")
    ] = None,
    as_json: output.Json = False,
) -> None:
    """Confirm that recalled data is deleted, in every copy. Exit status 1 if nothing of the offer was recalled."""
    client = Client(context.obj.identity(PROVIDER))
    case, _ = find_case(client, offer)
    recalls = [each for number, (_, each) in sorted(case.recalls.items()) if recall in (None, number)]
    if not recalls:
        raise RefusedError(f"nothing of {offer} was recalled", "`referrals inbox` shows which cases are recalled")
    for each in recalls:
        body = RecallAcknowledged(
            referral_id=each.referral_id, need=each.need, attempt=each.attempt, recall=each.recall
        )
        client.send(topics.responses(client.who.id), OutgoingMessage(str(uuid.uuid4()), each.referral_id, body))
    numbers = [each.recall for each in recalls]
    if as_json:
        output.as_json({"need_id": case.need_id, "deleted": numbers})
    else:
        output.say(f"sent: deletion confirmed for recall {', '.join(map(str, numbers))}")


def find_case(client: Client, start: str) -> tuple[OpenCase, dict[Partition, int]]:
    """The case whose id begins with `start`, and the present ends of the notifications, from where replies are read."""
    topic, inbox = topics.notifications(client.who.id), Inbox()
    ends = client.ends(topic)
    for event in client.messages(topic):
        if event is not None:
            inbox.take(*event)
    return inbox.find(start), ends
