"""What the agencies learn, and whether it adds up: every need ended once and known to its referrer."""

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
"""Agency, reference and the agency's label of the need: how the referrer knows it."""


@dataclass
class Watch:
    """The agencies' books."""

    published: dict[tuple[str, str], float] = field(default_factory=dict)
    """When (wall seconds) each referral was published, by agency and reference."""
    needs: dict[Need, list[StatusChanged]] = field(default_factory=dict)
    """What was told of each need, in the order it was told; empty: nothing yet."""
    refused: list[AgencyInputRefused] = field(default_factory=list)
    recalls: list[RecallChanged] = field(default_factory=list)
    asked: set[tuple[str, str]] = field(default_factory=set)
    """Referrals of which the agency has said more: it is answered with where they stand, be that known or not."""
    _seen: set[str] = field(default_factory=set)

    def expect(self, agency: str, referral: Submitted, at: float) -> None:
        """A referral is about to be published."""
        self.published[agency, referral.reference] = at
        for need in referral.needs:
            self.needs[agency, referral.reference, need.need] = []

    async def follow(self, reader: AIOKafkaConsumer) -> None:
        """Take in status events until cancelled."""
        async for record in reader:
            event, message = client.read(record)
            self.note(event, message)

    def note(self, event: CloudEvent, message: object) -> None:
        """One event of a status topic. A repetition has the same id, and is no second event."""
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
        """How many needs are in each state now; "unheard" where the agency knows nothing."""
        return Counter(told[-1].state.value if told else "unheard" for told in self.needs.values())

    @property
    def finished(self) -> bool:
        """True when every need has ended."""
        return all(told and told[-1].state.ended for told in self.needs.values())

    def settled(self, now: datetime) -> bool:
        """True when every need has ended, or is known to wait."""
        return all(told and (told[-1].state.ended or _may_wait(told[-1], now)) for told in self.needs.values())

    def faults(self, now: datetime) -> dict[str, list[Need]]:
        """Needs that were lost (nothing is known), doubled (two ends, or one step told twice) or stuck.

        Stuck is what has not ended, unless it waits (for a place, or its agency) and the end of that is still to come.
        """
        found: dict[str, list[Need]] = defaultdict(list)
        for need, told in self.needs.items():
            # What was remarked of a need is said again with a state that was read later, though it came before.
            steps = Counter((status.attempt, status.state, status.what, status.overdue, _at(status)) for status in told)
            if not told:
                found["lost"].append(need)
            elif sum(status.state.ended for status in told) > 1 or (
                max(steps.values()) > 1 and need[:2] not in self.asked
            ):
                found["doubled"].append(need)
            elif not told[-1].state.ended and not _may_wait(told[-1], now):
                found["stuck"].append(need)
            if (need[0], need[1]) not in self.published:
                found["unknown"].append(need)
        return dict(found)

    def referrals_accounted_for(self, now: datetime) -> int:
        """Referrals of which every need has ended, or is known to be waiting."""
        bad = {need[:2] for needs in self.faults(now).values() for need in needs}
        return len(self.published.keys() - bad)

    def rerouted(self) -> int:
        """Rounds of offers after the first; those made at once are one."""
        rounds = ({_round(status) for status in told if status.attempt} for told in self.needs.values())
        return sum(max(len(each) - 1, 0) for each in rounds)

    def at_once(self) -> int:
        """Needs that were offered to several services at once."""
        return sum(any(status.broadcast for status in told) for told in self.needs.values())

    def waited(self) -> int:
        """Needs that waited at some time."""
        return sum(any(status.state is Lifecycle.WAITING for status in told) for told in self.needs.values())

    def unmet(self) -> Counter[str]:
        """Reasons of unmet needs."""
        return Counter(
            told[-1].code or "" for told in self.needs.values() if told and told[-1].state is Lifecycle.UNMET
        )

    def most_eventful(self) -> tuple[str, str]:
        """Agency and reference of the referral with the most to tell."""
        events: Counter[tuple[str, str]] = Counter()
        for need, told in self.needs.items():
            events[need[:2]] += len(told)
        return events.most_common(1)[0][0]


def _round(status: StatusChanged) -> int:
    return status.broadcast.first if status.broadcast else status.attempt


def _at(status: StatusChanged) -> datetime | None:
    """When what is remarked of a state happened; a state is reached once."""
    return status.at if status.what != status.state else None


def _may_wait(status: StatusChanged, now: datetime) -> bool:
    return (
        status.state in (Lifecycle.WAITING, Lifecycle.ON_HOLD) and status.next_by is not None and status.next_by > now
    )


def quantiles(seconds: list[float]) -> tuple[float, float]:
    """Median and 99th percentile."""
    if len(seconds) < 2:
        return (seconds[0], seconds[0]) if seconds else (0.0, 0.0)
    return statistics.median(seconds), statistics.quantiles(seconds, n=100, method="inclusive")[98]
