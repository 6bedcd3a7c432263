"""`referrals topics`: topics with their settings, and access rules, as declared in deploy/."""

import asyncio
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import typer

from contracts.operations import Tenant
from deploy.cluster import access, tenants, topics
from deploy.cluster.login import Login

from ..shared import output
from .cluster import OperatorKafka

app = typer.Typer(help="Topics, settings and access rules, as declared in deploy/.", no_args_is_help=True)

Partitions = Annotated[int, typer.Option(min=1, help="Of the topics that services fold; never change it later.")]
Copies = Annotated[int, typer.Option(min=1, envvar="REFERRALS_COPIES", help="Copies of each topic; 3 in production.")]


@dataclass(frozen=True)
class Differences:
    """What is not as declared. No rules are compared on a Kafka without logins."""

    topics: list[topics.TopicDifference]
    rules: access.AccessDifference | None

    def __bool__(self) -> bool:
        return bool(self.topics or (self.rules and (self.rules.missing or self.rules.surplus)))

    def rows(self) -> list[tuple[object, ...]]:
        """Sign, what, and details."""
        found: list[tuple[object, ...]] = [("~", each.topic, _words(each)) for each in self.topics]
        rules = self.rules or access.AccessDifference([], [])
        signed = [("+", each) for each in rules.missing] + [("-", each) for each in rules.surplus]
        return found + [
            (sign, f"{each.kind} {each.name}{'*' if each.prefix else ''}", f"{each.principal} {each.operation}")
            for sign, each in signed
        ]

    def json(self) -> dict[str, Any]:
        """For programs."""
        return {"topics": [asdict(each) for each in self.topics], "rules": self.rules and asdict(self.rules)}


def differences(
    login: Login, entries: list[Tenant], partitions: int = topics.PARTITIONS, copies: int = 1
) -> Differences:
    """Compare Kafka with what is declared for the services and these organisations."""
    wanted = tenants.declared_topics(entries, partitions)
    rules = access.diff(login, tenants.declared_rules(login)) if login.user else None
    return Differences(asyncio.run(topics.diff(login, wanted, copies)), rules)


@app.command("diff", epilog=output.example("referrals topics diff"))
def diff(
    context: typer.Context,
    partitions: Partitions = topics.PARTITIONS,
    copies: Copies = 1,
    as_json: output.Json = False,
) -> None:
    """Say what is not as declared: ~ differs, + is missing, - is not declared. Exit status 1 if anything."""
    login = OperatorKafka(context.obj.login).login
    found = differences(login, tenants.list_tenants(login), partitions, copies)
    if as_json:
        output.as_json({**found.json(), "different": bool(found)})
    elif found:
        output.table(("", "WHAT", "HOW"), found.rows())
    else:
        output.say("Everything is as declared.")
    raise typer.Exit(1 if found else 0)


@app.command("apply", epilog=output.example("referrals topics apply"))
def apply(
    context: typer.Context,
    partitions: Partitions = topics.PARTITIONS,
    copies: Copies = 1,
    as_json: output.Json = False,
) -> None:
    """Create what is missing and set what differs. Removes nothing: what is not declared is said, and stays."""
    login = OperatorKafka(context.obj.login).login
    before = differences(login, tenants.list_tenants(login), partitions, copies)
    asyncio.run(topics.ensure(login, tenants.declared_topics(tenants.list_tenants(login), partitions), copies))
    if login.user:
        access.apply(login, tenants.declared_rules(login))
    after = differences(login, tenants.list_tenants(login), partitions, copies)
    if as_json:
        output.as_json({"before": before.json(), "after": after.json()})
        return
    output.say(f"{len(before.rows()) - len(after.rows())} differences are mended, {len(after.rows())} remain.")
    if after:
        output.table(("", "WHAT", "HOW"), after.rows())


def _words(each: topics.TopicDifference) -> str:
    if each.setting == "topic":
        return each.there if each.declared == "there" else each.declared
    return f"{each.setting} is {each.there}, declared {each.declared}"
