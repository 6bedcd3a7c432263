"""`referrals lag`: how far each consumer group is behind."""

from dataclasses import asdict
from typing import Annotated

import typer

from ..shared import output
from .cluster import OperatorKafka
from .consumer_groups import COLUMNS, Lag, lags, per_group, stages


def measure(kafka: OperatorKafka) -> list[Lag]:
    """The lag of every group. Commits are read before the ends, so that the lag is never shown too small."""
    groups = stages()
    committed = kafka.committed([stage.group for stage in groups])
    names = [name for name in kafka.topics if any(stage.reads(name) for stage in groups)]
    return lags(kafka.ends(names), committed, groups)


def lag(
    context: typer.Context,
    most: Annotated[
        int | None, typer.Option("--max", min=0, help="Exit status 1 if a group is more records behind.")
    ] = None,
    behind: Annotated[bool, typer.Option("--behind", help="Only partitions with waiting records.")] = False,
    as_json: output.Json = False,
) -> None:
    """Show how many records each consumer group is behind, by topic and partition."""
    partitions = measure(OperatorKafka(context.obj.login))
    total = per_group(partitions)
    shown = [each for each in partitions if each.lag or not behind]
    if as_json:
        output.as_json({"partitions": [asdict(each) for each in shown], "groups": total})
    else:
        output.table(COLUMNS, [each.row() for each in shown])
        output.say("; ".join(f"{group} {count}" for group, count in total.items()))
    over = [group for group, count in total.items() if most is not None and count > most]
    if over:
        output.warn(f"more than {most} records behind: {', '.join(over)}")
        raise typer.Exit(1)
