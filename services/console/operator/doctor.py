"""`referrals doctor`: checks everything once and says what to do."""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from contracts.topics import INTAKE, SERVICES
from deploy.cluster import service_client, tenants
from deploy.cluster.topics import PARTITIONS

from ..shared import output
from ..shared.connection import error_text
from ..shared.errors import UserError
from ..shared.settings import Settings
from . import checks
from .checks import Check
from .cluster import FAILURES, OperatorKafka
from .consumer_groups import stages
from .dead_letter import since
from .lag import measure
from .topics import ReplicationFactor, differences


def doctor(
    context: typer.Context,
    max_lag: Annotated[int, typer.Option(min=0, help="Warn when a consumer group is more records behind.")] = 1000,
    replication_factor: ReplicationFactor = 1,
    as_json: output.Json = False,
) -> None:
    """Check everything once and say what to do. Exit status 1 if anything is bad.

    Checks services, Kafka, topics, access rules, consumer groups, dead letters, tenants, keys, lag and records
    that expired unread.
    """
    settings: Settings = context.obj
    results = [*_of_services(settings), *_of_kafka(settings, max_lag, replication_factor)]
    bad = any(each.state == "bad" for each in results)
    if as_json:
        output.as_json({"well": not bad, "checks": [asdict(each) for each in results]})
    else:
        output.table(checks.COLUMNS, [each.row() for each in results])
    raise typer.Exit(1 if bad else 0)


def _of_services(settings: Settings) -> Iterator[Check]:
    for name in SERVICES:
        try:
            yield checks.of_service(name, *service_client.get(settings.url(name), "/health/ready"))
        except service_client.ServiceAwayError:
            yield checks.of_service(name, None, None)
        except UserError as error:
            yield Check(name, "bad", error.what, error.hint)
    yield from _guarded("token", lambda: [checks.of_token(settings.token)])


def _of_kafka(settings: Settings, max_lag: int, replication_factor: int) -> Iterator[Check]:
    try:
        kafka = OperatorKafka(settings.login)
    except UserError as error:
        yield Check("kafka", "bad", error.what, error.hint)
        yield Check("the rest", "warning", "not checked, because it needs Kafka")
        return
    yield Check("kafka", "ok", f"responds at {kafka.login.kafka}, {len(kafka.topics)} topics")
    yield from _guarded("topics", lambda: _of_declared(kafka, replication_factor))
    yield from _guarded("groups", lambda: [checks.of_groups(kafka.members([each.group for each in stages()]))])
    yield from _guarded("dead letters", lambda: _of_dead_letters(kafka, settings))
    yield from _guarded("lag", lambda: _of_lag(kafka, max_lag))


def _of_lag(kafka: OperatorKafka, max_lag: int) -> list[Check]:
    partitions = measure(kafka)
    return [checks.of_lag(partitions, max_lag), checks.of_lost(partitions)]


def _of_declared(kafka: OperatorKafka, replication_factor: int) -> list[Check]:
    entries, unusable = tenants.read_registry(kafka.login)
    different = differences(kafka.login, entries, _partitions(kafka), replication_factor)
    return [
        checks.of_topics(different.topics),
        checks.of_rules(different.rules),
        checks.of_registry(len(entries), unusable),
    ]


def _partitions(kafka: OperatorKafka) -> int:
    """The partition count chosen at installation, from one folded topic; all of them must have the same."""
    return kafka.topics.get(INTAKE) or PARTITIONS


def _of_dead_letters(kafka: OperatorKafka, settings: Settings) -> list[Check]:
    dead_letters = list(kafka.dead_letters())
    newest = dead_letters[-1] if dead_letters else None
    day = since(dead_letters, datetime.now(UTC) - timedelta(days=1))
    key = _guarded("private key", lambda: [checks.of_key(settings.private_key, newest)])
    return [checks.of_dead_letters(day), *key]


def _guarded(name: str, check: Callable[[], list[Check]]) -> list[Check]:
    """The results of a check, or "bad" when it fails, so that the other checks still run."""
    try:
        return check()
    except UserError as error:
        return [Check(name, "bad", error.what, error.hint)]
    except FAILURES as failure:
        hint = "check that Kafka is healthy and that this is the operator's login"
        return [Check(name, "bad", f"the check failed: {error_text(failure)}", hint)]
