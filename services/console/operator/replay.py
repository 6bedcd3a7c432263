"""`referrals dead-letters replay`: records go back where they came from, to be decided anew."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated

import typer

from services.chassis.encryption import UnsealableError

from ..shared import output
from ..shared.errors import UserError
from ..shared.settings import Settings
from .cluster import OperatorKafka
from .dead_letter import DeadLetter, Whole, chosen, compacted, obstacle, opened, undeliverable
from .dead_letters import Reason, Service, not_ours

COLUMNS = ("OFFSET", "REASON", "TO", "PARTITION", "BYTES", "OUTCOME", "WHY")


@dataclass(frozen=True)
class Outcome:
    """What became of one letter, or would."""

    offset: int
    reason: str
    topic: str
    partition: int | None
    bytes: int | None
    outcome: str
    why: str | None = None

    def row(self) -> tuple[object, ...]:
        """Under `COLUMNS`."""
        place = (self.offset, self.reason, self.topic, self.partition, self.bytes, self.outcome)
        return (*("-" if each is None else each for each in place), self.why or "")


def replay(
    context: typer.Context,
    offsets: Annotated[
        list[int] | None, typer.Argument(metavar="OFFSET…", help="These, by offset in the list.")
    ] = None,
    service: Service = None,
    reason: Reason = None,
    everything: Annotated[bool, typer.Option("--all", help="All there are.")] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do it; without this it only says what it would do.")
    ] = False,
    as_json: output.Json = False,
) -> None:
    """Publish records again where they came from, byte for byte, so that they are decided anew.

    Ids stay the same: what took effect before takes none again, and doing it twice is harmless. The letters stay. A
    record comes to its old partition, as its newest. An event of ours that was undeliverable goes to its target, though
    its stream was told that it could not and may have gone on. Exit status 1 if any of them could not be replayed.
    """
    settings: Settings = context.obj
    key, kafka = settings.private_key, OperatorKafka(settings.login)
    letters = _selected(kafka, offsets or [], service, reason, everything)
    ready, said = prepared(letters, key, kafka.topics)
    if yes:
        failures = kafka.publish(ready)
        said |= {letter.offset: failed for (letter, _), failed in zip(ready, failures, strict=True) if failed}
    if told := undeliverable(letters):
        output.warn(f"undeliverable before, and their streams were told so: {', '.join(map(str, told))}")
    if old := compacted(letters):
        output.warn(f"an entry sent later under the same key is replaced by this older one: {', '.join(map(str, old))}")
    _report(outcomes(letters, ready, said, yes), yes, as_json)
    raise typer.Exit(1 if said else 0)


def _selected(
    kafka: OperatorKafka, offsets: list[int], service: str | None, reason: str | None, everything: bool
) -> list[DeadLetter]:
    filtered = bool(service or reason)
    if bool(offsets) + filtered + everything != 1:
        raise UserError("which letters?", "give offsets, or --reason and --service, or --all; one of these ways")
    if offsets:
        return [kafka.letter(offset) for offset in sorted(set(offsets))]
    return chosen(kafka.letters(), service, reason)


def prepared(
    letters: Sequence[DeadLetter], key: str, topics: dict[str, int]
) -> tuple[list[tuple[DeadLetter, Whole]], dict[int, str]]:
    """Letters with what they hold; and, by offset, why the others can not be replayed."""
    ready: list[tuple[DeadLetter, Whole]] = []
    said: dict[int, str] = {}
    for letter in letters:
        why = obstacle(letter, topics)
        try:
            if why is None:
                ready.append((letter, opened(letter, key)))
        except UnsealableError:
            why = not_ours(letter).what
        if why is not None:
            said[letter.offset] = why
    return ready, said


def outcomes(
    letters: Sequence[DeadLetter], ready: Sequence[tuple[DeadLetter, Whole]], said: dict[int, str], yes: bool
) -> list[Outcome]:
    """One for each letter. `said`: why it failed."""
    sizes = {letter.offset: whole.size for letter, whole in ready}
    good = "published" if yes else "would be published"
    return [
        Outcome(
            each.offset,
            each.reason,
            each.topic,
            each.partition,
            sizes.get(each.offset),
            "failed" if each.offset in said else good,
            said.get(each.offset),
        )
        for each in letters
    ]


def _report(found: Sequence[Outcome], yes: bool, as_json: bool) -> None:
    failed = sum(each.outcome == "failed" for each in found)
    good = len(found) - failed
    if as_json:
        counts = {"dry_run": not yes, "replayed": good if yes else 0, "failed": failed}
        output.as_json({**counts, "letters": [asdict(each) for each in found]})
        return
    output.table(COLUMNS, [each.row() for each in found])
    output.say(f"{good} {'published' if yes else 'would be published (--yes does it)'}, {failed} failed")
