"""`referrals submit` and `correct`: a file of referrals is checked as a whole, then sent."""

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
from ..shared.client import Client
from ..shared.errors import UnreachableError, UserError
from ..shared.identity import AGENCY, Identity
from ..shared.records import OutgoingMessage
from .importing.columns import Columns
from .importing.progress import SentRows, outgoing
from .importing.rows import COLUMNS, Fault, Form, ImportRow, rows

M = TypeVar("M", bound=Submitted)
INTERRUPTED = 130

File = Annotated[str, typer.Argument(metavar="FILE", help="JSON, JSON lines or CSV, in UTF-8; - reads stdin.")]
Written = Annotated[Form, typer.Option("--format", help="Format of the file; auto detects it.")]
Map = Annotated[Path | None, typer.Option("--map", help="TOML file: which column of a CSV is which field.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check every row and send nothing; needs no login.")]
Partly = Annotated[bool, typer.Option("--partly", help="Send valid rows even if others fail.")]
State = Annotated[
    Path | None, typer.Option(help="Where to note the rows that were sent. Default: beside the file, as FILE.sent.")
]
Again = Annotated[bool, typer.Option("--again", help="Send rows again that were sent before, under the same ids.")]


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
    """Refer the people in a file. All rows are checked first: if one has an error, all errors are listed, none is sent.

    A row has the same id each time, so repeating the command never refers anybody twice. The rows that were sent are
    noted beside the file; after an interruption the same command continues there. Exit status 1 if a row has an error.
    """
    _import(context, Submitted, file, form, columns, dry_run, partly, state, again, as_json)


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
    """Correct referrals: send each one again as a whole, under its reference. Needs that are missing are withdrawn.

    Files, errors and repetition are as in `referrals submit`.
    """
    _import(context, Corrected, file, form, columns, dry_run, partly, state, again, as_json)


def _import(
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
    mapping = Columns.read(columns) if columns else Columns()
    all_rows = rows(content(file), model, form, mapping, datetime.now(UTC), who.id if who else "")
    faults = [fault for row in all_rows for fault in row.faults]
    valid = [row for row in all_rows if row.body is not None]
    counts = {"rows": len(all_rows), "good": len(valid), "sent": 0, "before": 0}
    failed: list[tuple[OutgoingMessage, str]] = []
    if who is not None and (partly or not faults):
        progress_file = state or (None if file == "-" else _beside(file, model))
        failed = _send(who, model, valid, progress_file, again, counts)
    _report(counts, faults, failed, dry_run, as_json)
    if failed:
        hint = f"{failed[0][1]}; repeat the command to send them"
        raise UnreachableError(f"{len(failed)} of {len(valid)} rows were not sent", hint)
    raise typer.Exit(1 if faults else 0)


def content(file: str) -> bytes:
    """The content of a file, or of stdin for `-`. Raises `UserError` when it cannot be read."""
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise UserError(f"{file} cannot be read", error.strerror or type(error).__name__) from None


def _beside(file: str, model: type[Submitted]) -> Path:
    return Path(f"{file}.{'corrected' if model is Corrected else 'sent'}")


def _send(
    who: Identity,
    model: type[M],
    valid: Sequence[ImportRow[M]],
    state: Path | None,
    again: bool,
    counts: dict[str, int],
) -> list[tuple[OutgoingMessage, str]]:
    topic = topics.referrals(who.id)
    client = Client(who)
    with SentRows(state) as sent:
        events = [outgoing(topic, row.body.reference, row.body) for row in valid if row.body is not None]
        remaining = [event for event in events if again or event not in sent]
        counts["before"] = len(events) - len(remaining)

        def acknowledged(event: OutgoingMessage) -> None:
            sent.add(event)
            counts["sent"] += 1

        try:
            return publish(client, topic, remaining, acknowledged)
        except KeyboardInterrupt:
            output.warn(
                f"interrupted: {counts['sent']} of {len(remaining)} rows were sent; repeat the command to continue"
            )
            raise typer.Exit(INTERRUPTED) from None


def publish(
    client: Client, topic: str, events: Sequence[OutgoingMessage], acknowledged: Callable[[OutgoingMessage], None]
) -> list[tuple[OutgoingMessage, str]]:
    """Send events, with a progress bar when stderr is a terminal. Returns the events that failed, with the reason."""
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("sending", total=len(events))

        def advance(event: OutgoingMessage) -> None:
            acknowledged(event)
            bar.advance(task)

        return client.publish(topic, events, advance)


def _report(
    counts: dict[str, int],
    faults: Sequence[Fault],
    failed: Sequence[tuple[OutgoingMessage, str]],
    dry_run: bool,
    as_json: bool,
) -> None:
    if as_json:
        summary: dict[str, Any] = {"dry_run": dry_run, **counts, "failed": len(failed)}
        output.as_json({**summary, "faults": [vars(each) for each in faults]})
        return
    if faults:
        output.table(COLUMNS, [each.cells() for each in faults])
    invalid = counts["rows"] - counts["good"]
    sent = "nothing was sent (dry run)" if dry_run else f"{counts['sent']} sent"
    before = f", {counts['before']} were sent before" if counts["before"] else ""
    output.say(f"{counts['rows']} rows, {invalid} with errors; {sent}{before}")
