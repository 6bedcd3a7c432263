"""`referrals timeline` and `explain`: what happened to a referral (from outcomes), and why (from matching)."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from deploy.cluster import service_client

from ..shared import output
from ..shared.errors import UserError
from ..shared.language import Language
from ..shared.settings import Settings

In = Annotated[Language, typer.Option("--language", help="The language of the explanations.")]
COLUMNS = ("WHEN (UTC)", "ATTEMPT", "WHAT", "BY", "TO", "CODE")


def timeline(
    context: typer.Context,
    id_: Annotated[
        str, typer.Argument(metavar="ID", help="The id of a referral or need, as logs and statuses show it.")
    ],
    explain: Annotated[bool, typer.Option("--explain", help="Add the reasons for each decision of matching.")] = False,
    language: In = Language.EN,
    as_json: output.Json = False,
) -> None:
    """Show what happened to a referral or need, in order. Shows ids only, no personal data."""
    settings: Settings = context.obj
    token = settings.token
    document = service_client.read(settings.url("outcomes"), "/timeline/", id_, token)
    if not isinstance(document, dict) or "needs" not in document:
        raise UserError("the response is not a timeline", "correct --url outcomes=http://HOST:PORT")
    needs = document["needs"]
    if explain:
        url = settings.url("matching")
        needs = [{**need, "explain": service_client.read(url, "/explain/", need["need"], token)} for need in needs]
    if as_json:
        output.as_json({"needs": needs})
        return
    for need in needs:
        output.say(f"need {need['need']}")
        output.table(COLUMNS, [row(line) for line in need["lines"]])
        for line in why(need.get("explain"), language):
            output.say(line)


def explain(
    context: typer.Context,
    need: Annotated[str, typer.Argument(metavar="NEED", help="The id of a need, as logs and statuses show it.")],
    language: In = Language.EN,
    as_json: output.Json = False,
) -> None:
    """Explain the decisions on a need: what was chosen, the alternatives, and what would have changed the choice."""
    settings: Settings = context.obj
    explanation = service_client.read(settings.url("matching"), "/explain/", need, settings.token)
    if as_json:
        output.as_json(explanation)
        return
    for line in why(explanation, language):
        output.say(line)


def row(line: dict[str, Any]) -> tuple[object, ...]:
    """One event as a row under `COLUMNS`."""
    when = str(line["at"]).replace("T", " ")[:19]
    return (when, line["attempt"] or "", line["what"], line["by"], line["to"], line["code"])


def why(explanation: dict[str, Any] | None, language: str = Language.EN) -> Iterator[str]:
    """Matching's explanation of a need, as lines; no lines for None."""
    if explanation is None:
        return
    reasons = f" because: {_short(explanation['reasons'])}" if explanation["reasons"] else ""
    yield f"holds {explanation['chosen'] or 'no place'}{reasons}"
    if explanation["funnel"]:
        yield f"last search: {_short(explanation['funnel'])}"
    for each in explanation["decisions"]:
        place = f"{each['provider']}/{each['service']}" if each.get("provider") else ""
        rest = " ".join(str(each[name]) for name in ("cause", "code", "end", "until") if each.get(name))
        yield f"  {str(each['at']).replace('T', ' ')[:19]}  {each['what']:<14} {place} {rest}".rstrip()
        for sentence in each.get("texts", {}).get(language, []):
            yield f"      {sentence}"


def _short(items: list[Any]) -> str:
    return ", ".join(
        " ".join(str(value) for value in each.values() if value is not None) if isinstance(each, dict) else str(each)
        for each in items
    )
