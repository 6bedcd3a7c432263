"""Consumer groups: what each one reads, and how far behind it is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from contracts import topics
from deploy.cluster.access import GROUPS, READS
from services.chassis.ports import Partition, Stage

_TENANTS = {
    "intake-gate": topics.AGENCY_REFERRALS,
    "matching-directory": topics.PROVIDER_DIRECTORY,
    "notification-gate": topics.PROVIDER_RESPONSES,
}
COLUMNS = ("GROUP", "TOPIC", "PARTITION", "COMMITTED", "END", "LAG")


def stages() -> list[Stage]:
    """Every group of every service. The registry of tenants is followed outside of groups."""
    return [
        Stage(group, pattern=_TENANTS[group])
        if group in _TENANTS
        else Stage(group, topics=[each for each in READS[service] if each != topics.TENANTS])
        for service, groups in GROUPS.items()
        for group in groups
    ]


@dataclass(frozen=True)
class Lag:
    """One group on one partition. `committed` is None where it has settled nothing yet."""

    group: str
    topic: str
    partition: int
    committed: int | None
    end: int
    lag: int

    def row(self) -> tuple[object, ...]:
        """Under `COLUMNS`."""
        committed = "-" if self.committed is None else self.committed
        return (self.group, self.topic, self.partition, committed, self.end, self.lag)


def lags(
    ends: Mapping[Partition, tuple[int, int]], committed: Mapping[str, Mapping[Partition, int]], read: Iterable[Stage]
) -> list[Lag]:
    """Every partition that every group reads. `ends` holds the first offset that is there, and the next one.

    What has expired is waited for by nobody; a group that has settled nothing starts at the first record.
    """
    found = []
    for stage in read:
        for (topic, partition), (first, end) in sorted(ends.items()):
            if stage.reads(topic):
                settled = committed.get(stage.group, {}).get((topic, partition))
                behind = max(0, end - max(first, settled or 0))
                found.append(Lag(stage.group, topic, partition, settled, end, behind))
    return found


def per_group(found: Iterable[Lag]) -> dict[str, int]:
    """How far each group is behind on all it reads."""
    total: dict[str, int] = {}
    for each in found:
        total[each.group] = total.get(each.group, 0) + each.lag
    return total
