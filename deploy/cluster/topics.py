"""All topics with their settings, and how they are created: the one place that says how long anything is kept.

    create(servers.kafka, internal() + of_agency("a1") + of_provider("p1"))         # from ordinary code
    await ensure("127.0.0.1:9092", internal())                                      # from a coroutine
    await diff("127.0.0.1:9092", internal())                                        # what is not as declared
    python -m deploy.cluster.topics --kafka kafka:9092 --agency a1 --provider p1            # from a shell

Doing it again is harmless: a topic that is there is brought to the settings written here. Names: contracts/topics.py.
"""

import argparse
import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaConnectionError, KafkaError, TopicAlreadyExistsError, for_code

from contracts import topics as names
from deploy.cluster.login import Login

HOUR = 3_600_000  # Kafka counts milliseconds
DAY = 24 * HOUR
MIB = 1024 * 1024
PARTITIONS = 4
OURS = ("agency.", "provider.", "referrals.", "statistics.")
"""How names of topics begin that are declared here."""
_SET_ON_TOPIC = 1  # Kafka's ConfigSource.DYNAMIC_TOPIC_CONFIG


class TopicsError(RuntimeError):
    """A topic could not be created, or is there with another number of partitions; the message names it."""


FAILURES = (TopicsError, KafkaError)
"""What `ensure` and `diff` raise, for who would not know the client library."""


@dataclass(frozen=True)
class Topic:
    """A topic as it shall be. `settings` are Kafka's own, as text."""

    name: str
    partitions: int = 1
    settings: dict[str, str] = field(default_factory=dict)


def internal(partitions: int = PARTITIONS) -> list[Topic]:
    """The topics among our services, for operators and for analysts.

    The topics that services fold have equal partition counts, so that a referral's events from several topics meet
    on one instance. The count cannot be changed later without moving referrals to other partitions: choose it well.
    """
    folded = [*map(names.inbox, names.SERVICES), names.INTAKE, names.MATCHING, names.NOTIFICATION]
    return [
        *(Topic(name, partitions, _kept(7 * DAY)) for name in folded),
        # It holds whole records, sealed and with headers added; so it must take more than any other topic does.
        Topic(names.DEAD_LETTERS, 1, {**_kept(7 * DAY), "max.message.bytes": str(2 * MIB)}),
        Topic(names.TENANTS, 1, _newest_of_each_key()),
        Topic(names.PRICES, 1, _newest_of_each_key()),
        Topic(names.INDICATORS, 1, _newest_of_each_key()),
    ]


def of_agency(agency: str) -> list[Topic]:
    """The topics of one agency. ValueError for an id that is none."""
    return [
        Topic(names.referrals(agency), 1, {**_kept(DAY), **_broker_time()}),  # personal data: gone after a day or so
        Topic(names.status(agency), 1, _kept(90 * DAY)),
    ]


def of_provider(provider: str) -> list[Topic]:
    """The topics of one provider. ValueError for an id that is none."""
    return [
        # By the broker's time: whether an entry is newer than a "no capacity" is not for the sender's clock to say.
        Topic(names.directory(provider), 1, {**_newest_of_each_key(), **_broker_time()}),
        Topic(names.notifications(provider), 1, _kept(7 * DAY)),
        Topic(names.responses(provider), 1, {**_kept(7 * DAY), **_broker_time()}),
    ]


def _kept(milliseconds: int) -> dict[str, str]:
    # Only a closed segment is ever deleted: without a short one a quiet topic would keep its records for a week more.
    segment = max(HOUR, milliseconds // 24)
    return {"cleanup.policy": "delete", "retention.ms": str(milliseconds), "segment.ms": str(segment)}


def _newest_of_each_key() -> dict[str, str]:
    return {
        "cleanup.policy": "compact",
        "segment.ms": str(DAY),
        "max.compaction.lag.ms": str(DAY),  # what was replaced or removed is gone for good after about two days
        "delete.retention.ms": str(7 * DAY),  # a reader that was away for a week still learns of removals
    }


def _broker_time() -> dict[str, str]:
    # Deadlines are judged by when the broker got an answer, not by the sender's clock.
    return {"message.timestamp.type": "LogAppendTime"}


def create(kafka: str | Login, topics: Iterable[Topic], copies: int = 1) -> None:
    """`ensure`, from ordinary code. Not inside a running loop."""
    asyncio.run(ensure(kafka, topics, copies))


async def ensure(kafka: str | Login, topics: Iterable[Topic], copies: int = 1, patience: float = 60) -> None:
    """Create what is missing, bring what is there to its settings, and return when all have a leader.

    `kafka` is `host:port` or an operator's login, `copies` the replication factor, `patience` the seconds to wait for
    Kafka and for leaders.
    TopicsFailed if Kafka refuses one, or one is there with another number of partitions.
    """
    wanted = _wanted(topics, copies)
    deadline = time.monotonic() + patience
    admin = await _connect(Login.of(kafka), deadline)
    try:
        there = await _create(admin, wanted, copies)
        if there:
            await _configure(admin, [wanted[name] for name in there])
        await _settled(admin, wanted, deadline)
    finally:
        await admin.close()


def _wanted(topics: Iterable[Topic], copies: int) -> dict[str, Topic]:
    # acks=all shall mean two disks where there are three.
    safe = {"min.insync.replicas": "2"} if copies > 2 else {}
    return {topic.name: replace(topic, settings={**topic.settings, **safe}) for topic in topics}


@dataclass(frozen=True)
class TopicDifference:
    """One way in which Kafka is not as declared. `setting` is Kafka's own, or "topic" or "partitions"."""

    topic: str
    setting: str
    declared: str
    there: str


async def diff(
    kafka: str | Login, topics: Iterable[Topic], copies: int = 1, patience: float = 20
) -> list[TopicDifference]:
    """Compare what is declared with what Kafka has; changes nothing. Topics that are nobody's of ours are left out."""
    wanted = _wanted(topics, copies)
    admin = await _connect(Login.of(kafka), time.monotonic() + patience)
    try:
        there = {name: Topic(name) for name in await admin.list_topics() if name.startswith(OURS)}
        known = sorted(there.keys() & wanted.keys())
        for found in await admin.describe_topics(known) if known else []:
            there[found["topic"]] = replace(there[found["topic"]], partitions=len(found["partitions"]))
        for name, settings in (await _settings(admin, known)).items():
            there[name] = replace(there[name], settings=settings)
    finally:
        await admin.close()
    return compare(wanted, there)


def compare(wanted: Mapping[str, Topic], there: Mapping[str, Topic]) -> list[TopicDifference]:
    """The differences, by topic. A setting that is not declared is Kafka's default, and a difference if it is not."""
    found = [TopicDifference(name, "topic", "there", "missing") for name in wanted.keys() - there.keys()]
    found += [TopicDifference(name, "topic", "not declared", "there") for name in there.keys() - wanted.keys()]
    for name in wanted.keys() & there.keys():
        one, other = wanted[name], there[name]
        if one.partitions != other.partitions:
            found.append(TopicDifference(name, "partitions", str(one.partitions), str(other.partitions)))
        for setting in one.settings.keys() | other.settings.keys():
            declared, has = one.settings.get(setting, "default"), other.settings.get(setting, "default")
            if declared != has:
                found.append(TopicDifference(name, setting, declared, has))
    return sorted(found, key=lambda each: (each.topic, each.setting))


async def _settings(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, dict[str, str]]:
    """What was set on each topic; defaults are left out."""
    asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    found: dict[str, dict[str, str]] = {}
    for answer in await admin.describe_configs(asked) if asked else []:
        for code, why, _, name, entries in answer.resources:
            if code:
                raise TopicsError(f"{name} was not described: {for_code(code).__name__} {why}")
            found[name] = {setting: value for setting, value, _, source, *_ in entries if source == _SET_ON_TOPIC}
    return found


async def _connect(kafka: Login, deadline: float) -> AIOKafkaAdminClient:
    while True:
        admin = AIOKafkaAdminClient(**kafka.aiokafka())
        try:
            await admin.start()
        except KafkaConnectionError:
            await admin.close()
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(1)
        else:
            return admin


async def _create(admin: AIOKafkaAdminClient, wanted: dict[str, Topic], copies: int) -> list[str]:
    """Create all, and return the names of those that were there before."""
    orders = [NewTopic(t.name, t.partitions, copies, topic_configs=t.settings) for t in wanted.values()]
    there = []
    for name, code, *why in (await admin.create_topics(orders)).topic_errors:
        if code == TopicAlreadyExistsError.errno:
            there.append(name)
        elif code:
            raise TopicsError(f"{name} was not created: {for_code(code).__name__} {why[0] if why else ''}")
    return there


async def _configure(admin: AIOKafkaAdminClient, topics: list[Topic]) -> None:
    # This call sets all settings of a topic at once, which is what is wanted here: what is not written is default.
    orders = [ConfigResource(ConfigResourceType.TOPIC, topic.name, topic.settings) for topic in topics]
    for answer in await admin.alter_configs(orders):
        for code, why, _, name in answer.resources:
            if code:
                raise TopicsError(f"{name} was not configured: {for_code(code).__name__} {why}")


async def _settled(admin: AIOKafkaAdminClient, wanted: dict[str, Topic], deadline: float) -> None:
    """Wait until every partition has a leader, for creation is done a little after it was acknowledged."""
    while True:
        pending = set(wanted)
        for found in await admin.describe_topics(list(wanted)):
            if found["error_code"] or any(p["error_code"] or p["leader"] < 0 for p in found["partitions"]):
                continue
            name, partitions = found["topic"], len(found["partitions"])
            if partitions != wanted[name].partitions:
                raise TopicsError(f"{name} has {partitions} partitions, not {wanted[name].partitions}")
            pending.discard(name)
        if not pending:
            return
        if time.monotonic() > deadline:
            raise TopicsError(f"no leader in time for {', '.join(sorted(pending))}")
        await asyncio.sleep(0.1)


def main(arguments: Sequence[str] | None = None) -> None:
    """Create the internal topics, and those of the tenants named."""
    parser = argparse.ArgumentParser(prog="python -m deploy.cluster.topics", description=main.__doc__)
    parser.add_argument("--kafka", default="127.0.0.1:9092", metavar="HOST:PORT")
    parser.add_argument("--partitions", type=int, default=PARTITIONS, help="of the topics that services fold")
    parser.add_argument("--copies", type=int, default=1, help="replication factor; 3 in production")
    parser.add_argument("--agency", action="append", default=[], metavar="ID", help="also its topics (repeatable)")
    parser.add_argument("--provider", action="append", default=[], metavar="ID", help="also its topics (repeatable)")
    args = parser.parse_args(arguments)
    topics = internal(args.partitions)
    for agency in args.agency:
        topics += of_agency(agency)
    for provider in args.provider:
        topics += of_provider(provider)
    create(args.kafka, topics, args.copies)
    print(f"{len(topics)} topics are there")


if __name__ == "__main__":
    main()
