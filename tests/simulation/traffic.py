"""Who sends what to which topic in some runs: what the documents of the contract are held against."""

import asyncio
import re
from collections.abc import Iterable
from typing import Any

from contracts.base import PREFIX
from services.chassis.engine.loop import Loop
from tests.support.memory_twins import MemoryLog

from .run import run

Sent = tuple[str, str, str]
"""Who, to which address (such as ``agency.{agency}.status``), of which type."""


def sent_in(seeds: Iterable[int]) -> set[Sent]:
    """All that is on the topics after the runs of these seeds. Call it `apart`."""
    found: set[Sent] = set()
    for seed in seeds:
        logs: list[MemoryLog] = []

        class Overheard(Loop[Any]):
            def __init__(self, *arguments: Any, log: MemoryLog, heard: list[MemoryLog] = logs, **more: Any) -> None:
                super().__init__(*arguments, log=log, **more)
                heard.append(log)

        asyncio.run(run(seed, loop=Overheard))
        found |= {sent(record.topic, record.headers) for record in logs[0].read(*logs[0].topics)}
    return found


def sent(topic: str, headers: Iterable[tuple[str, bytes | None]]) -> Sent:
    """Who says so in its source. What the simulation itself sends is a tenant's, or a sweep's to its own service."""
    said = {name: (value or b"").decode() for name, value in headers}
    address = re.sub(r"^(agency|provider)\.[^.]+", r"\1.{\1}", topic)
    by_source = re.match(r"/referral-routing/([a-z]+)", said["ce_source"])
    by_topic = re.match(r"(?:referrals\.inbox\.)?([a-z]+)", topic)
    who = by_source or by_topic
    assert who is not None, topic
    return who[1], address, said["ce_type"].removeprefix(PREFIX)
