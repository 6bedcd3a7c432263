"""`referrals lag`: how far each consumer group has settled what it reads."""

from dataclasses import asdict
from typing import Annotated

import typer

from ..shared import output
from .cluster import OperatorKafka
from .consumer_groups import COLUMNS, Lag, lags, per_group, stages


def measure(kafka: OperatorKafka) -> list[Lag]:
    """Every group on every partition it reads. What is settled is asked first, so that nothing seems settled early."""
    read = stages()
    committed = kafka.committed([stage.group for stage in read])
    names = [name for name in kafka.topics if any(stage.reads(name) for stage in read)]
    return lags(kafka.ends(names), committed, read)


def lag(
    context: typer.Context,
    most: Annotated[
        int | None, typer.Option("--max", min=0, help="Exit status 1 if a group is further behind.")
    ] = None,
    behind: Annotated[bool, typer.Option("--behind", help="Only partitions where something waits.")] = False,
    as_json: output.Json = False,
) -> None:
    """Committed offset, end and lag of each group, topic and partition."""
    found = measure(OperatorKafka(context.obj.login))
    total = per_group(found)
    shown = [each for each in found if each.lag or not behind]
    if as_json:
        output.as_json({"partitions": [asdict(each) for each in shown], "groups": total})
    else:
        output.table(COLUMNS, [each.row() for each in shown])
        output.say("; ".join(f"{group} {count}" for group, count in total.items()))
    over = [group for group, count in total.items() if most is not None and count > most]
    if over:
        output.warn(f"more than {most} behind: {', '.join(over)}")
        raise typer.Exit(1)
