"""A revoked organisation loses access, also on a live connection, and no other does; a wrong password is reported."""

import asyncio
import os
import sys
import time
from pathlib import Path

import orjson
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, KafkaError

from deploy.cluster import access, tenants
from deploy.cluster.login import Login
from deploy.local.kafka import AccessControl, Kafka
from deploy.local.services import start_services
from deploy.local.stack import LocalStack
from deploy.secrets.certificates import make_certificates
from deploy.secrets.keys import environment

from .conftest import REAUTH_MS
from .people import Visitor


async def onboarded(stack: LocalStack, tenant: str) -> Login:
    credentials = await asyncio.to_thread(tenants.onboard, stack.addresses.operator, "agency", tenant, tenant)
    [(user, password)] = credentials.logins.items()
    return stack.addresses.login(user, password)


async def gets_in(login: Login) -> bool:
    writer = AIOKafkaProducer(**login.aiokafka())
    try:
        await writer.start()
    except KafkaConnectionError:
        return False
    finally:
        await writer.stop()
    return True


async def test_revocation_cuts_a_live_connection_and_leaves_the_others(
    stack: LocalStack, logins: dict[str, Login]
) -> None:
    revoked, other = await onboarded(stack, "revoked"), await onboarded(stack, "other")
    topic = "agency.revoked.referrals"
    async with Visitor(revoked) as visitor, Visitor(other) as neighbour:
        assert await visitor.writes(topic)
        begun = time.monotonic()
        await asyncio.to_thread(tenants.revoke, stack.addresses.operator, "revoked")
        assert not await visitor.writes(topic)
        assert time.monotonic() - begun < REAUTH_MS / 1000 + 5
        assert await neighbour.writes("agency.other.referrals")
    assert not await gets_in(revoked)
    assert {each.tenant: each.state for each in tenants.list_tenants(stack.addresses.operator)}["revoked"] == "revoked"
    access.verify(stack.addresses.operator, tenants.declared_rules(stack.addresses.operator))

    await asyncio.to_thread(stack.kafka.restart)  # if a user had been deleted, the broker would now refuse everybody
    assert not await gets_in(revoked)
    assert all([await gets_in(login) for login in (*logins.values(), other)])
    async with Visitor(other) as neighbour:
        assert await neighbour.writes("agency.other.referrals")


async def test_an_overwritten_password_ends_a_live_connection_within_the_reauthentication_time(
    stack: LocalStack,
) -> None:
    login = await onboarded(stack, "leaving-revocation")
    async with AIOKafkaProducer(**login.aiokafka(), request_timeout_ms=2000) as writer:
        await writer.send_and_wait("agency.leaving-revocation.referrals", b"in")
        begun = time.monotonic()
        await asyncio.to_thread(access.set_password, stack.addresses.operator, login.user, "another-password")
        with pytest.raises(KafkaError):  # the access rules still exist, so it is the login that ends
            await write_on(writer, begun + REAUTH_MS / 1000 * 4)
    assert time.monotonic() - begun < REAUTH_MS / 1000 * 4


async def write_on(writer: AIOKafkaProducer, until: float) -> None:
    while time.monotonic() < until:
        await writer.send_and_wait("agency.leaving-revocation.referrals", b"still in")
        await asyncio.sleep(0.1)


async def test_after_a_rotation_only_the_new_password_works_until_revocation(
    stack: LocalStack,
) -> None:
    old = await onboarded(stack, "rotating")
    credentials = await asyncio.to_thread(tenants.rotate, stack.addresses.operator, "rotating")
    new = stack.addresses.login(old.user, credentials.logins[old.user])
    assert (await gets_in(old), await gets_in(new)) == (False, True)
    async with Visitor(new) as visitor:
        assert await visitor.writes("agency.rotating.referrals")
    await asyncio.to_thread(tenants.revoke, stack.addresses.operator, "rotating")
    with pytest.raises(ValueError, match="is revoked"):
        await asyncio.to_thread(tenants.rotate, stack.addresses.operator, "rotating")
    with pytest.raises(tenants.UnknownTenantError):
        await asyncio.to_thread(tenants.revoke, stack.addresses.operator, "nobody")


async def test_a_wrong_password_is_reported_with_a_hint(stack: LocalStack, tmp_path: Path) -> None:
    env = {
        **os.environ,
        **environment(tmp_path / "keys", "outcomes"),
        "REFERRALS_KAFKA": f'["{stack.addresses.kafka}"]',
        "REFERRALS_MONGO": stack.addresses.mongo,
        "REFERRALS_KAFKA_USER": "outcomes",
        "REFERRALS_KAFKA_PASSWORD": "wrong-password",
    }
    service = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.outcomes", env=env, stdout=asyncio.subprocess.PIPE
    )
    assert service.stdout is not None
    try:
        async with asyncio.timeout(20):
            async for line in service.stdout:
                entry = orjson.loads(line)
                if entry["event"] == "kafka_login_refused":
                    break
    finally:
        service.kill()
        await service.wait()
    assert entry["level"] == "error"
    assert "REFERRALS_KAFKA_PASSWORD" in entry["hint"]
    assert b"wrong-password" not in line


def test_services_run_with_access_control_and_are_not_affected_by_a_revocation(stack: LocalStack) -> None:
    with start_services(stack.addresses, stack.data) as services:
        tenants.onboard(stack.addresses.operator, "both", "both", "Both")
        tenants.revoke(stack.addresses.operator, "both")
        time.sleep(REAUTH_MS / 1000 + 1)
        assert all(service.ready() for service in services.values())


async def test_with_tls_only_a_client_that_trusts_the_authority_connects(tmp_path: Path) -> None:
    kafka = await asyncio.to_thread(Kafka, tmp_path / "kafka", AccessControl(tls=True))
    await asyncio.to_thread(kafka.start)
    try:
        await asyncio.to_thread(access.set_password, kafka.operator, "analyst", "a-password")
        assert await gets_in(Login(kafka.address, "analyst", "a-password", ca=kafka.ca))
        assert not await gets_in(Login(kafka.address, "analyst", "a-password"))
        other = tmp_path / "other"
        other.mkdir()
        make_certificates(other)
        assert not await gets_in(Login(kafka.address, "analyst", "a-password", ca=str(other / "ca.pem")))
    finally:
        await asyncio.to_thread(kafka.kill)
