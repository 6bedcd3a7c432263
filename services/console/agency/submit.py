"""`referrals submit` and `correct`: a file of referrals, looked at whole, then sent."""

import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.progress import Progress

from contracts import topics
from contracts.agency import Corrected, Submitted

from ..shared import output
from ..shared.client import Client, OutgoingMessage
from ..shared.errors import UnreachableError, UserError
from ..shared.identity import AGENCY, Identity
from .importing.columns import Columns
from .importing.progress import Sent, outgoing
from .importing.rows import COLUMNS, Fault, Form, ImportRow, rows

M = TypeVar("M", bound=Submitted)
INTERRUPTED = 130

File = Annotated[str, typer.Argument(metavar="FILE", help="JSON, JSON lines or CSV, in UTF-8; - reads stdin.")]
Written = Annotated[Form, typer.Option("--format", help="How the file is written, if its beginning does not say.")]
Map = Annotated[Path | None, typer.Option("--map", help="TOML: which column of a CSV is which field.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Look at every row and send nothing; needs no login.")]
Partly = Annotated[bool, typer.Option("--partly", help="Send rows that are right though others are not.")]
State = Annotated[Path | None, typer.Option(help="Where to keep what was sent; else beside the file, as FILE.sent.")]
Again = Annotated[bool, typer.Option("--again", help="Send also what was sent before; under the same ids.")]


def submit(
    context: typer.Context,
    file: File,
    form: Written = Form.AUTO,
    columns: Map = None,
    dry_run: DryRun = False,
    partly: Partly = False,
    state: State = None,
    again: Again = False,
    as_json: output.Json = False,
) -> None:
    """Refer the people in a file. All rows are looked at first: with a fault in one, each fault is told, none is sent.

    A row is sent under the same id each time, so that a repetition is one referral. What Kafka has is noted beside the
    file: after an interruption the same command goes on from there. Exit status 1 if a row was at fault.
    """
    _hand_in(context, Submitted, file, form, columns, dry_run, partly, state, again, as_json)


def correct(
    context: typer.Context,
    file: File,
    form: Written = Form.AUTO,
    columns: Map = None,
    dry_run: DryRun = False,
    partly: Partly = False,
    state: State = None,
    again: Again = False,
    as_json: output.Json = False,
) -> None:
    """Say how referrals should have been, each whole and under its old reference. Needs no longer in it are withdrawn.

    Files, faults and repetition are as in `referrals submit`.
    """
    _hand_in(context, Corrected, file, form, columns, dry_run, partly, state, again, as_json)


def _hand_in(
    context: typer.Context,
    model: type[M],
    file: str,
    form: Form,
    columns: Path | None,
    dry_run: bool,
    partly: bool,
    state: Path | None,
    again: bool,
    as_json: bool,
) -> None:
    who = None if dry_run else context.obj.identity(AGENCY)
    mapped = Columns.read(columns) if columns else Columns()
    found = rows(content(file), model, form, mapped, datetime.now(UTC).date(), who.id if who else "")
    faults = [fault for row in found for fault in row.faults]
    good = [row for row in found if row.body is not None]
    counts = {"rows": len(found), "good": len(good), "sent": 0, "before": 0}
    failed: list[tuple[OutgoingMessage, str]] = []
    if who is not None and (partly or not faults):
        kept = state or (None if file == "-" else _beside(file, model))
        failed = _send(who, model, good, kept, again, counts)
    _report(counts, faults, failed, dry_run, as_json)
    if failed:
        hint = f"{failed[0][1]}; the same command goes on with those"
        raise UnreachableError(f"{len(failed)} of {len(good)} were not sent", hint)
    raise typer.Exit(1 if faults else 0)


def content(file: str) -> bytes:
    """All of a file, or of stdin."""
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise UserError(f"{file} can not be read", error.strerror or type(error).__name__) from None


def _beside(file: str, model: type[Submitted]) -> Path:
    return Path(f"{file}.{'corrected' if model is Corrected else 'sent'}")


def _send(
    who: Identity, model: type[M], good: Sequence[ImportRow[M]], state: Path | None, again: bool, counts: dict[str, int]
) -> list[tuple[OutgoingMessage, str]]:
    topic = topics.referrals(who.id)
    client = Client(who)
    with Sent(state) as sent:
        events = [outgoing(topic, row.body.reference, row.body) for row in good if row.body is not None]
        left = [event for event in events if again or event not in sent]
        counts["before"] = len(events) - len(left)

        def acknowledged(event: OutgoingMessage) -> None:
            sent.add(event)
            counts["sent"] += 1

        try:
            return publish(client, topic, left, acknowledged)
        except KeyboardInterrupt:
            output.warn(f"interrupted: {counts['sent']} of {len(left)} were sent; the same command goes on from there")
            raise typer.Exit(INTERRUPTED) from None


def publish(
    client: Client, topic: str, events: Sequence[OutgoingMessage], acknowledged: Callable[[OutgoingMessage], None]
) -> list[tuple[OutgoingMessage, str]]:
    """Send, with a bar where somebody looks."""
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("sending", total=len(events))

        def settled(event: OutgoingMessage) -> None:
            acknowledged(event)
            bar.advance(task)

        return client.publish(topic, events, settled)


def _report(
    counts: dict[str, int],
    faults: Sequence[Fault],
    failed: Sequence[tuple[OutgoingMessage, str]],
    dry_run: bool,
    as_json: bool,
) -> None:
    if as_json:
        told: dict[str, Any] = {"dry_run": dry_run, **counts, "failed": len(failed)}
        output.as_json({**told, "faults": [vars(each) for each in faults]})
        return
    if faults:
        output.table(COLUMNS, [each.cells() for each in faults])
    wrong = counts["rows"] - counts["good"]
    said = f"{counts['rows']} rows, {wrong} at fault; "
    said += "nothing was sent (a dry run)" if dry_run else f"{counts['sent']} sent"
    output.say(said + (f", {counts['before']} were sent before" if counts["before"] else ""))
