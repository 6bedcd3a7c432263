"""`referrals withdraw`: a referral, or some of its needs, is no longer wanted."""

from enum import StrEnum
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from contracts import topics
from contracts.agency import ReferralWithdrawn
from services.chassis.ingress.validation_errors import problems_of

from ..shared import output
from ..shared.client import Client
from ..shared.errors import RefusedError
from ..shared.identity import AGENCY
from .importing.progress import outgoing


class WithdrawalReason(StrEnum):
    """Why it is withdrawn, as in contracts/agency.py."""

    RESOLVED = "resolved"
    PERSON_REQUEST = "person-request"
    MISTAKE = "mistake"
    MOVED_AWAY = "moved-away"
    OTHER = "other"


def withdraw(
    context: typer.Context,
    reference: Annotated[str, typer.Argument(metavar="REFERENCE", help="Your reference of the referral.")],
    need: Annotated[
        list[str] | None, typer.Option("--need", help="Withdraw only this need, by its label; repeatable.")
    ] = None,
    reason: Annotated[
        WithdrawalReason, typer.Option(help="Why the help is no longer wanted.")
    ] = WithdrawalReason.OTHER,
    as_json: output.Json = False,
) -> None:
    """Withdraw a referral, or some of its needs. Open offers are cancelled, and providers must delete released data."""
    who = context.obj.identity(AGENCY)
    body = validate(ReferralWithdrawn, reference=reference, needs=need or [], reason=reason.value)
    topic = topics.referrals(who.id)
    event = outgoing(topic, reference, body)
    Client(who).send(topic, event)
    if as_json:
        output.as_json({"sent": body.TYPE, "id": event.id, "reference": reference})
    else:
        output.say(f"sent: withdrawal of {reference}; `referrals status {reference}` shows when it has taken effect")


def validate(model: type[ReferralWithdrawn], **fields: Any) -> ReferralWithdrawn:
    """The message. Raises `RefusedError` with what intake would say about it."""
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        fixes = "; ".join(f"{each.field} {each.fix}" for each in problems_of(error))
        raise RefusedError("it was not sent", fixes) from None
