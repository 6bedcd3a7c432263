"""The statuses that agencies receive, and the check that every need ends exactly once and its agency learns of it."""

import statistics
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime

from aiokafka import AIOKafkaConsumer

from contracts.agency import Submitted
from contracts.cloudevents import CloudEvent
from contracts.outcomes import AgencyInputRefused, RecallChanged, StatusChanged
from contracts.words import Lifecycle

from . import client

Need = tuple[str, str, str]
"""Agency, reference and label of a need: how its agency identifies it."""


@dataclass
class Watch:
    """Everything that the agencies have sent and received."""

    published: dict[tuple[str, str], float] = field(default_factory=dict)
    """When each referral was published (Unix time in seconds), by agency and reference."""
    needs: dict[Need, list[StatusChanged]] = field(default_factory=dict)
    """The statuses of each need in order of arrival; empty before the first."""
    refused: list[AgencyInputRefused] = field(default_factory=list)
    recalls: list[RecallChanged] = field(default_factory=list)
    updated: set[tuple[str, str]] = field(default_factory=set)
    """Referrals that the agency has updated: it then gets their status again, even when it is unchanged."""
    _seen: set[str] = field(default_factory=set)

    def expect(self, agency: str, referral: Submitted, at: float) -> None:
        """Note a referral that is about to be published."""
        self.published[agency, referral.reference] = at
        for need in referral.needs:
            self.needs[agency, referral.reference, need.need] = []

    async def follow(self, reader: AIOKafkaConsumer) -> None:
        """Read status events until cancelled."""
        async for record in reader:
            event, message = client.read(record)
            self.note(event, message)

    def note(self, event: CloudEvent, message: object) -> None:
        """Note one event of a status topic. A repetition has the same id and is ignored."""
        if event.id in self._seen:
            return
        self._seen.add(event.id)
        if isinstance(message, StatusChanged):
            self.needs.setdefault((message.agency, message.reference, message.need), []).append(message)
        elif isinstance(message, AgencyInputRefused):
            self.refused.append(message)
        elif isinstance(message, RecallChanged):
            self.recalls.append(message)

    @property
    def states(self) -> Counter[str]:
        """The number of needs in each state; "unheard" before the first status."""
        return Counter(statuses[-1].state.value if statuses else "unheard" for statuses in self.needs.values())

    @property
    def finished(self) -> bool:
        """Whether every need has ended."""
        return all(statuses and statuses[-1].state.ended for statuses in self.needs.values())

    def settled(self, now: datetime) -> bool:
        """Whether every need has ended or is waiting."""
        return all(
            statuses and (statuses[-1].state.ended or _may_wait(statuses[-1], now)) for statuses in self.needs.values()
        )

    def faults(self, now: datetime) -> dict[str, list[Need]]:
        """Needs that were lost (no status), doubled (two ends, or one step twice), stuck or unknown, by kind of fault.

        A need is stuck when it has not ended, unless it is waiting (for a place or its agency) and may still wait.
        """
        needs_by_fault: dict[str, list[Need]] = defaultdict(list)
        for need, statuses in self.needs.items():
            # A sub-status is repeated with a state that happened before it but was read later.
            steps = Counter(
                (status.attempt, status.state, status.what, status.overdue, _at(status)) for status in statuses
            )
            if not statuses:
                needs_by_fault["lost"].append(need)
            elif sum(status.state.ended for status in statuses) > 1 or (
                max(steps.values()) > 1 and need[:2] not in self.updated
            ):
                needs_by_fault["doubled"].append(need)
            elif not statuses[-1].state.ended and not _may_wait(statuses[-1], now):
                needs_by_fault["stuck"].append(need)
            if (need[0], need[1]) not in self.published:
                needs_by_fault["unknown"].append(need)
        return dict(needs_by_fault)

    def referrals_accounted_for(self, now: datetime) -> int:
        """The number of referrals whose needs have all ended or are waiting."""
        bad = {need[:2] for needs in self.faults(now).values() for need in needs}
        return len(self.published.keys() - bad)

    def rerouted(self) -> int:
        """The number of offer rounds after the first; offers made at the same time are one round."""
        rounds = ({_round(status) for status in statuses if status.attempt} for statuses in self.needs.values())
        return sum(max(len(each) - 1, 0) for each in rounds)

    def at_once(self) -> int:
        """The number of needs that were offered to several services at the same time."""
        return sum(any(status.broadcast for status in statuses) for statuses in self.needs.values())

    def waited(self) -> int:
        """The number of needs that had to wait."""
        return sum(any(status.state is Lifecycle.WAITING for status in statuses) for statuses in self.needs.values())

    def unmet(self) -> Counter[str]:
        """The number of unmet needs by reason."""
        return Counter(
            statuses[-1].code or ""
            for statuses in self.needs.values()
            if statuses and statuses[-1].state is Lifecycle.UNMET
        )

    def most_eventful(self) -> tuple[str, str]:
        """Agency and reference of the referral with the most statuses."""
        events: Counter[tuple[str, str]] = Counter()
        for need, statuses in self.needs.items():
            events[need[:2]] += len(statuses)
        return events.most_common(1)[0][0]


def _round(status: StatusChanged) -> int:
    return status.broadcast.first if status.broadcast else status.attempt


def _at(status: StatusChanged) -> datetime | None:
    """When a sub-status happened; None for a state, which is reached only once."""
    return status.at if status.what != status.state else None


def _may_wait(status: StatusChanged, now: datetime) -> bool:
    return (
        status.state in (Lifecycle.WAITING, Lifecycle.ON_HOLD) and status.next_by is not None and status.next_by > now
    )


def quantiles(seconds: list[float]) -> tuple[float, float]:
    """Median and 99th percentile of durations in seconds."""
    if len(seconds) < 2:
        return (seconds[0], seconds[0]) if seconds else (0.0, 0.0)
    return statistics.median(seconds), statistics.quantiles(seconds, n=100, method="inclusive")[98]
