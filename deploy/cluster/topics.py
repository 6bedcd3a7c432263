"""All topics with their settings, and how they are created.

    create(servers.kafka, internal_topics() + agency_topics("a1") + provider_topics("p1"))  # from ordinary code
    await ensure("127.0.0.1:9092", internal_topics())  # from a coroutine
    await diff("127.0.0.1:9092", internal_topics())    # differences from the declaration
    python -m deploy.cluster.topics --kafka kafka:9092 --agency a1 --provider p1    # from a shell

All calls can be repeated: an existing topic gets its settings. Names are in contracts/topics.py, and how long records
are kept in contracts/topic_settings.py.
"""

import argparse
import asyncio
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from aiokafka.errors import KafkaError

from contracts import topics as names
from contracts.topic_settings import FOLDED, INTERNAL, OF_TENANTS
from contracts.topic_settings import PARTITIONS as PARTITIONS
from deploy.cluster import topic_admin
from deploy.cluster.login import Login
from deploy.cluster.topic_admin import Topic as Topic
from deploy.cluster.topic_admin import TopicsError as TopicsError

OURS = ("agency.", "provider.", "referrals.", "statistics.")
"""Prefixes of the topics that are declared here; all others belong to somebody else."""

FAILURES = (TopicsError, KafkaError)
"""What `ensure` and `diff` raise, for callers that do not know the client library."""


def internal_topics(partitions: int = PARTITIONS) -> list[Topic]:
    """The topics between the services, and those for operators and analysts.

    All topics that services fold have the same number of partitions, so that one instance receives all events of a
    referral. Choose it with care: a later change would move referrals to other partitions.
    """
    return [Topic(name, partitions if name in FOLDED else 1, dict(settings)) for name, settings in INTERNAL.items()]


def agency_topics(agency: str) -> list[Topic]:
    """The topics of one agency. Raises `ValueError` for an invalid id."""
    return _of_tenant("agency", names.referrals(agency), names.status(agency))


def provider_topics(provider: str) -> list[Topic]:
    """The topics of one provider. Raises `ValueError` for an invalid id."""
    return _of_tenant("provider", names.directory(provider), names.notifications(provider), names.responses(provider))


def _of_tenant(kind: str, *topics: str) -> list[Topic]:
    return [Topic(each, 1, dict(OF_TENANTS[f"{kind}.{{{kind}}}.{each.rpartition('.')[2]}"])) for each in topics]


def create(kafka: str | Login, topics: Iterable[Topic], replication_factor: int = 1) -> None:
    """`ensure`, for code outside an event loop."""
    asyncio.run(ensure(kafka, topics, replication_factor))


async def ensure(
    kafka: str | Login, topics: Iterable[Topic], replication_factor: int = 1, patience: float = 60
) -> None:
    """Create missing topics, give existing ones their settings, and wait until all partitions have a leader.

    `kafka` is `host:port` or an operator's login; `patience` is how long to wait for Kafka and for leaders, in seconds.
    Raises `TopicsError` when Kafka refuses a topic, or one exists with another number of partitions.
    """
    declared = _by_name(topics, replication_factor)
    deadline = time.monotonic() + patience
    admin = await topic_admin.connect(Login.from_address(kafka), patience)
    try:
        existing = await topic_admin.create(admin, declared, replication_factor)
        if existing:
            await topic_admin.configure(admin, [declared[name] for name in existing])
        await topic_admin.wait_for_leaders(admin, declared, deadline)
    finally:
        await admin.close()


def _by_name(topics: Iterable[Topic], replication_factor: int) -> dict[str, Topic]:
    # With three replicas an acknowledged record (acks=all) must be on two disks.
    safe = {"min.insync.replicas": "2"} if replication_factor > 2 else {}
    return {topic.name: replace(topic, settings={**topic.settings, **safe}) for topic in topics}


@dataclass(frozen=True)
class TopicDifference:
    """One difference between the declaration and Kafka. `setting` is Kafka's name of it, or "topic" or "partitions"."""

    topic: str
    setting: str
    declared: str
    there: str


async def diff(
    kafka: str | Login, topics: Iterable[Topic], replication_factor: int = 1, patience: float = 20
) -> list[TopicDifference]:
    """Compare the declared topics with those in Kafka, and change nothing. Topics of other systems are left out."""
    declared = _by_name(topics, replication_factor)
    admin = await topic_admin.connect(Login.from_address(kafka), patience)
    try:
        existing = {name: Topic(name) for name in await admin.list_topics() if name.startswith(OURS)}
        known = sorted(existing.keys() & declared.keys())
        for metadata in await admin.describe_topics(known) if known else []:
            name = metadata["topic"]
            existing[name] = replace(existing[name], partitions=len(metadata["partitions"]))
        for name, settings in (await topic_admin.settings_of(admin, known)).items():
            existing[name] = replace(existing[name], settings=settings)
    finally:
        await admin.close()
    return compare(declared, existing)


def compare(declared: Mapping[str, Topic], existing: Mapping[str, Topic]) -> list[TopicDifference]:
    """The differences, sorted by topic. A setting that is not declared must have Kafka's default."""
    missing, surplus = declared.keys() - existing.keys(), existing.keys() - declared.keys()
    differences = [TopicDifference(name, "topic", "there", "missing") for name in missing]
    differences += [TopicDifference(name, "topic", "not declared", "there") for name in surplus]
    for name in declared.keys() & existing.keys():
        differences += _compare_topic(declared[name], existing[name])
    return sorted(differences, key=lambda each: (each.topic, each.setting))


def _compare_topic(declared: Topic, existing: Topic) -> Iterator[TopicDifference]:
    if declared.partitions != existing.partitions:
        yield TopicDifference(declared.name, "partitions", str(declared.partitions), str(existing.partitions))
    for setting in declared.settings.keys() | existing.settings.keys():
        wanted, present = declared.settings.get(setting, "default"), existing.settings.get(setting, "default")
        if wanted != present:
            yield TopicDifference(declared.name, setting, wanted, present)


def main(arguments: Sequence[str] | None = None) -> None:
    """Create the internal topics, and those of the given agencies and providers."""
    parser = argparse.ArgumentParser(prog="python -m deploy.cluster.topics", description=main.__doc__)
    parser.add_argument("--kafka", default="127.0.0.1:9092", metavar="HOST:PORT", help="the operator's listener")
    parser.add_argument("--partitions", type=int, default=PARTITIONS, help="partitions of topics that services fold")
    parser.add_argument("--copies", type=int, default=1, help="replication factor; 3 in production")
    parser.add_argument("--agency", action="append", default=[], metavar="ID", help="with its topics; repeatable")
    parser.add_argument("--provider", action="append", default=[], metavar="ID", help="with its topics; repeatable")
    args = parser.parse_args(arguments)
    topics = internal_topics(args.partitions)
    for agency in args.agency:
        topics += agency_topics(agency)
    for provider in args.provider:
        topics += provider_topics(provider)
    create(args.kafka, topics, args.copies)
    print(f"{len(topics)} topics exist")


if __name__ == "__main__":
    main()
