"""`referrals dead-letters replay`: publishes records again where they came from, to be decided again."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated

import typer

from services.chassis.encryption import UnsealableError

from ..shared import output
from ..shared.errors import UserError
from ..shared.settings import Settings
from .cluster import OperatorKafka
from .dead_letter import DeadLetter, OriginalRecord, compacted, decrypt, obstacle, select, undeliverable
from .dead_letters import Reason, Service, wrong_key

COLUMNS = ("OFFSET", "REASON", "TO", "PARTITION", "BYTES", "OUTCOME", "WHY")


@dataclass(frozen=True)
class ReplayResult:
    """What happened to one dead letter, or would happen with --yes."""

    offset: int
    reason: str
    topic: str
    partition: int | None
    bytes: int | None
    outcome: str
    why: str | None = None

    def row(self) -> tuple[object, ...]:
        """The outcome as a row under `COLUMNS`."""
        place = (self.offset, self.reason, self.topic, self.partition, self.bytes, self.outcome)
        return (*("-" if each is None else each for each in place), self.why or "")


def replay(
    context: typer.Context,
    offsets: Annotated[
        list[int] | None, typer.Argument(metavar="OFFSET…", help="Replay these, by their offsets in the list.")
    ] = None,
    service: Service = None,
    reason: Reason = None,
    everything: Annotated[bool, typer.Option("--all", help="Replay all dead letters.")] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Publish them; without it, only show what would happen.")
    ] = False,
    as_json: output.Json = False,
) -> None:
    """Publish records again where they came from, byte for byte, so that they are decided again. Fix the cause first.

    Ids stay the same, so nothing takes effect twice, and a replay can be repeated. The dead letters stay. A record
    becomes the newest of its old partition. An undeliverable event goes to its target, although its stream was notified
    of the failure and may have continued without it. Exit status 1 if any of them could not be replayed.
    """
    settings: Settings = context.obj
    key, kafka = settings.private_key, OperatorKafka(settings.login)
    dead_letters = _select(kafka, offsets or [], service, reason, everything)
    ready, failures = prepare(dead_letters, key, kafka.topics)
    if yes:
        errors = kafka.publish(ready)
        failures |= {each.offset: error for (each, _), error in zip(ready, errors, strict=True) if error}
    if notified := undeliverable(dead_letters):
        which = ", ".join(map(str, notified))
        output.warn(f"undeliverable before, and their streams may have continued without them: {which}")
    if older := compacted(dead_letters):
        which = ", ".join(map(str, older))
        output.warn(f"these older directory entries replace any newer one with the same key: {which}")
    _report(outcomes(dead_letters, ready, failures, yes), yes, as_json)
    raise typer.Exit(1 if failures else 0)


def _select(
    kafka: OperatorKafka, offsets: list[int], service: str | None, reason: str | None, everything: bool
) -> list[DeadLetter]:
    filtered = bool(service or reason)
    if bool(offsets) + filtered + everything != 1:
        hint = "give either offsets, or --service and --reason, or --all"
        raise UserError("it is not clear which dead letters to replay", hint)
    if offsets:
        return [kafka.dead_letter(offset) for offset in sorted(set(offsets))]
    return select(kafka.dead_letters(), service, reason)


def prepare(
    dead_letters: Sequence[DeadLetter], key: str, topics: dict[str, int]
) -> tuple[list[tuple[DeadLetter, OriginalRecord]], dict[int, str]]:
    """Dead letters with their original records; and, by offset, why the others cannot be replayed."""
    ready: list[tuple[DeadLetter, OriginalRecord]] = []
    failures: dict[int, str] = {}
    for each in dead_letters:
        problem = obstacle(each, topics)
        try:
            if problem is None:
                ready.append((each, decrypt(each, key)))
        except UnsealableError:
            problem = wrong_key(each).what
        if problem is not None:
            failures[each.offset] = problem
    return ready, failures


def outcomes(
    dead_letters: Sequence[DeadLetter],
    ready: Sequence[tuple[DeadLetter, OriginalRecord]],
    failures: dict[int, str],
    yes: bool,
) -> list[ReplayResult]:
    """The outcome of each dead letter. `failures` has the reasons of those that failed, by offset."""
    sizes = {dead_letter.offset: record.size for dead_letter, record in ready}
    good = "published" if yes else "would be published"
    return [
        ReplayResult(
            each.offset,
            each.reason,
            each.topic,
            each.partition,
            sizes.get(each.offset),
            "failed" if each.offset in failures else good,
            failures.get(each.offset),
        )
        for each in dead_letters
    ]


def _report(results: Sequence[ReplayResult], yes: bool, as_json: bool) -> None:
    failed = sum(each.outcome == "failed" for each in results)
    good = len(results) - failed
    if as_json:
        counts = {"dry_run": not yes, "replayed": good if yes else 0, "failed": failed}
        output.as_json({**counts, "letters": [asdict(each) for each in results]})
        return
    output.table(COLUMNS, [each.row() for each in results])
    output.say(f"{good} {'published' if yes else 'would be published (--yes publishes)'}, {failed} failed")
