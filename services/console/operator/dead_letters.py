"""`referrals dead-letters`: what could not be handled. Listed from outside; opened only with the operator's key."""

import json
from typing import Annotated

import typer

from services.chassis.encryption import UnsealableError

from ..shared import output
from ..shared.errors import UserError
from ..shared.settings import Settings
from .cluster import OperatorKafka
from .dead_letter import COLUMNS, DeadLetter, Whole, chosen, opened, per_reason

app = typer.Typer(help="What could not be handled: list it, open it, hand it in again.", no_args_is_help=True)

Service = Annotated[str | None, typer.Option(help="Only of this service.")]
Reason = Annotated[str | None, typer.Option(help="Only for this reason, such as type-unknown.")]


@app.command("list", epilog=output.example("referrals dead-letters list --reason type-unknown"))
def list_(
    context: typer.Context,
    service: Service = None,
    reason: Reason = None,
    limit: Annotated[int, typer.Option(min=0, help="The newest of them; counts are of all.")] = 50,
    as_json: output.Json = False,
) -> None:
    """Dead letters from outside, and how many there are for each reason. Opens none, so it shows nobody's data."""
    found = chosen(OperatorKafka(context.obj.login).letters(), service, reason)
    newest = found[len(found) - min(limit, len(found)) :]
    if as_json:
        counts = {"total": len(found), "reasons": per_reason(found)}
        output.as_json({"letters": [each.clear() for each in newest], **counts})
        return
    output.table(COLUMNS, [each.row() for each in newest])
    counted = ", ".join(f"{count} {each}" for each, count in per_reason(found).items())
    output.say(f"{len(found)} dead letters, {len(newest)} shown{f': {counted}' if counted else ''}")


@app.command("show", epilog=output.example("referrals dead-letters show 17"))
def show_(
    context: typer.Context,
    offset: Annotated[int, typer.Argument(min=0, metavar="OFFSET", help="The letter, by its offset in the list.")],
    as_json: output.Json = False,
) -> None:
    """Open one dead letter with the operator's private key. It may hold people's data: mind who sees the screen."""
    settings: Settings = context.obj
    key = settings.private_key
    letter = OperatorKafka(settings.login).letter(offset)
    try:
        whole = opened(letter, key)
    except UnsealableError:
        raise not_ours(letter) from None
    output.warn("This may hold personal data: show it to nobody who need not see it, and keep no copy.")
    if as_json:
        output.as_json({**letter.clear(), **whole.readable()})
        return
    for line in _lines(letter, whole):
        output.say(line)


def _lines(letter: DeadLetter, whole: Whole) -> list[str]:
    held = whole.readable()
    clear = [f"{name}: {value}" for name, value in letter.clear().items() if value not in ("", None)]
    headers = [f"  {each['name']}: {_text(each)}" for each in held["headers"]]
    return [*clear, f"key: {_text(held['key'])}", "headers:", *headers, "value:", _pretty(held["value"])]


def _text(part: dict[str, str | None] | None) -> str:
    if part is None or part["base64"] is None:
        return "(none)"
    return part["text"] if part["text"] is not None else f"(base64) {part['base64']}"


def _pretty(part: dict[str, str | None] | None) -> str:
    text = _text(part)
    try:
        return json.dumps(json.loads(text), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        return text


def not_ours(letter: DeadLetter) -> UserError:
    """The key at hand is not the one it was sealed to."""
    hint = "the right one's public half was the services' REFERRALS_OPERATOR_KEY when it was written"
    return UserError(f"the private key does not open dead letter {letter.offset}", hint)
