"""Every principal tries every topic and group: exactly the cells of the Topics table are allowed.

The table is repeated here on purpose, from the architecture page, so that the rules are not compared with themselves.
"""

import asyncio
from collections.abc import Iterable

import pytest
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.errors import OperationFailure

from deploy.cluster import access, quotas, tenants
from deploy.cluster.login import Login
from deploy.cluster.topics import agency_topics, internal_topics, provider_topics
from deploy.local.mongo import grant
from deploy.local.stack import LocalStack

from .people import TENANTS, Visitor, transacts

SERVICES = ("intake", "matching", "notification", "outcomes")

WRITERS = {
    "referrals.inbox.intake": {"intake", "notification"},
    "referrals.inbox.matching": {"matching"},
    "referrals.inbox.notification": {"notification", "matching"},
    "referrals.inbox.outcomes": {"outcomes", "intake"},
    "referrals.intake": {"intake"},
    "referrals.matching": {"matching"},
    "referrals.notification": {"notification"},
    "referrals.prices": {"matching"},
    "referrals.tenants": set(),
    "referrals.dead-letters": set(SERVICES),
    "statistics.indicators": {"outcomes"},
    **{f"agency.{each}.referrals": {f"agency:{each}"} for each in TENANTS},
    **{f"agency.{each}.status": {"outcomes"} for each in TENANTS},
    **{f"provider.{each}.directory": {f"provider:{each}"} for each in TENANTS},
    **{f"provider.{each}.notifications": {"notification", "intake"} for each in TENANTS},
    **{f"provider.{each}.responses": {f"provider:{each}"} for each in TENANTS},
}
READERS = {
    **{f"referrals.inbox.{each}": {each} for each in SERVICES},
    "referrals.intake": {"matching", "outcomes"},
    "referrals.matching": {"notification", "outcomes", "intake"},
    "referrals.notification": {"matching", "outcomes"},
    "referrals.prices": {"matching"},
    "referrals.tenants": {"intake", "matching", "notification"},
    "referrals.dead-letters": set(),
    "statistics.indicators": {"analyst"},
    **{f"agency.{each}.referrals": {"intake"} for each in TENANTS},
    **{f"agency.{each}.status": {f"agency:{each}"} for each in TENANTS},
    **{f"provider.{each}.directory": {"matching", "intake", f"provider:{each}"} for each in TENANTS},
    **{f"provider.{each}.notifications": {f"provider:{each}"} for each in TENANTS},
    **{f"provider.{each}.responses": {"notification"} for each in TENANTS},
}
MEMBERS = {
    "intake": {"intake"},
    "intake-gate": {"intake"},
    "matching": {"matching"},
    "matching-directory": {"matching"},
    "notification": {"notification"},
    "notification-gate": {"notification"},
    "outcomes": {"outcomes"},
    "analyst.one": {"analyst"},
    "anything": set(),
    **{f"agency.{each}.office": {f"agency:{each}"} for each in TENANTS},
    **{f"provider.{each}.office": {f"provider:{each}"} for each in TENANTS},
    "agency.a": set(),
    "agency.b.office": set(),
}


TRANSACTIONS = {
    **{f"agency.{each}.office": {f"agency:{each}"} for each in TENANTS},
    **{f"provider.{each}.office": {f"provider:{each}"} for each in TENANTS},
    "agency.a": set(),
    "intake-gate": set(),
}
"""Transactional ids."""


@pytest.fixture(scope="package")
async def filled(stack: LocalStack, logins: dict[str, Login]) -> None:
    """One record on each topic, so that there is something to read."""
    async with Visitor(stack.addresses.operator) as operator:
        assert all([await operator.writes(topic) for topic in WRITERS])


def test_the_matrix_has_every_topic() -> None:
    declared = internal_topics()
    for each in TENANTS:
        declared += agency_topics(each) + provider_topics(each)
    assert {topic.name for topic in declared} == set(WRITERS) == set(READERS)


@pytest.mark.parametrize(
    "who", [*SERVICES, "analyst", *(f"agency:{a}" for a in TENANTS), *(f"provider:{p}" for p in TENANTS)]
)
async def test_only_the_cells_of_the_matrix_are_allowed(who: str, logins: dict[str, Login], filled: None) -> None:
    async with Visitor(logins[who]) as visitor:
        passed = {topic for topic in WRITERS if await visitor.writes(topic)}
        assert passed == cells(WRITERS, who)
        passed = {topic for topic in READERS if await visitor.reads(topic)}
        assert passed == cells(READERS, who)
        passed = {group for group in MEMBERS if await visitor.joins(group)}
        assert passed == cells(MEMBERS, who)
        tenant = who.replace(":", ".")
        for topic in ("matrix", f"{tenant}.more", "agency.c.referrals", "referrals.inbox.other"):
            assert not await visitor.creates(topic)
            assert not await visitor.writes(topic), "the refusal does not reveal whether the topic exists"


@pytest.mark.parametrize("who", ["intake", "analyst", "agency:a", "provider:a", "agency:ab"])
async def test_a_transactional_id_begins_with_its_owner(who: str, logins: dict[str, Login]) -> None:
    for each in TRANSACTIONS:
        assert await transacts(logins[who], each) == (who in TRANSACTIONS[each]), each


def cells(table: dict[str, set[str]], who: str) -> set[str]:
    return {name for name, allowed in table.items() if who in allowed}


@pytest.mark.parametrize("bad", ["a.b", "", "A", "a_b", "a" * 64, "a*", "*"])
def test_an_id_that_would_widen_the_matrix_is_refused(stack: LocalStack, bad: str) -> None:
    with pytest.raises(ValueError, match="an organisation's id"):
        tenants.onboard(stack.addresses.operator, "agency", bad, "Bad")


async def test_every_tenant_has_quotas(stack: LocalStack, logins: dict[str, Login]) -> None:
    for user in logins:
        limits = await quotas.limits_of(stack.addresses.operator, user)
        assert limits == (quotas.TENANT if ":" in user else {}), user


def test_enforcement_is_registered_without_any_access(stack: LocalStack, logins: dict[str, Login]) -> None:
    operator = stack.addresses.operator
    before = access.present(operator)
    credentials = tenants.onboard(operator, "enforcement", "border-police", "Border Police")
    assert (credentials.logins, credentials.private_key) == ({}, None)
    assert access.present(operator) == before
    [entry] = [each for each in tenants.list_tenants(operator) if each.tenant == "border-police"]
    assert (entry.kind.value, tenants.rules_of(entry)) == ("enforcement", [])
    with pytest.raises(ValueError, match="registered as enforcement"):
        tenants.onboard(operator, "provider", "border-police", "Border Police")


def test_kafka_has_the_declared_rules_and_a_surplus_rule_is_reported(
    stack: LocalStack, logins: dict[str, Login]
) -> None:
    operator = stack.addresses.operator
    access.verify(operator, tenants.declared_rules(operator))
    surplus = access.AccessRule("agency:a", "read", "topic", "referrals.intake")
    access.apply(operator, [surplus])
    try:
        assert access.diff(operator, tenants.declared_rules(operator)) == access.AccessDifference([], [surplus])
        with pytest.raises(access.AccessError, match="1 are not declared"):
            access.verify(operator, tenants.declared_rules(operator))
    finally:
        access.remove(operator, [surplus])


async def test_each_service_can_use_only_its_own_database(stack: LocalStack) -> None:
    root = stack.addresses.mongo
    uris = {each: await asyncio.to_thread(grant, root, f"matrix_{each}", "secret-of-a-test") for each in SERVICES}
    for who, uri in uris.items():
        client: AsyncIOMotorClient = AsyncIOMotorClient(uri)
        for whose in SERVICES:
            assert await reaches(client[f"matrix_{whose}"]) == (who == whose)
        for other in ("admin", "local", "matrix"):
            assert not await reaches(client[other])
        client.close()
    client = AsyncIOMotorClient(root.replace(root[root.index("//") + 2 : root.index("@") + 1], ""))
    assert not await reaches(client["matrix_intake"]), "MongoDB refuses connections without a login"
    client.close()


async def reaches(database: object) -> bool:
    done: Iterable[bool] = [await allowed(each) for each in (read(database), write(database))]
    assert len(set(done)) == 1, "read and write permission go together"
    return all(done)


async def read(database: object) -> None:
    await database["journal"].find_one({})  # type: ignore[index]


async def write(database: object) -> None:
    await database["journal"].insert_one({"matrix": 1})  # type: ignore[index]


async def allowed(work: object) -> bool:
    unauthorized = 13
    try:
        await work  # type: ignore[misc]
    except OperationFailure as refused:
        if refused.code != unauthorized:
            raise
        return False
    return True
