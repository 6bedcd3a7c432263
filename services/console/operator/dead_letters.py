"""`referrals dead-letters`: records that could not be handled. Opening one needs the operator's private key."""

import json
from typing import Annotated

import typer

from services.chassis.encryption import UnsealableError

from ..shared import output
from ..shared.errors import UserError
from ..shared.settings import Settings
from .cluster import OperatorKafka
from .dead_letter import COLUMNS, DeadLetter, OriginalRecord, decrypt, per_reason, select

app = typer.Typer(help="Records that could not be handled: list, open and replay them.", no_args_is_help=True)

Service = Annotated[str | None, typer.Option(help="Only dead letters of this service.")]
Reason = Annotated[str | None, typer.Option(help="Only dead letters with this reason, such as type-unknown.")]


@app.command("list", epilog=output.example("referrals dead-letters list --reason type-unknown"))
def list_(
    context: typer.Context,
    service: Service = None,
    reason: Reason = None,
    limit: Annotated[int, typer.Option(min=0, help="Show only the newest ones; the counts are of all.")] = 50,
    as_json: output.Json = False,
) -> None:
    """List dead letters, and count them by reason. Opens none, so it shows no personal data."""
    selected = select(OperatorKafka(context.obj.login).dead_letters(), service, reason)
    newest = selected[len(selected) - min(limit, len(selected)) :]
    if as_json:
        counts = {"total": len(selected), "reasons": per_reason(selected)}
        output.as_json({"letters": [each.clear() for each in newest], **counts})
        return
    output.table(COLUMNS, [each.row() for each in newest])
    counted = ", ".join(f"{count} {each}" for each, count in per_reason(selected).items())
    output.say(f"{len(selected)} dead letters, {len(newest)} shown{f': {counted}' if counted else ''}")


@app.command("show", epilog=output.example("referrals dead-letters show 17"))
def show_(
    context: typer.Context,
    offset: Annotated[int, typer.Argument(min=0, metavar="OFFSET", help="Its offset, as in the list.")],
    as_json: output.Json = False,
) -> None:
    """Open one dead letter with the operator's private key. It may contain personal data: mind who sees your screen."""
    settings: Settings = context.obj
    key = settings.private_key
    dead_letter = OperatorKafka(settings.login).dead_letter(offset)
    try:
        record = decrypt(dead_letter, key)
    except UnsealableError:
        raise wrong_key(dead_letter) from None
    output.warn("This may contain personal data: show it only to people who need it, and keep no copy.")
    if as_json:
        output.as_json({**dead_letter.clear(), **record.readable()})
        return
    for line in _lines(dead_letter, record):
        output.say(line)


def _lines(dead_letter: DeadLetter, record: OriginalRecord) -> list[str]:
    parts = record.readable()
    clear = [f"{name}: {value}" for name, value in dead_letter.clear().items() if value not in ("", None)]
    headers = [f"  {each['name']}: {_text(each)}" for each in parts["headers"]]
    return [*clear, f"key: {_text(parts['key'])}", "headers:", *headers, "value:", _pretty(parts["value"])]


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


def wrong_key(dead_letter: DeadLetter) -> UserError:
    """The error when the private key does not belong to the public key that encrypted the dead letter."""
    hint = "use the key that belonged to the services' REFERRALS_OPERATOR_KEY when the dead letter was written"
    return UserError(f"the private key does not open dead letter {dead_letter.offset}", hint)
