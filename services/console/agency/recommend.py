"""`referrals recommend`: which services a person could go to, without a name and without a referral."""

import time
import uuid
from collections.abc import Iterable
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from contracts import topics
from contracts.outcomes import AgencyInputRefused, RecommendationAnswered
from contracts.profiles import Problem
from contracts.recommendation import RecommendationRequested
from contracts.words import AgeBand, Category, Flag, Sex, Status, Urgency
from services.chassis.ingress.validation_errors import lint_raw_json, problems_of

from ..shared import output
from ..shared.client import Client
from ..shared.errors import RefusedError, UnreachableError
from ..shared.identity import AGENCY
from ..shared.records import OutgoingMessage
from .status_view import fixes
from .submit import content

COLUMNS = ("NEED", "PROVIDER", "SERVICE", "NAME", "AREAS", "WAIT", "TO ASSESS")


def recommend(
    context: typer.Context,
    file: Annotated[
        str | None, typer.Argument(metavar="[FILE]", help="The question as JSON, instead of options. - reads stdin.")
    ] = None,
    category: Annotated[list[Category] | None, typer.Option(help="What is needed; repeatable.")] = None,
    area: Annotated[str, typer.Option(help="ISO 3166-2 region where the person is, such as PL-06.")] = "",
    age_band: Annotated[AgeBand | None, typer.Option(help="The person's age band.")] = None,
    sex: Annotated[Sex, typer.Option(help="The person's sex, as stated by the person.")] = Sex.UNDISCLOSED,
    language: Annotated[
        list[str] | None, typer.Option(help="A language the person speaks, as ISO 639 code; repeatable.")
    ] = None,
    urgency: Annotated[Urgency, typer.Option(help="How soon help is needed.")] = Urgency.NORMAL,
    status: Annotated[Status | None, typer.Option(help="Residence status, where it matters.")] = None,
    flag: Annotated[list[Flag] | None, typer.Option(help="A vulnerability of the person; repeatable.")] = None,
    household: Annotated[int, typer.Option(min=1, max=30, help="Number of people, including the person.")] = 1,
    wait: Annotated[float, typer.Option(min=1, help="Seconds to wait for the answer.")] = 30,
    as_json: output.Json = False,
) -> None:
    """Ask which services a person could go to. Creates no referral, reserves no place and needs no name.

    Services are matched by region, not by distance. Exit status 1 if a need has no service or the question is refused,
    3 if no answer comes in time.
    """
    who = context.obj.identity(AGENCY)
    if file:
        request = _request_from_json(content(file))
    else:
        person = _without_none(age_band=age_band, sex=sex, languages=language, status=status, flags=flag)
        request = _request_from_options(
            {
                "reference": f"Q-{uuid.uuid4().hex[:12]}",
                "person": person,
                "household_size": household,
                "location": {"admin1": area},
                "needs": [{"need": each.value, "category": each, "urgency": urgency} for each in category or []],
            }
        )
    answer = _ask(Client(who), request, wait)
    if as_json:
        output.as_json(answer.model_dump(mode="json"))
    else:
        _print(answer)
    raise typer.Exit(0 if all(each.suggested for each in answer.needs) else 1)


def _without_none(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _request_from_options(fields: dict[str, Any]) -> RecommendationRequested:
    try:
        return RecommendationRequested.model_validate(fields)
    except ValidationError as error:
        raise _invalid(problems_of(error, RecommendationRequested)) from None


def _request_from_json(raw: bytes) -> RecommendationRequested:
    if problems := lint_raw_json(raw, RecommendationRequested):
        raise _invalid(problems)
    try:
        return RecommendationRequested.read(raw)
    except ValidationError as error:
        raise _invalid(problems_of(error, RecommendationRequested)) from None


def _invalid(problems: Iterable[Problem]) -> RefusedError:
    return RefusedError("the question was not sent", "; ".join(f"{each.field} {each.fix}" for each in problems))


def _ask(client: Client, request: RecommendationRequested, wait: float) -> RecommendationAnswered:
    """Send the question and wait for its answer, reading from before the question so that no answer is missed."""
    answers, questions = topics.status(client.who.id), topics.referrals(client.who.id)
    start, deadline = client.ends(answers), time.monotonic() + wait
    client.check(questions)
    client.send(questions, OutgoingMessage(str(uuid.uuid4()), request.reference, request))
    for event in client.messages(answers, start, follow=None):
        match event and event[1]:
            case RecommendationAnswered() as answer if answer.reference == request.reference:
                return answer
            case AgencyInputRefused() as refused if refused.reference == request.reference:
                raise RefusedError("the question was refused", fixes(refused))
        if time.monotonic() > deadline:
            break
    hint = "try again; the operator can see with `referrals lag` which service is behind"
    raise UnreachableError(f"no answer came within {wait:g} s", hint)


def _print(answer: RecommendationAnswered) -> None:
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
        for need in answer.needs
        for each in need.suggested
    ]
    if rows:
        output.table(COLUMNS, rows)
    for need in answer.needs:
        if not need.suggested:
            steps = ", ".join(f"{each.left} left after {each.rule.value}" for each in need.funnel)
            output.say(f"{need.need}: no service fits" + (f" ({steps})" if steps else ""))
