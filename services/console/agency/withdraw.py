"""`referrals withdraw`: a referral, or some of its needs, is not wanted any more."""

from enum import StrEnum
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from contracts import topics
from contracts.agency import Withdrawn
from services.chassis.problems import problems_of

from .. import show
from ..client import Client
from ..identity import AGENCY
from ..trouble import Refused
from .sent import outgoing


class Reason(StrEnum):
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
    reason: Annotated[Reason, typer.Option(help="Why.")] = Reason.OTHER,
    as_json: show.Json = False,
) -> None:
    """End a referral or some of its needs: offers are taken back and what was released is recalled."""
    who = context.obj.identity(AGENCY)
    body = checked(Withdrawn, reference=reference, needs=need or [], reason=reason.value)
    topic = topics.referrals(who.id)
    event = outgoing(topic, reference, body)
    Client(who).send(topic, event)
    if as_json:
        show.as_json({"sent": body.TYPE, "id": event.id, "reference": reference})
    else:
        show.say(f"sent: {reference} is withdrawn; `referrals status {reference}` says when it has taken effect")


def checked(model: type[Withdrawn], **said: Any) -> Withdrawn:
    """The message, or `Refused` with what is wrong, as intake would."""
    try:
        return model.model_validate(said)
    except ValidationError as error:
        problems = problems_of(error)
        told = "; ".join(f"{each.field} {each.fix}" for each in problems)
        raise Refused("it was not sent", told) from None
