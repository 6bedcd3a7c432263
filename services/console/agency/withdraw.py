"""`referrals withdraw`: a referral, or some of its needs, is not wanted any more."""

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
    """Why it is withdrawn, as contracts/agency.py has it."""

    RESOLVED = "resolved"
    PERSON_REQUEST = "person-request"
    MISTAKE = "mistake"
    MOVED_AWAY = "moved-away"
    OTHER = "other"


def withdraw(
    context: typer.Context,
    reference: Annotated[str, typer.Argument(metavar="REFERENCE", help="Your own number of the referral.")],
    need: Annotated[list[str] | None, typer.Option("--need", help="Only this need, by its label; repeatable.")] = None,
    reason: Annotated[WithdrawalReason, typer.Option(help="Why.")] = WithdrawalReason.OTHER,
    as_json: output.Json = False,
) -> None:
    """End a referral or some of its needs: offers are taken back and what was released is recalled."""
    who = context.obj.identity(AGENCY)
    body = checked(ReferralWithdrawn, reference=reference, needs=need or [], reason=reason.value)
    topic = topics.referrals(who.id)
    event = outgoing(topic, reference, body)
    Client(who).send(topic, event)
    if as_json:
        output.as_json({"sent": body.TYPE, "id": event.id, "reference": reference})
    else:
        output.say(f"sent: {reference} is withdrawn; `referrals status {reference}` says when it has taken effect")


def checked(model: type[ReferralWithdrawn], **said: Any) -> ReferralWithdrawn:
    """The message, or `RefusedError` with what is wrong, as intake would."""
    try:
        return model.model_validate(said)
    except ValidationError as error:
        problems = problems_of(error)
        told = "; ".join(f"{each.field} {each.fix}" for each in problems)
        raise RefusedError("it was not sent", told) from None
