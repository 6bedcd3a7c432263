"""`referrals timeline` and `explain`: what became of a referral or need, by outcomes, and why, by matching."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from deploy.cluster import service_client

from ..shared import output
from ..shared.errors import UserError
from ..shared.language import Language
from ..shared.settings import Settings

In = Annotated[Language, typer.Option("--language", help="The language of matching’s sentences.")]
COLUMNS = ("WHEN (UTC)", "ATTEMPT", "WHAT", "BY", "TO", "CODE")


def timeline(
    context: typer.Context,
    id_: Annotated[
        str, typer.Argument(metavar="ID", help="A referral's id, or a need's, as logs and statuses have it.")
    ],
    explain: Annotated[bool, typer.Option("--explain", help="Also why matching decided as it did.")] = False,
    language: In = Language.EN,
    as_json: output.Json = False,
) -> None:
    """Tell the life of a referral or need, in the order in which things happened. Holds ids, nobody's data."""
    settings: Settings = context.obj
    token = settings.token
    life = service_client.read(settings.url("outcomes"), "/timeline/", id_, token)
    if not isinstance(life, dict) or "needs" not in life:
        raise UserError("what answers as outcomes tells no life", "correct --url outcomes=http://HOST:PORT")
    needs = life["needs"]
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
    need: Annotated[str, typer.Argument(metavar="NEED", help="A need's id, as logs and statuses have it.")],
    language: In = Language.EN,
    as_json: output.Json = False,
) -> None:
    """Say why matching decided as it did on a need: what it chose, what else there was, what would have changed it."""
    settings: Settings = context.obj
    told = service_client.read(settings.url("matching"), "/explain/", need, settings.token)
    if as_json:
        output.as_json(told)
        return
    for line in why(told, language):
        output.say(line)


def row(line: dict[str, Any]) -> tuple[object, ...]:
    """One thing that happened, under `COLUMNS`."""
    when = str(line["at"]).replace("T", " ")[:19]
    return (when, line["attempt"] or "", line["what"], line["by"], line["to"], line["code"])


def why(told: dict[str, Any] | None, language: str = Language.EN) -> Iterator[str]:
    """What matching says of a need, in lines."""
    if told is None:
        return
    yield f"holds {told['chosen'] or 'no place'}" + (f" because: {_short(told['reasons'])}" if told["reasons"] else "")
    if told["funnel"]:
        yield f"last look: {_short(told['funnel'])}"
    for each in told["decisions"]:
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
