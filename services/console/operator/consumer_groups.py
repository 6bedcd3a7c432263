"""Consumer groups: what each reads, and how far it is behind. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from contracts import topics
from deploy.cluster.access import GROUPS, READS
from services.chassis.ports import Partition, Stage
from services.chassis.retention import never_read

_TENANTS = {
    "intake-gate": topics.AGENCY_REFERRALS,
    "matching-directory": topics.PROVIDER_DIRECTORY,
    "notification-gate": topics.PROVIDER_RESPONSES,
}
COLUMNS = ("GROUP", "TOPIC", "PARTITION", "COMMITTED", "END", "LAG")


def stages() -> list[Stage]:
    """Every consumer group of every service. The tenant registry is read without a group."""
    return [
        Stage(group, pattern=_TENANTS[group])
        if group in _TENANTS
        else Stage(group, topics=[each for each in READS[service] if each != topics.TENANTS])
        for service, groups in GROUPS.items()
        for group in groups
    ]


@dataclass(frozen=True)
class Lag:
    """The lag of one group on one partition, in records. `committed` is None before its first commit."""

    group: str
    topic: str
    partition: int
    committed: int | None
    end: int
    lag: int
    lost: int = 0
    """Records that Kafka deleted before the group read them."""

    def row(self) -> tuple[object, ...]:
        """The lag as a row under `COLUMNS`."""
        committed = "-" if self.committed is None else self.committed
        return (self.group, self.topic, self.partition, committed, self.end, self.lag)


def lags(
    ends: Mapping[Partition, tuple[int, int]], committed: Mapping[str, Mapping[Partition, int]], groups: Iterable[Stage]
) -> list[Lag]:
    """The lag of every group on every partition it reads. `ends` has the first and the next offset of each partition.

    Records that Kafka has deleted do not count. A group without a commit starts at the first record.
    """
    result = []
    for stage in groups:
        starts = {at: first for at, (first, _) in ends.items() if stage.reads(at[0])}
        lost = never_read(starts, committed.get(stage.group, {}))
        for (topic, partition), (first, end) in sorted(ends.items()):
            if stage.reads(topic):
                offset = committed.get(stage.group, {}).get((topic, partition))
                behind = max(0, end - max(first, offset or 0))
                lost_here = lost.get((topic, partition), 0)
                result.append(Lag(stage.group, topic, partition, offset, end, behind, lost_here))
    return result


def per_group(partitions: Iterable[Lag]) -> dict[str, int]:
    """The total lag of each group."""
    total: dict[str, int] = {}
    for each in partitions:
        total[each.group] = total.get(each.group, 0) + each.lag
    return total
