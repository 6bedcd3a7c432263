"""One step of the loop against raw and naive, alternating, in one run on the same servers."""

import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import count
from typing import Any

from contracts import topics
from deploy.cluster.topics import Topic, ensure
from deploy.local.stack import Addresses
from tests.bench import load

_runs = count(1)
INTERNAL = [Topic(topics.INTAKE, load.PARTITIONS), Topic(topics.inbox("outcomes"), load.PARTITIONS)]
"""Where intake's loop publishes."""
NAIVE = 1_000
"""Records for naive, which would take minutes with more."""


@dataclass(frozen=True)
class Lap:
    """What a contender printed."""

    rate: float
    """Records a second."""
    cpu_us: float
    """Microseconds of own CPU per record."""
    steps: Mapping[str, float]
    """Microseconds of wall time per record, by the step of the loop that took them; what is left went into fetching."""


class Contender:
    """A contender's process."""

    def __init__(self, servers: Addresses, name: str, topic: str, run: str, records: int, laps: int = 1) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  # log lines cost what they cost on a real file
        options = {"topic": topic, "out": f"{run}-out", "run": run}
        # Passwords are in these two, which is nothing for a command line.
        env = {**os.environ, "KAFKA": json.dumps(asdict(servers.operator)), "MONGO": servers.mongo}
        command = [sys.executable, "-m", "tests.bench.contenders", name, "--count", str(records), "--laps", str(laps)]
        command += [part for option, value in options.items() for part in (f"--{option}", value)]
        self._process = subprocess.Popen(command, env=env, stdout=self._log, stderr=subprocess.PIPE, text=True)
        self._next_report()

    def lap(self) -> Lap:
        """Wait for the next lap."""
        report = self._next_report()
        a_record = 1e6 / report["count"]
        steps = {name: seconds * a_record for name, seconds in report["steps"].items()}
        return Lap(report["count"] / report["wall"], report["cpu"] * a_record, steps)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Freeze the process for less than its session timeout, so that loading records is not measured."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End the process. It has printed everything it had to."""
        self._process.kill()
        self._process.wait()
        self._log.close()

    def _next_report(self) -> dict[str, Any]:
        assert self._process.stderr is not None
        noise = []
        for line in self._process.stderr:
            if line.startswith("{"):
                return json.loads(line)  # type: ignore[no-any-return]
            noise.append(line)
        raise RuntimeError("".join(noise[-20:]))


@contextmanager
def contender(servers: Addresses, name: str, topic: str, run: str, records: int, laps: int = 1) -> Iterator[Contender]:
    """A contender that runs, and ends."""
    started = Contender(servers, name, topic, run, records, laps)
    try:
        yield started
    finally:
        started.stop()


def measure(servers: Addresses, records: int, repetitions: int) -> dict[str, list[Lap]]:
    """All contenders, in turns."""
    laps: dict[str, list[Lap]] = defaultdict(list)
    asyncio.run(ensure(servers.operator, INTERNAL))
    for _ in range(repetitions):
        laps["raw"].append(once(servers, "raw", records))
        laps["naive"].append(once(servers, "naive", NAIVE))
        for name, lap in _ours(servers, records).items():
            laps[name].append(lap)
        laps["gate"].append(_gate(servers, records))
    return laps


def figures(laps: dict[str, list[Lap]]) -> dict[str, float]:
    """Medians of the ratios of each repetition: the machine may be slow today, but to all alike."""

    def ratio(name: str, base: str) -> float:
        return statistics.median(ours.rate / theirs.rate for ours, theirs in zip(laps[name], laps[base], strict=True))

    return {
        "step.first_over_raw": ratio("first", "raw"),
        "step.warm_over_raw": ratio("warm", "raw"),
        "step.cold_over_raw": ratio("cold", "raw"),
        "step.first_over_naive": ratio("first", "naive"),
        "step.first_cpu_us": statistics.median(lap.cpu_us for lap in laps["first"]),
        "gate.over_raw": ratio("gate", "raw"),
        "gate.cpu_us": statistics.median(lap.cpu_us for lap in laps["gate"]),
    }


def _new(servers: Addresses) -> tuple[str, str]:
    run = f"bench-{next(_runs)}"
    topic = f"{run}-in"
    asyncio.run(ensure(servers.operator, [Topic(topic, load.PARTITIONS), Topic(f"{run}-out", load.PARTITIONS)]))
    return run, topic


def once(servers: Addresses, name: str, records: int) -> Lap:
    """One lap of a contender, with topics and database of its own."""
    run, topic = _new(servers)
    asyncio.run(load.fill(servers.operator, topic, run, records))
    with contender(servers, name, topic, run, records) as process:
        return process.lap()


def _ours(servers: Addresses, records: int) -> dict[str, Lap]:
    """First events; then, by the same process, second events of the same streams; then, by a new one, third."""
    run, topic = _new(servers)
    asyncio.run(load.fill(servers.operator, topic, run, records))
    with contender(servers, "ours", topic, run, records, laps=2) as process:
        first = process.lap()
        with process.paused():
            asyncio.run(load.fill(servers.operator, topic, run, records, 1))
        warm = process.lap()
    asyncio.run(load.fill(servers.operator, topic, run, records, 2))
    with contender(servers, "ours", topic, run, records) as process:
        return {"first": first, "warm": warm, "cold": process.lap()}


def _gate(servers: Addresses, records: int) -> Lap:
    run = f"bench-{next(_runs)}"
    topic = topics.referrals(run)
    wanted = [Topic(topic, load.PARTITIONS), Topic(f"{run}-out"), Topic(topics.inbox("intake"), load.PARTITIONS)]
    asyncio.run(ensure(servers.operator, wanted))
    asyncio.run(load.fill_referrals(servers.operator, topic, records))
    with contender(servers, "gate", topic, run, records) as process:
        return process.lap()
