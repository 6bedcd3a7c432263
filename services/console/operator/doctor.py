"""`referrals doctor`: look at everything once and say in words what to do."""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from contracts.topics import INTAKE, SERVICES
from deploy.cluster import service_client, tenants
from deploy.cluster.topics import PARTITIONS

from ..shared import output
from ..shared.connection import words
from ..shared.errors import UserError
from ..shared.settings import Settings
from . import checks
from .checks import Check
from .cluster import FAILURES, OperatorKafka
from .consumer_groups import stages
from .dead_letter import since
from .lag import measure
from .topics import differences


def doctor(
    context: typer.Context,
    max_lag: Annotated[int, typer.Option(min=0, help="Warn when a group is further behind than this.")] = 1000,
    copies: Annotated[int, typer.Option(min=1, envvar="REFERRALS_COPIES", help="Copies each topic shall have.")] = 1,
    as_json: output.Json = False,
) -> None:
    """Check Kafka, topics, rules, services, groups, letters, tenants, keys and lag. Exit status 1 if one is bad."""
    settings: Settings = context.obj
    found = [*_of_services(settings), *_of_kafka(settings, max_lag, copies)]
    bad = any(each.state == "bad" for each in found)
    if as_json:
        output.as_json({"well": not bad, "checks": [asdict(each) for each in found]})
    else:
        output.table(checks.COLUMNS, [each.row() for each in found])
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


def _of_kafka(settings: Settings, max_lag: int, copies: int) -> Iterator[Check]:
    try:
        kafka = OperatorKafka(settings.login)
    except UserError as error:
        yield Check("kafka", "bad", error.what, error.hint)
        yield Check("the rest", "warning", "not looked at: it needs Kafka")
        return
    yield Check("kafka", "ok", f"answers at {kafka.login.kafka}, {len(kafka.topics)} topics")
    yield from _guarded("topics", lambda: _of_declared(kafka, copies))
    yield from _guarded("groups", lambda: [checks.of_groups(kafka.members([each.group for each in stages()]))])
    yield from _guarded("dead letters", lambda: _of_letters(kafka, settings))
    yield from _guarded("lag", lambda: [checks.of_lag(measure(kafka), max_lag)])


def _of_declared(kafka: OperatorKafka, copies: int) -> list[Check]:
    entries, unusable = tenants.read_registry(kafka.login)
    found = differences(kafka.login, entries, _partitions(kafka), copies)
    return [checks.of_topics(found.topics), checks.of_rules(found.rules), checks.of_registry(len(entries), unusable)]


def _partitions(kafka: OperatorKafka) -> int:
    """How many the folded topics have was chosen once; what counts is that they all have as many."""
    return kafka.topics.get(INTAKE) or PARTITIONS


def _of_letters(kafka: OperatorKafka, settings: Settings) -> list[Check]:
    letters = list(kafka.letters())
    day = since(letters, datetime.now(UTC) - timedelta(days=1))
    key = _guarded("private key", lambda: [checks.of_key(settings.private_key, letters[-1] if letters else None)])
    return [checks.of_letters(day), *key]


def _guarded(name: str, look: Callable[[], list[Check]]) -> list[Check]:
    """A check that can not be made is bad, and the next one is made all the same."""
    try:
        return look()
    except UserError as error:
        return [Check(name, "bad", error.what, error.hint)]
    except FAILURES as failure:
        return [
            Check(
                name, "bad", f"could not be looked at: {words(failure)}", "is Kafka well, is this the operator's login?"
            )
        ]
