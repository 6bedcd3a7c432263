"""Who sends which message to which topic in some runs: what the AsyncAPI document is compared with."""

import asyncio
import re
from collections.abc import Iterable
from typing import Any

from contracts.base import PREFIX
from services.chassis.engine.loop import Loop
from tests.support.memory_twins import MemoryLog

from .run import run

Sent = tuple[str, str, str]
"""The sender, the address (such as ``agency.{agency}.status``) and the type of a message."""


def messages_of_runs(seeds: Iterable[int]) -> set[Sent]:
    """All that is on the topics after the runs of these seeds. Call it in a child process: see `seeds.apart`."""
    messages: set[Sent] = set()
    for seed in seeds:
        logs: list[MemoryLog] = []

        class ObservedLoop(Loop[Any]):
            def __init__(self, *arguments: Any, log: MemoryLog, logs: list[MemoryLog] = logs, **more: Any) -> None:
                super().__init__(*arguments, log=log, **more)
                logs.append(log)

        asyncio.run(run(seed, loop=ObservedLoop))
        messages |= {message_of_record(record.topic, record.headers) for record in logs[0].read(*logs[0].topics)}
    return messages


def message_of_record(topic: str, headers: Iterable[tuple[str, bytes | None]]) -> Sent:
    """The sender, address and type of a record.

    The sender is the service in ``ce_source``. What the simulation itself publishes names none there: it comes from a
    tenant, or from a service's sweep to its own inbox, so the topic names the sender.
    """
    values = {name: (value or b"").decode() for name, value in headers}
    address = re.sub(r"^(agency|provider)\.[^.]+", r"\1.{\1}", topic)
    by_source = re.match(r"/referral-routing/([a-z]+)", values["ce_source"])
    by_topic = re.match(r"(?:referrals\.inbox\.)?([a-z]+)", topic)
    sender = by_source or by_topic
    assert sender is not None, f"{topic} names no sender"
    return sender[1], address, values["ce_type"].removeprefix(PREFIX)
