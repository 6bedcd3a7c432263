"""``make demo``: start everything, route two hundred referrals, show the outcomes, stop everything.

With ``--against compose`` it uses the system that ``docker compose up`` has started, and leaves it running.

Exit status 1 if a referral is lost, doubled or stuck, or if one of the four stories does not end as expected.
"""

import argparse
import asyncio
import logging
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from contracts import topics
from contracts.operations import TenantKind
from deploy.cluster import tenants
from deploy.cluster.login import Login
from deploy.cluster.topics import ensure, internal_topics
from deploy.local.kafka import AccessControl
from deploy.local.process import StartError
from deploy.local.services import start_services
from deploy.local.stack import Addresses, LocalStack
from deploy.secrets import keys
from services.chassis.clock import Clock

from . import against, client, explanations, picture
from .cast import AGENCIES, PROVIDERS
from .people import referrals
from .progress import DemoProgress
from .providers import SimulatedProvider
from .stories import STORIES, Story, StoryError, StoryStage, play_all
from .verdict import conclude, publish, verdict
from .watch import Watch

SPEED = 1800
"""Speed of the demo's clock: an hour passes in two seconds."""

TIMES = {
    "REFERRALS_DECIDE_EMERGENCY_MINUTES": 60,
    "REFERRALS_ACKNOWLEDGE_URGENT_MINUTES": 2 * 60,
    "REFERRALS_DECIDE_URGENT_MINUTES": 4 * 60,
    "REFERRALS_ACKNOWLEDGE_NORMAL_MINUTES": 3 * 60,
    "REFERRALS_DECIDE_NORMAL_MINUTES": 6 * 60,
    "REFERRALS_WAIT_EMERGENCY_HOURS": 10,
    "REFERRALS_WAIT_URGENT_HOURS": 15,
    "REFERRALS_WAIT_NORMAL_HOURS": 20,
    "REFERRALS_PATIENCE_EMERGENCY_HOURS": 4,
    "REFERRALS_PATIENCE_URGENT_HOURS": 6,
    "REFERRALS_PATIENCE_NORMAL_HOURS": 8,
    "REFERRALS_RETRY_AFTER_HOURS": 3,
    "REFERRALS_TICK": 0.3,
    "REFERRALS_SWEEP": 1,
    "REFERRALS_METADATA_MAX_AGE_MS": 2000,
}
"""Deadlines and waits, shorter than in production even on the fast clock, so that they end during the demo."""


async def play(
    console: Console,
    logins: Mapping[str, Login],
    clock: Clock,
    count: int,
    seed: int,
    patience: float,
    stories: Sequence[Story] = STORIES,
    explain: explanations.Explain | None = None,
    svg: Path | None = None,
) -> int:
    """Publish referrals, answer offers and wait until every need has ended. Returns the exit status.

    Each organisation uses its own login. `explain` asks matching, as an operator does; with it, one match and one need
    without help are explained. With `svg`, a picture of the result is written into that file.
    """
    writers = {tenant: await client.producer(login) for tenant, login in logins.items()}
    watch = Watch()
    cast = {each.id: SimulatedProvider(each, logins[each.id], writers[each.id], seed) for each in PROVIDERS}
    for provider in cast.values():
        await provider.publish_directory()
    readers = [await client.consumer(logins[agency], topics.status(agency)) for agency in AGENCIES]
    tasks = [asyncio.create_task(each.work()) for each in cast.values()]
    tasks += [asyncio.create_task(watch.follow(reader)) for reader in readers]
    planned = count + sum(story.referrals for story in stories)

    async def act() -> dict[str, str | StoryError]:
        await publish(watch, writers, referrals(count, seed, clock.now()), seed)
        return await play_all(stories, StoryStage(writers, watch, cast, clock))

    acting = asyncio.create_task(act())
    progress = DemoProgress(console, watch, [*tasks, acting], planned, clock.now)
    try:
        await progress.show_until(lambda: acting.done() and watch.finished, patience)
        await asyncio.sleep(1)  # a duplicate would arrive now
    finally:
        in_time = acting.done()
        await progress.stop([*readers, *writers.values()])
    outcomes = acting.result() if in_time else {}
    passed = verdict(console, watch, list(cast.values()), outcomes, planned, clock.now())
    if explain is not None:
        explanations.show(console, watch, explain)
    if svg is not None:
        picture.draw(svg, watch, outcomes, explain, passed)
    return conclude(console, passed)


async def onboard(addresses: Addresses) -> dict[str, Login]:
    """Create topics and access rules, and return the login of each organisation."""
    await ensure(addresses.operator, internal_topics())
    kinds = dict.fromkeys(AGENCIES, TenantKind.AGENCY) | {each.id: TenantKind.PROVIDER for each in PROVIDERS}
    credentials = await asyncio.gather(
        *(asyncio.to_thread(tenants.onboard, addresses.operator, kind, each, each) for each, kind in kinds.items())
    )
    return {each.tenant: login_of(addresses, each) for each in credentials}


def login_of(addresses: Addresses, credentials: tenants.Credentials) -> Login:
    """The login of an organisation with one role; without access control, a login without a user."""
    [(user, password)] = credentials.logins.items() or [("", "")]
    return addresses.login(user, password)


def main(command_line: Sequence[str] | None = None) -> int:
    """Run the demo. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--against", choices=["local", "compose"], default="local", help="local starts its own system")
    parser.add_argument("--stderr", action="store_true", help="print to stderr instead of stdout")
    parser.add_argument("--referrals", type=int, default=200, help="number of referrals to route")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same people and answers")
    parser.add_argument("--patience", type=float, default=140, help="seconds until an open need counts as stuck")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="also draw the result of a local demo into this file")
    arguments = parser.parse_args(command_line)
    # aiokafka would print a warning for each login without TLS; this Kafka listens on this machine only.
    logging.getLogger("aiokafka").setLevel(logging.ERROR)
    console = Console(stderr=arguments.stderr)
    if arguments.against == "compose":
        return against.compose(console, arguments.referrals, arguments.patience)
    clock = Clock(datetime.now(UTC), SPEED)
    env = {name: str(value) for name, value in TIMES.items()}
    env |= {"REFERRALS_CLOCK_ORIGIN": clock.origin.isoformat(), "REFERRALS_CLOCK_SPEED": str(SPEED)}
    try:
        with tempfile.TemporaryDirectory(prefix="referral-routing-demo-", ignore_cleanup_errors=True) as folder:
            console.print("Starting Kafka and MongoDB …")
            with LocalStack(Path(folder), AccessControl()) as stack:
                logins = asyncio.run(onboard(stack.addresses))
                console.print("Starting intake, matching, notification and outcomes as four processes …")
                token = keys.operator_token(Path(folder) / "keys")
                with start_services(
                    stack.addresses, Path(folder), env | {"REFERRALS_OPERATOR_TOKEN": token}
                ) as services:
                    numbers = (arguments.referrals, arguments.seed, arguments.patience)
                    asks = explanations.asking(services.url("matching"), token)
                    return asyncio.run(play(console, logins, clock, *numbers, explain=asks, svg=arguments.svg))
    except StartError as failure:
        console.print(f"[red]{failure}[/red]")
        return 1
    except KeyboardInterrupt:
        console.print("Stopped. Nothing is left running.")
        return 130


if __name__ == "__main__":
    os.environ.setdefault("COLUMNS", "120")
    sys.exit(main())
