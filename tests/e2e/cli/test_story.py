"""The pages for operators, agencies and providers, played in one story: taken in, referred, offered, helped.

Then something breaks, is found, mended and handed in again. Each is at a desk of their own, with nothing but the
command. The analyst's page is played beside it.
"""

import asyncio
import shutil
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from contracts import topics
from contracts.cloudevents import CloudEvent, encode
from contracts.outcomes import Indicator
from deploy.cluster import access
from deploy.demo import client
from deploy.local.services import Services
from deploy.local.stack import Addresses
from tests.e2e.actors import PATIENCE, People

from .command import SAMPLES, Desk, Referrals
from .pages import Reader, blocks, first_missing

AGENCY, PROVIDER = "lublin-aid", "open-door"
OFFER = "3f2c8a5e"
REFERRAL, NEED = "8b1f0c52-7a52-5b0e-9d3f-2f1c8a4be0a7", "6d0e4f11-9d3f-5b0e-8a4b-7a522f1c8a4b"


@pytest.fixture
def desk(tmp_path: Path, referrals: Referrals, servers: Addresses) -> Callable[[str], Reader]:
    """A desk with a page on it. All look at one folder, as on one machine."""
    folder = shutil.copytree(SAMPLES, tmp_path / "samples")
    assert isinstance(referrals, Desk)

    def sit_down(page: str) -> Reader:
        own = {"KAFKA": servers.kafka, "XDG_STATE_HOME": str(tmp_path / "state")}
        return Reader(page, Desk(folder, {**(referrals.env if page == "operator" else {}), **own}))

    return sit_down


async def until_told(desk: Desk, reference: str, *states: str) -> dict[str, Any]:
    """The first need of a referral, once it is in one of these states."""
    needs: list[dict[str, Any]] = []
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        told = await desk("status", reference, "--json")
        needs = told.json["needs"] if told.code == 0 else []
        if needs and needs[0]["state"] in states:
            return needs[0]
    raise AssertionError(f"{reference} is not {states} after {PATIENCE} s: {needs}")


@pytest.mark.timeout(1200)  # some sixty commands, each a process of its own, on a machine that may be busy
async def test_a_story_as_the_pages_tell_it(
    desk: Callable[[str], Reader], servers: Addresses, here: People, system: Services
) -> None:
    if not servers.operator.user:
        pytest.skip("logins are handed over by a Kafka that has logins")
    operator = desk("operator")
    await operator.plays("onboard")
    provider, agency = desk("provider"), desk("agency")

    await provider.plays("publish", "change")
    await agency.plays("faults")
    async with asyncio.timeout(PATIENCE):  # until the directory is read
        asked = ("recommend", "--category", "food", "--area", "PL-06", "--age-band", "60+", "--language", "uk")
        while (await agency.desk(*asked)).code != 0:
            pass
    await agency.plays("recommend")
    await agency.plays("submit")

    offered = await until_told(agency.desk, "L-101", "offered")
    provider.meant = {OFFER: offered["need_id"][:8]}
    operator.meant = {REFERRAL: offered["referral_id"], NEED: offered["need_id"]}
    async with agency.desk.following("status", "L-101", "--follow") as live:
        await live.until("L-101", "offered")
        before = await operator.desk("timeline", offered["referral_id"])
        await provider.plays("inbox", "accept")
        await live.until("L-101", "taken-up")
        assert "taken-up" not in before.out
        await operator.plays("timeline")
        await provider.plays("contacts", "answers")
        await live.until("L-101", "delivered")
    assert "delivered" in (await operator.desk("timeline", offered["referral_id"])).out
    await provider.plays("refused")
    await agency.plays("family", "status", "change")
    await until_told(agency.desk, "L-105", "withdrawn")
    await operator.plays("health")

    await broken(servers, agency, operator)
    await operator.plays("dead-letters", "replay")
    await until_told(agency.desk, "L-104", "withdrawn")
    assert [reader.page for reader in (operator, provider, agency) if reader.left] == []


async def broken(servers: Addresses, agency: Reader, operator: Reader) -> None:
    """An agency sends what is no event, and a rule is missing when a status is to be written."""
    [password] = [
        line.partition("=")[2]
        for line in (agency.desk.folder / f"{AGENCY}.env").read_text().splitlines()
        if line.startswith("KAFKA_PASSWORD=")
    ]
    writer = await client.producer(servers.login(f"agency:{AGENCY}", password))
    await writer.send_and_wait(topics.referrals(AGENCY), b"not an event", key=b"x")
    await writer.stop()
    rule = access.AccessRule("outcomes", "write", "topic", topics.status(AGENCY))
    await asyncio.to_thread(access.remove, servers.operator, [rule])
    assert (await agency.desk("withdraw", "L-104")).code == 0
    async with asyncio.timeout(PATIENCE):
        while True:
            found = (await operator.desk("dead-letters", "list", "--json", "--limit", "9999")).json["letters"]
            raw = [str(each["offset"]) for each in found if each["topic"] == topics.referrals(AGENCY)]
            untold = [str(each["offset"]) for each in found if each["topic"] == topics.status(AGENCY)]
            if raw and untold:
                break
    operator.meant |= {"17": raw[0], "18": " ".join(untold)}


def published(count: int | None, area: str, state: str, day: date) -> Indicator:
    as_of = datetime(2026, 11, 29, tzinfo=UTC)
    end = day + timedelta(days=1)
    cell = {"category": "legal", "area": area, "state": state, "count": count, "k": 5, "as_of": as_of}
    return Indicator.model_validate({**cell, "window_start": day, "window_end": end})


@pytest.mark.timeout(600)
async def test_an_analyst_reads_what_is_published_and_small_counts_stay_held_back(
    desk: Callable[[str], Reader], servers: Addresses, here: People, system: Services
) -> None:
    first = date(2026, 11, 2)
    second, third = first + timedelta(1), first + timedelta(2)
    cells = [published(7, "PL-06", "open", first), published(None, "PL-06", "delivered", first)]
    cells += [published(None, "PL-06", "open", day) for day in (second, third)]
    writer = await client.producer(servers.operator)
    for cell in cells:  # as outcomes does; what is held back is null, and not left out
        key = f"{cell.window_start}/{cell.window_end}/{cell.category.value}/{cell.area}/{cell.state}"
        headers = encode(CloudEvent(key, "/x", cell.ce_type(), datetime.now(UTC), b""))
        await writer.send_and_wait(topics.INDICATORS, cell.model_dump_json().encode(), key.encode(), headers=headers)
    await writer.stop()
    analyst = desk("analyst")
    login = servers.login(access.ANALYST)
    file = analyst.desk.folder / "analyst.env"
    file.touch(mode=0o600)
    file.write_text(f"KAFKA={login.kafka}\nKAFKA_USER={access.ANALYST}\nKAFKA_PASSWORD={login.password}\n")
    await analyst.plays("table", "period", "files")
    assert analyst.left == set()
    files = {each: (analyst.desk.folder / f"needs.{each}").read_bytes() for each in ("csv", "parquet", "html")}
    assert files["parquet"][:4] == b"PAR1"
    assert b"category,day,count,held_back" in files["csv"]
    assert b"legal,2026-11-03,,1,1,4" in files["csv"]
    assert len(files["html"]) > 1_000_000
    none = await analyst.desk("indicators", "--period", "1999")
    assert (none.code, "0 cells published" in none.out) == (1, True)
    (await analyst.desk("indicators", "--by", "name")).mistake("one or more of category, area")
    (await analyst.desk("status")).mistake("needs the login of an agency, not of analyst")
    document = (await analyst.desk("indicators", "--by", "area", "--period", "2026-11-02", "--json")).json
    assert {"area": "PL-06", "count": 7, "held_back": 1, "at_least": 8, "at_most": 11} in document["rows"]


def test_a_page_is_read_as_blocks_and_a_line_that_does_not_come_is_found() -> None:
    assert {"onboard", "timeline", "dead-letters"} <= set(blocks("operator"))
    assert first_missing(["A  B", "…", "x … z"], "A B\nsomething\n  x y z") is None
    assert first_missing(["A B", "C"], "C\nA B") == "C"
    assert first_missing(["x … z"], "x y") == "x … z"
