"""The demo in the system that ``docker compose up`` has started, through its public topics and in real time.

Because an hour takes an hour there, every provider accepts everything and has free places. Needs that no provider can
help with wait, and are withdrawn at the end. People and references are new each time, and everybody reads only new
events, so the demo can be repeated. The organisations stay registered.
"""

import asyncio
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from aiokafka import AIOKafkaProducer
from rich.console import Console

from contracts import topics
from contracts.agency import ReferralWithdrawn
from deploy.cluster.login import Login

from . import client
from .cast import AGENCIES, PROVIDERS, WILLING, Provider
from .people import referrals
from .progress import DemoProgress
from .providers import SimulatedProvider
from .verdict import conclude, publish, verdict
from .watch import Watch

_FILE = Path(__file__).parents[2] / "docker-compose.yml"
_ROOM = 100
"""Places of each service, so that nobody has to wait for one."""


class ComposeError(RuntimeError):
    """``docker compose`` failed; the message is from docker."""


def compose(console: Console, count: int, patience: float) -> int:
    """Route `count` referrals. Returns the exit status."""
    try:
        with tempfile.TemporaryDirectory(prefix="referral-routing-demo-") as folder:
            console.print("Onboarding the demo's organisations …")
            logins = onboard(Path(folder))
            return asyncio.run(play(console, logins, count, patience))
    except ComposeError as failure:
        console.print(f"[red]{failure}[/red]", "Is the system running? Start it with: docker compose up --build --wait")
        return 1


def onboard(folder: Path) -> dict[str, Login]:
    """Onboard all organisations in the operator's container, and return their logins. Writes ca.pem to `folder`."""
    _docker("cp", "kafka:/mnt/shared/config/ca.pem", str(folder / "ca.pem"))
    kinds = [*(("agency", each) for each in AGENCIES), *(("provider", each.id) for each in PROVIDERS)]
    pairs = (word for pair in kinds for word in pair)
    credentials = _docker("run", "--rm", "-T", "operator", "deploy.docker.provision", "onboard", *pairs)
    return read_logins(credentials, str(folder / "ca.pem"))


def read_logins(credentials: str, ca: str) -> dict[str, Login]:
    """The logins by organisation, from lines ``NAME=value``; those of each organisation begin with ``KAFKA``."""
    logins: dict[str, Login] = {}
    kafka = user = ""
    for line in credentials.splitlines():
        name, _, value = line.strip().partition("=")
        if name == "KAFKA":
            kafka = value
        elif name == "KAFKA_USER":
            user = value
        elif name == "KAFKA_PASSWORD":
            logins[user.partition(":")[2]] = Login(kafka, user, value, ca=ca)
    return logins


async def play(console: Console, logins: Mapping[str, Login], count: int, patience: float) -> int:
    """Publish referrals, answer offers and wait until every need has ended. Returns the exit status."""
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
    await asyncio.sleep(6)  # until services notice the topics of new organisations (REFERRALS_METADATA_MAX_AGE_MS)
    sent = referrals(count, seed, started, year=f"{started:%Y%m%d-%H%M%S}")
    acting = asyncio.create_task(publish(watch, writers, sent, seed))
    progress = DemoProgress(console, watch, [*tasks, acting], count, lambda: datetime.now(UTC))
    try:
        await progress.show_until(lambda: acting.done() and watch.settled(datetime.now(UTC)), patience)
        await _withdraw(watch, writers)
        await progress.show_until(lambda: watch.finished, patience)
        await asyncio.sleep(1)  # a duplicate would arrive now
    finally:
        await progress.stop([*readers, *writers.values()])
    passed = verdict(console, watch, cast, {}, count, datetime.now(UTC))
    return conclude(console, passed)


def _willing(provider: Provider) -> Provider:
    roomy = [each.model_copy(update={"capacity": _ROOM}) for each in provider.services]
    return replace(provider, services=roomy, temper=WILLING)


async def _withdraw(watch: Watch, writers: Mapping[str, AIOKafkaProducer]) -> None:
    """Withdraw the needs that are still waiting, so that the demo leaves nothing behind."""
    for (agency, reference, need), statuses in watch.needs.items():
        if statuses and not statuses[-1].state.ended:
            body = ReferralWithdrawn(reference=reference, needs=[need], reason="resolved")
            await client.send(writers[agency], topics.referrals(agency), reference, f"/{agency}", body)


def _docker(*arguments: str) -> str:
    command = ["docker", "compose", "-f", str(_FILE), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise ComposeError(f"docker cannot be started: {error.strerror}") from None
    if done.returncode:
        raise ComposeError(f"docker compose {arguments[0]} failed: {done.stderr.strip() or done.returncode}")
    return done.stdout
