"""The demo's people in the system that ``docker compose up`` has started: by its front door, in its own time.

An hour is an hour there, so every provider is willing and has room; what nobody in the cast can help with waits, and is
withdrawn at the end. People and references are new each time, and everybody reads what comes from now on, so that the
demo can be given again. The organisations stay.
"""

import asyncio
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from aiokafka import AIOKafkaProducer
from rich.console import Console
from rich.live import Live

from contracts import topics
from contracts.agency import ReferralWithdrawn
from deploy.cluster.login import Login

from . import client, show
from .cast import AGENCIES, PROVIDERS, WILLING, Provider
from .people import referrals
from .providers import SimulatedProvider
from .verdict import publish, said, verdict
from .watch import Watch

_FILE = Path(__file__).parents[2] / "docker-compose.yml"
_ROOM = 100
"""Places of each service: nobody waits for one."""


class ComposeError(RuntimeError):
    """``docker compose`` did not do what it was asked to; the message is its own."""


def compose(console: Console, count: int, patience: float) -> int:
    """Route so many referrals. Returns the exit status."""
    try:
        with tempfile.TemporaryDirectory(prefix="referral-routing-demo-") as folder:
            console.print("Taking the demo's organisations in …")
            logins = onboard(Path(folder))
            return asyncio.run(play(console, logins, count, patience))
    except ComposeError as failure:
        console.print(f"[red]{failure}[/red]", "Is it up? docker compose up --build --wait")
        return 1


def onboard(folder: Path) -> dict[str, Login]:
    """A login for each organisation, from the operator's container; whom to trust goes into `folder`."""
    _docker("cp", "kafka:/mnt/shared/config/ca.pem", str(folder / "ca.pem"))
    kinds = [*(("agency", each) for each in AGENCIES), *(("provider", each.id) for each in PROVIDERS)]
    asked = (each for one in kinds for each in one)
    handed = _docker("run", "--rm", "-T", "operator", "deploy.docker.provision", "onboard", *asked)
    return read_logins(handed, str(folder / "ca.pem"))


def read_logins(handed: str, ca: str) -> dict[str, Login]:
    """What was handed over, by organisation: lines ``NAME=value``, each organisation's begin with ``KAFKA``."""
    found: dict[str, Login] = {}
    kafka = user = ""
    for line in handed.splitlines():
        name, _, value = line.strip().partition("=")
        if name == "KAFKA":
            kafka = value
        elif name == "KAFKA_USER":
            user = value
        elif name == "KAFKA_PASSWORD":
            found[user.partition(":")[2]] = Login(kafka, user, value, ca=ca)
    return found


async def play(console: Console, logins: Mapping[str, Login], count: int, patience: float) -> int:
    """Publish, answer, wait for all ends. Returns the exit status."""
    started = datetime.now(UTC)
    seed, watch = int(started.timestamp()), Watch()
    writers = {tenant: await client.producer(login) for tenant, login in logins.items()}
    cast = [
        SimulatedProvider(_willing(each), logins[each.id], writers[each.id], seed, from_now=True) for each in PROVIDERS
    ]
    for provider in cast:
        await provider.publish_directory()
    readers = [await client.consumer(logins[each], topics.status(each), from_now=True) for each in AGENCIES]
    tasks = [asyncio.create_task(each.work()) for each in cast]
    tasks += [asyncio.create_task(watch.follow(reader)) for reader in readers]
    await asyncio.sleep(6)  # for services to notice the topics of who is new (REFERRALS_METADATA_MAX_AGE_MS)
    sent = referrals(count, seed, started, year=f"{started:%Y%m%d-%H%M%S}")
    acting = asyncio.create_task(publish(watch, writers, sent, seed))
    try:
        shown = (console, watch, [*tasks, acting], count, patience)
        await _until(lambda: acting.done() and watch.settled(datetime.now(UTC)), *shown)
        await _withdraw(watch, writers)
        await _until(lambda: watch.finished, *shown)
        await asyncio.sleep(1)  # a repetition would come now
    finally:
        for task in [*tasks, acting]:
            task.cancel()
        await asyncio.gather(*tasks, acting, return_exceptions=True)
        await asyncio.gather(*(each.stop() for each in [*readers, *writers.values()]))
    whole = verdict(console, watch, cast, {}, count, datetime.now(UTC))
    return said(console, whole)


def _willing(provider: Provider) -> Provider:
    roomy = [each.model_copy(update={"capacity": _ROOM}) for each in provider.services]
    return replace(provider, services=roomy, temper=WILLING)


async def _until(
    done: Callable[[], bool],
    console: Console,
    watch: Watch,
    tasks: Sequence[asyncio.Task[None]],
    count: int,
    patience: float,
) -> None:
    deadline = time.monotonic() + patience
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while not done() and time.monotonic() < deadline:
            live.update(show.progress(watch, count, datetime.now(UTC)), refresh=True)
            for task in tasks:
                if task.done() and not task.cancelled() and task.exception():
                    raise task.exception()  # type: ignore[misc]
            await asyncio.sleep(0.5)


async def _withdraw(watch: Watch, writers: Mapping[str, AIOKafkaProducer]) -> None:
    """Whoever still waits shall not wait for ever for a demo."""
    for (agency, reference, need), told in watch.needs.items():
        if told and not told[-1].state.ended:
            body = ReferralWithdrawn(reference=reference, needs=[need], reason="resolved")
            await client.send(writers[agency], topics.referrals(agency), reference, f"/{agency}", body)


def _docker(*arguments: str) -> str:
    command = ["docker", "compose", "-f", str(_FILE), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise ComposeError(f"docker could not be started: {error.strerror}") from None
    if done.returncode:
        raise ComposeError(f"docker compose {arguments[0]}: {done.stderr.strip() or done.returncode}")
    return done.stdout
