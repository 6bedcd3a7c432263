"""One data key per referral, however often it is requested, and none once its row is gone."""

import asyncio
from base64 import b64encode

import pytest

from services.chassis.encryption import UnsealableError, new_key, seal, unseal
from services.chassis.errors import TransientError
from services.chassis.ports import Row
from services.intake.privacy.key_ring import TABLE, KeyRing
from tests.support.intake_world import MASTER
from tests.support.memory_twins import MemoryClaims


@pytest.fixture
def claims() -> MemoryClaims:
    return MemoryClaims()


@pytest.fixture
def ring(claims: MemoryClaims) -> KeyRing:
    return KeyRing(claims, MASTER)


async def test_a_key_is_made_once_and_then_read(ring: KeyRing, claims: MemoryClaims) -> None:
    first = await ring.ensure(["r1", "r2", "r1"])
    assert set(first) == {"r1", "r2"}
    assert first["r1"] != first["r2"]
    assert all(len(key) == 32 for key in first.values())
    assert await ring.ensure(["r2", "r1"]) == first
    assert await KeyRing(claims, MASTER).find(["r1", "r2", "r3"]) == first


async def test_without_referrals_there_are_no_keys(ring: KeyRing) -> None:
    assert await ring.ensure([]) == {}


async def test_two_makers_at_once_end_with_one_key(claims: MemoryClaims) -> None:
    rings = [KeyRing(claims, MASTER) for _ in range(4)]
    made = await asyncio.gather(*(ring.ensure(["r1", f"own-{n}"]) for n, ring in enumerate(rings)))
    assert len({keys["r1"] for keys in made}) == 1
    assert await rings[0].find(["r1"]) == {"r1": made[0]["r1"]}


@pytest.mark.parametrize("when", ["before", "midway", "after"])
async def test_after_a_failure_stored_keys_are_used(ring: KeyRing, claims: MemoryClaims, when: str) -> None:
    claims.fail("take", when)
    with pytest.raises(TransientError):
        await ring.ensure(["r1", "r2"])
    there = await ring.find(["r1", "r2"])
    keys = await ring.ensure(["r1", "r2"])
    assert there.items() <= keys.items()
    assert await ring.find(["r1", "r2"]) == keys


async def test_what_is_stored_is_not_the_key(ring: KeyRing, claims: MemoryClaims) -> None:
    key = (await ring.ensure(["r1"]))["r1"]
    assert b64encode(key).decode() not in str(claims.tables)


async def test_a_wrong_master_key_opens_nothing(ring: KeyRing, claims: MemoryClaims) -> None:
    await ring.ensure(["r1"])
    stranger = KeyRing(claims, b64encode(new_key()).decode())
    with pytest.raises(UnsealableError):
        await stranger.find(["r1"])
    with pytest.raises(UnsealableError):
        await stranger.ensure(["r1"])


async def test_a_row_moved_to_another_referral_opens_nothing(ring: KeyRing, claims: MemoryClaims) -> None:
    await ring.ensure(["r1"])
    claims.tables[TABLE]["r2"] = claims.tables[TABLE]["r1"]
    with pytest.raises(UnsealableError):
        await ring.find(["r2"])


async def test_destroying_the_row_makes_every_copy_unreadable(ring: KeyRing, claims: MemoryClaims) -> None:
    box = seal((await ring.ensure(["r1"]))["r1"], b"Canaria", "person/r1")
    await claims.drop([Row(TABLE, "r1")])
    assert await ring.find(["r1"]) == {}, "the ring keeps none in memory"
    new = (await ring.ensure(["r1"]))["r1"]
    with pytest.raises(UnsealableError):
        unseal(new, box, "person/r1")
