"""Sends the demo's referrals, and judges the result at the end."""

import asyncio
import random
import time
from collections.abc import Iterable, Mapping
from datetime import datetime

from aiokafka import AIOKafkaProducer
from rich.console import Console

from contracts import topics
from contracts.agency import Submitted

from . import client, show
from .providers import SimulatedProvider
from .stories import StoryError
from .watch import Watch


async def publish(
    watch: Watch, writers: Mapping[str, AIOKafkaProducer], referrals: Iterable[tuple[str, Submitted]], seed: int
) -> None:
    """Send the referrals as a Poisson process, about twenty per second."""
    chance = random.Random(seed)
    for agency, referral in referrals:
        watch.expect(agency, referral, time.time())
        await client.send(writers[agency], topics.referrals(agency), referral.reference, f"/{agency}", referral)
        await asyncio.sleep(chance.expovariate(20))


def verdict(
    console: Console,
    watch: Watch,
    cast: list[SimulatedProvider],
    outcomes: Mapping[str, str | StoryError],
    planned: int,
    now: datetime,
) -> bool:
    """Print the results. Returns False when anything was lost, doubled, stuck or refused, or a story failed."""
    offers = [(offer, at) for provider in cast for offer, at in provider.offers]
    agencies = {
        status.need_id: (status.agency, status.reference) for statuses in watch.needs.values() for status in statuses
    }
    waited = {
        status.need_id for statuses in watch.needs.values() for status in statuses if status.state.value == "waiting"
    }
    latencies = [
        at - watch.published[agencies[offer.need_id]]
        for offer, at in offers
        if offer.attempt == 1 and offer.need_id in agencies and offer.need_id not in waited
    ]
    show.timeline(console, watch, *watch.most_eventful())
    show.summary(console, watch, now, latencies, sum(len(each.released) for each in cast), len(offers))
    if outcomes:
        show.stories(console, outcomes)
    faults = watch.faults(now)
    for kind, needs in faults.items():
        console.print(f"[red]{kind}: {len(needs)}[/red]", *("/".join(need) for need in needs[:5]))
        show.timeline(console, watch, *needs[0][:2])
    for refusal in watch.refused:
        console.print(f"[red]refused: {refusal.reference}[/red]", *(problem.field for problem in refusal.problems))
    failed = any(isinstance(each, StoryError) for each in outcomes.values())
    return not (faults or watch.refused or failed) and len(watch.published) == planned


def conclude(console: Console, passed: bool) -> int:
    """Print the last line, and return the exit status."""
    good = "[green]No referral was lost, doubled or stuck.[/green]"
    bad = "[red]The demo found a fault: see the red lines above.[/red]"
    console.print(good if passed else bad)
    return 0 if passed else 1
