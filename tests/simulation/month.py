"""``make month``: simulates a month of referrals at the acceptance rates of the field, and measures loop closure.

The rates are those of the Lebanon inter-agency referral analyses (2021 to 2025, 42,988 referrals in one year): accepted
53 % in health, 32 % in basic assistance, 22 % in livelihoods; no response 13 to 27 %, not accepted 6 to 17 %, only
acknowledged the rest, up to 47 %. There, that is the end of a referral; here it is one attempt of a need. What follows
acceptance, how fast people answer and how many places there are is assumed. Time limits, waits and the number of
attempts are the defaults of the settings. Policies, loops and gates are real; Kafka, MongoDB and time are simulated.
"""

import argparse
import asyncio
import heapq
import itertools
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from contracts import topics
from contracts.agency import Submitted
from contracts.cloudevents import CloudEvent
from contracts.outcomes import StatusChanged
from contracts.provider import Answered, Offer, Profile, Service
from contracts.words import Answer, Category, DeclineCode, Lifecycle, NotDeliveredCode, Urgency
from services.chassis.telemetry import logs
from services.matching.settings import MatchingSettings
from services.notification.settings import NotificationSettings
from services.outcomes.domain.indicators import TABLE
from services.outcomes.domain.loop_closure import Closure, measure
from tests.support.clock import START
from tests.support.closures import merged

from .people import PUBLIC
from .world import World

_DAYS = 30
_HOUR = timedelta(hours=1)
_URGENCIES = {Urgency.EMERGENCY: 1, Urgency.URGENT: 3, Urgency.NORMAL: 6}
_DECLINES = (DeclineCode.NO_CAPACITY, DeclineCode.NOT_ELIGIBLE, DeclineCode.LACK_OF_RESOURCES, DeclineCode.OUT_OF_AREA)


@dataclass(frozen=True, slots=True)
class Sector:
    """How providers of a sector answer an offer, as shares that add up to 1."""

    accepted: float
    declined: float
    silent: float
    acknowledged_only: float
    providers: int = 6
    places: int = 10


SECTORS = {
    Category.HEALTH: Sector(0.53, 0.12, 0.20, 0.15),
    Category.CASH: Sector(0.32, 0.12, 0.20, 0.36),
    Category.EMPLOYMENT: Sector(0.22, 0.11, 0.20, 0.47),
}
"""Basic assistance is cash, livelihoods are employment."""


@dataclass(frozen=True, slots=True)
class Month:
    """The result. `sent` are the needs sent. `known_ends` and `ends` are what the agencies read on their own topics."""

    measured: Mapping[Urgency, Closure]
    sent: int
    known_ends: int
    ends: Mapping[Lifecycle, int]


class Field:
    """The agencies and providers of the month, with the actions they have planned, each at its own time."""

    def __init__(self, seed: int, referrals: int) -> None:
        agencies = [f"a{n}" for n in range(3)]
        self.providers = {
            f"{category.value}-{n}": category for category in SECTORS for n in range(SECTORS[category].providers)
        }
        tenants = dict.fromkeys(agencies, "agency") | dict.fromkeys(self.providers, "provider")
        self.world = World(
            seed,
            tenants,
            limits=MatchingSettings.model_construct().limits,
            deadlines=NotificationSettings.model_construct().deadline_rules,
        )
        self.rng = self.world.rng
        self._planned: list[tuple[datetime, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._read: dict[str, int] = {}
        self._offers_read: set[str] = set()
        self.sent: set[tuple[str, str]] = set()
        self.ends: dict[tuple[str, str], Lifecycle] = {}
        for provider, category in self.providers.items():
            self._publish_directory(provider, category)
        for number in range(referrals):
            at = self.world.now() + self.rng.random() * timedelta(days=_DAYS)
            self._plan(at, lambda n=number: self._refer(self.rng.choice(agencies), f"R-{n}"))  # type: ignore[misc]

    async def run(self) -> None:
        """Lets time pass until every need has ended and no action is planned."""
        self.world.start()
        while self._planned or len(self.ends) < len(self.sent):
            self.world.clock.advance(seconds=(self._next_moment() - self.world.now()).total_seconds())
            while self._planned and self._planned[0][0] <= self.world.now():
                heapq.heappop(self._planned)[2]()
            await self.world.settle()
            for service in self.world.services.values():
                await self.world.fire_timers(service, faultless=True)
                await self.world.fire_timers(service, faultless=True)
            await self.world.sweep()
            await self.world.settle()
            self._read_topics()

    def _next_moment(self) -> datetime:
        """When something is due next; an hour from now at the latest, since waiting needs are swept then."""
        timers = [timer.due_at for service in self.world.services.values() for timer in service.store.timers.values()]
        soonest = min([self.world.now() + _HOUR, *timers, *(at for at, _, _ in self._planned[:1])])
        return max(soonest, self.world.now() + timedelta(seconds=1))

    def _plan(self, at: datetime, action: Callable[[], None]) -> None:
        heapq.heappush(self._planned, (at, next(self._numbers), action))

    def _publish_directory(self, provider: str, category: Category) -> None:
        self.world.send(topics.directory(provider), "profile", Profile(name=provider, public_key=PUBLIC))
        service = Service(service="s", name="s", categories=[category], capacity=SECTORS[category].places, areas=["BY"])
        self.world.send(topics.directory(provider), "s", service)

    def _refer(self, agency: str, reference: str) -> None:
        person = {"name": "Somebody", "age_band": "18-59", "sex": "female", "languages": ["ru"]}
        grants = [{"recipients": "any", "fields": ["name"]}]
        urgency = self.rng.choices(list(_URGENCIES), list(_URGENCIES.values()))[0]
        referral = {
            "reference": reference,
            "referrer": "organisation",
            "person": {**person, "contact": {"may_contact": False}},
            "location": {"admin1": "BY-HM"},
            "consent": {"basis": "consent", "given_at": self.world.now(), "given_by": "person", "grants": grants},
            "needs": [{"need": "1", "category": self.rng.choice(list(SECTORS)), "urgency": urgency}],
        }
        self.sent.add((agency, reference))
        self.world.send(topics.referrals(agency), reference, Submitted.model_validate(referral))

    def _read_topics(self) -> None:
        """Lets tenants read what is new on their topics: providers plan their answers, agencies note the ends."""
        for provider in self.providers:
            for event in self._new_events(topics.notifications(provider)):
                if event.type == Offer.ce_type() and event.id not in self._offers_read:
                    self._offers_read.add(event.id)
                    self._plan_answers(provider, Offer.read(event.data))
        for agency in {agency for agency, _ in self.sent}:
            for event in self._new_events(topics.status(agency)):
                if event.type == StatusChanged.ce_type():
                    status = StatusChanged.read(event.data)
                    if status.state.ended:
                        self.ends[agency, status.reference] = status.state

    def _new_events(self, topic: str) -> list[CloudEvent]:
        events = self.world.tenant_events(topic)
        begin, self._read[topic] = self._read.get(topic, 0), len(events)
        return events[begin:]

    def _plan_answers(self, provider: str, offer: Offer) -> None:
        sector, now = SECTORS[self.providers[provider]], self.world.now()
        shares = (sector.accepted, sector.declined, sector.silent, sector.acknowledged_only)
        seen = now + self.rng.uniform(0.1, 1.0) * (offer.acknowledge_by - now)
        decided = seen + self.rng.uniform(0.0, 0.9) * (offer.decide_by - seen)
        match self.rng.choices(("accept", "decline", "silent", "acknowledge"), shares)[0]:
            case "accept":
                self._plan_answer(provider, offer, seen, Answer.ACKNOWLEDGED)
                self._plan_answer(provider, offer, decided, Answer.ACCEPTED)
                self._plan_help(provider, offer, decided)
            case "decline":
                self._plan_answer(provider, offer, decided, Answer.DECLINED, self.rng.choice(_DECLINES))
            case "acknowledge":
                self._plan_answer(provider, offer, seen, Answer.ACKNOWLEDGED)

    def _plan_help(self, provider: str, offer: Offer, accepted: datetime) -> None:
        begins = accepted + self.rng.uniform(1, 72) * _HOUR
        ends = begins + self.rng.uniform(1, 10) * timedelta(days=1)
        self._plan_answer(provider, offer, begins, Answer.IN_PROGRESS)
        end = self.rng.choices((Answer.DELIVERED, Answer.PARTLY_DELIVERED, Answer.NOT_DELIVERED), (85, 7, 8))[0]
        why = self.rng.choice(list(NotDeliveredCode)) if end is Answer.NOT_DELIVERED else None
        self._plan_answer(provider, offer, ends, end, why)

    def _plan_answer(self, provider: str, offer: Offer, at: datetime, answer: Answer, code: Any = None) -> None:
        body = Answered(referral_id=offer.referral_id, need=offer.need, attempt=offer.attempt, answer=answer, code=code)
        self._plan(at, lambda: self._send(provider, offer, body))

    def _send(self, provider: str, offer: Offer, body: Answered) -> None:
        self.world.send(topics.responses(provider), offer.referral_id, body)


async def month(seed: int, referrals: int) -> Month:
    """Simulates it."""
    field = Field(seed, referrals)
    await field.run()
    rows = field.world.services["outcomes"].claims.tables[TABLE]
    days = (field.world.now() - START).days + 1
    ends = {end: sum(each is end for each in field.ends.values()) for end in Lifecycle if end.ended}
    return Month(measure(rows.values(), field.world.now(), days), len(field.sent), len(field.ends), ends)


def report(result: Month) -> Iterator[str]:
    """The result as lines of text."""
    whole = merged(result.measured.values())
    yield f"{result.sent} needs in {_DAYS} days; their agencies know the end of {result.known_ends}"
    yield f"loop closure: {whole.reported} of {whole.ended} ends reported, {whole.rate or 0:.1%}"
    yield "ends: " + ", ".join(f"{end.value} {count}" for end, count in result.ends.items() if count)
    for until in ("answer", "decision", "end"):
        for name, closure in (("all", whole), *((urgency.value, each) for urgency, each in result.measured.items())):
            if times := closure.quantiles(until):
                median, p90 = (seconds / 3600 for seconds in times)
                times_text = f"{len(closure.seconds[until])} needs, median {median:.1f} h, p90 {p90:.1f} h"
                yield f"time to {'close' if until == 'end' else f'first {until}'}, {name}: {times_text}"
    counts = ", ".join(f"{tries} re-routes: {count}" for tries, count in sorted(whole.reroutes.items()))
    total = sum(tries * count for tries, count in whole.reroutes.items())
    yield f"{counts}; {total} in all, {total / max(1, whole.ended):.2f} a need"


def figures(result: Month) -> dict[str, Any]:
    """The figures that `make results` reads. Times are in hours, median and 90th percentile."""
    whole = merged(result.measured.values())
    tries = sum(tries * count for tries, count in whole.reroutes.items())
    return {
        "needs": result.sent,
        "known_ends": result.known_ends,
        "closure_rate": whole.rate,
        "answer_h": [seconds / 3600 for seconds in whole.quantiles("answer") or ()],
        "close_h": [seconds / 3600 for seconds in whole.quantiles("end") or ()],
        "reroutes": tries,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="make month", description=__doc__)
    parser.add_argument("referrals", type=int, nargs="?", default=300, help="how many referrals are sent")
    parser.add_argument("--seed", type=int, default=0, help="the seed of the random numbers")
    arguments = parser.parse_args()
    logs.configure("simulation", "critical")
    simulated = asyncio.run(month(arguments.seed, arguments.referrals))
    sys.stdout.writelines(f"{line}\n" for line in report(simulated))
    output = Path("build/month.json")
    output.parent.mkdir(exist_ok=True)
    output.write_text(json.dumps(figures(simulated)) + "\n")
