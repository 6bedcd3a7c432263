"""`referrals recommend`: what somebody could go to, without a name and without a referral."""

import time
import uuid
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from contracts import topics
from contracts.outcomes import AgencyInputRefused, RecommendationAnswered
from contracts.recommendation import RecommendationRequested
from contracts.words import AgeBand, Category, Flag, Sex, Status, Urgency
from services.chassis.ingress.validation_errors import lint_raw_json, problems_of

from ..shared import output
from ..shared.client import Client, OutgoingMessage
from ..shared.errors import RefusedError, UnreachableError
from ..shared.identity import AGENCY
from .status_view import fixes
from .submit import content

COLUMNS = ("NEED", "PROVIDER", "SERVICE", "NAME", "AREAS", "WAIT", "TO ASSESS")


def recommend(
    context: typer.Context,
    file: Annotated[
        str | None, typer.Argument(metavar="[FILE]", help="The question as JSON; else by the options. - reads stdin.")
    ] = None,
    category: Annotated[list[Category] | None, typer.Option(help="What is needed; repeatable.")] = None,
    area: Annotated[str, typer.Option(help="ISO 3166-2 region where the person is, such as PL-06.")] = "",
    age_band: Annotated[AgeBand | None, typer.Option(help="The person's age band.")] = None,
    sex: Annotated[Sex, typer.Option(help="As the person states it.")] = Sex.UNDISCLOSED,
    language: Annotated[list[str] | None, typer.Option(help="ISO 639 code; repeatable.")] = None,
    urgency: Annotated[Urgency, typer.Option(help="How soon help is needed.")] = Urgency.NORMAL,
    status: Annotated[Status | None, typer.Option(help="Residence status, where it matters.")] = None,
    flag: Annotated[list[Flag] | None, typer.Option(help="Vulnerability; repeatable.")] = None,
    household: Annotated[int, typer.Option(min=1, max=30, help="How many, the person included.")] = 1,
    wait: Annotated[float, typer.Option(min=1, help="Seconds to wait for the answer.")] = 30,
    as_json: output.Json = False,
) -> None:
    """Ask what a person could go to. Opens no referral, holds no place, names nobody; by region, not by distance.

    Exit status 1 if there is no service for one of the needs, or the question is refused; 3 if no answer comes in time.
    """
    who = context.obj.identity(AGENCY)
    asked = {
        "reference": f"Q-{uuid.uuid4().hex[:12]}",
        "person": _said(age_band=age_band, sex=sex, languages=language, status=status, flags=flag),
        "household_size": household,
        "location": {"admin1": area},
        "needs": [{"need": each.value, "category": each, "urgency": urgency} for each in category or []],
    }
    body = _question(content(file)) if file else _made(asked)
    client = Client(who)
    told = _answer(client, body, wait)
    if as_json:
        output.as_json(told.model_dump(mode="json"))
    else:
        _tell(told)
    raise typer.Exit(0 if all(each.suggested for each in told.needs) else 1)


def _said(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _made(asked: dict[str, Any]) -> RecommendationRequested:
    try:
        return RecommendationRequested.model_validate(asked)
    except ValidationError as error:
        raise RefusedError("it was not asked", _words(error)) from None


def _question(raw: bytes) -> RecommendationRequested:
    if found := lint_raw_json(raw, RecommendationRequested):
        raise RefusedError("it was not asked", "; ".join(f"{each.field} {each.fix}" for each in found))
    try:
        return RecommendationRequested.read(raw)
    except ValidationError as error:
        raise RefusedError("it was not asked", _words(error)) from None


def _words(error: ValidationError) -> str:
    return "; ".join(f"{each.field} {each.fix}" for each in problems_of(error))


def _answer(client: Client, body: RecommendationRequested, wait: float) -> RecommendationAnswered:
    """Read from before it is asked, so that no answer is missed."""
    mine, told = topics.status(client.who.id), topics.referrals(client.who.id)
    start, deadline = client.ends(mine), time.monotonic() + wait
    client.check(told)
    client.send(told, OutgoingMessage(str(uuid.uuid4()), body.reference, body))
    for found in client.told(mine, start, follow=None):
        match found and found[1]:
            case RecommendationAnswered() as answer if answer.reference == body.reference:
                return answer
            case AgencyInputRefused() as refused if refused.reference == body.reference:
                raise RefusedError("the question is refused", fixes(refused))
        if time.monotonic() > deadline:
            break
    raise UnreachableError(
        f"no answer came in {wait:g} s", "ask again; the operator's `referrals lag` tells what is behind"
    )


def _tell(told: RecommendationAnswered) -> None:
    rows = [
        (
            need.need,
            each.provider,
            each.service,
            each.name,
            " ".join(each.areas),
            each.wait.value,
            " ".join(rule.value for rule in each.needs_assessment),
        )
        for need in told.needs
        for each in need.suggested
    ]
    if rows:
        output.table(COLUMNS, rows)
    for need in told.needs:
        if not need.suggested:
            left = ", ".join(f"{each.left} after {each.rule.value}" for each in need.funnel)
            output.say(f"{need.need}: no service; of those there are, {left or 'none is left'}")
