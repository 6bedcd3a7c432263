"""`referrals topics`: compares and applies the topics, settings and access rules declared in deploy/cluster."""

import asyncio
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import typer

from contracts.operations import Tenant
from deploy.cluster import access, tenants, topics
from deploy.cluster.login import Login

from ..shared import output
from .cluster import OperatorKafka

app = typer.Typer(
    help="Topics, their settings and access rules: compare them with deploy/cluster, and apply it.",
    no_args_is_help=True,
)

Partitions = Annotated[
    int, typer.Option(min=1, help="Partitions of the topics that services fold; never change it later.")
]
ReplicationFactor = Annotated[
    int,
    typer.Option("--copies", min=1, envvar="REFERRALS_COPIES", help="Replication factor of topics; 3 in production."),
]


@dataclass(frozen=True)
class Differences:
    """The differences from the declaration. `rules` is None on a Kafka without logins."""

    topics: list[topics.TopicDifference]
    rules: access.AccessDifference | None

    def __bool__(self) -> bool:
        return bool(self.topics or (self.rules and (self.rules.missing or self.rules.surplus)))

    def rows(self) -> list[tuple[object, ...]]:
        """The differences as rows: sign, subject and details."""
        changed: list[tuple[object, ...]] = [("~", each.topic, _details(each)) for each in self.topics]
        rules = self.rules or access.AccessDifference([], [])
        signed = [("+", each) for each in rules.missing] + [("-", each) for each in rules.surplus]
        return changed + [
            (sign, f"{each.kind} {each.name}{'*' if each.prefix else ''}", f"{each.principal} {each.operation}")
            for sign, each in signed
        ]

    def json(self) -> dict[str, Any]:
        """The differences as JSON."""
        return {"topics": [asdict(each) for each in self.topics], "rules": self.rules and asdict(self.rules)}


def differences(
    login: Login, entries: list[Tenant], partitions: int = topics.PARTITIONS, replication_factor: int = 1
) -> Differences:
    """Compare Kafka with the declaration for the services and these organisations."""
    wanted = tenants.declared_topics(entries, partitions)
    rules = access.diff(login, tenants.declared_rules(login)) if login.user else None
    return Differences(asyncio.run(topics.diff(login, wanted, replication_factor)), rules)


@app.command("diff", epilog=output.example("referrals topics diff"))
def diff(
    context: typer.Context,
    partitions: Partitions = topics.PARTITIONS,
    replication_factor: ReplicationFactor = 1,
    as_json: output.Json = False,
) -> None:
    """List differences from the declaration: ~ differs, + is missing, - is not declared. Exit status 1 if any."""
    login = OperatorKafka(context.obj.login).login
    different = differences(login, tenants.list_tenants(login), partitions, replication_factor)
    if as_json:
        output.as_json({**different.json(), "different": bool(different)})
    elif different:
        output.table(("", "WHAT", "HOW"), different.rows())
    else:
        output.say("Everything is as declared.")
    raise typer.Exit(1 if different else 0)


@app.command("apply", epilog=output.example("referrals topics apply"))
def apply(
    context: typer.Context,
    partitions: Partitions = topics.PARTITIONS,
    replication_factor: ReplicationFactor = 1,
    as_json: output.Json = False,
) -> None:
    """Create what is missing and change what differs. Removes nothing: what is not declared is listed and stays."""
    login = OperatorKafka(context.obj.login).login
    before = differences(login, tenants.list_tenants(login), partitions, replication_factor)
    asyncio.run(
        topics.ensure(login, tenants.declared_topics(tenants.list_tenants(login), partitions), replication_factor)
    )
    if login.user:
        access.apply(login, tenants.declared_rules(login))
    after = differences(login, tenants.list_tenants(login), partitions, replication_factor)
    if as_json:
        output.as_json({"before": before.json(), "after": after.json()})
        return
    output.say(f"{len(before.rows()) - len(after.rows())} differences fixed, {len(after.rows())} remain.")
    if after:
        output.table(("", "WHAT", "HOW"), after.rows())


def _details(each: topics.TopicDifference) -> str:
    if each.setting == "topic":
        return each.there if each.declared == "there" else each.declared
    return f"{each.setting} is {each.there}, declared {each.declared}"
