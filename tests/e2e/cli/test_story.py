"""The pages for operators, agencies and providers, played as one story: onboarded, referred, offered, helped.

Then something breaks, and the operator finds, fixes and replays it. Each has a terminal of their own and only the
command. The analyst's page is played in a test of its own.
"""

import asyncio
import shutil
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
from tests.e2e.actors import People, eventually

from .command import SAMPLES, Referrals, Terminal
from .pages import Reader, blocks, first_missing

AGENCY, PROVIDER = "lublin-aid", "open-door"
OFFER = "3f2c8a5e"
REFERRAL, NEED = "8b1f0c52-7a52-5b0e-9d3f-2f1c8a4be0a7", "6d0e4f11-9d3f-5b0e-8a4b-7a522f1c8a4b"


@pytest.fixture
def reader_of(tmp_path: Path, referrals: Referrals, servers: Addresses) -> Callable[[str], Reader]:
    """Makes the reader of a page. All share one folder, as on one machine."""
    folder = shutil.copytree(SAMPLES, tmp_path / "samples")
    assert isinstance(referrals, Terminal)

    def read(page: str) -> Reader:
        env = {"KAFKA": servers.kafka, "XDG_STATE_HOME": str(tmp_path / "state")}
        return Reader(page, Terminal(folder, {**(referrals.env if page == "operator" else {}), **env}))

    return read


async def wait_for(terminal: Terminal, reference: str, *states: str) -> dict[str, Any]:
    """The first need of a referral, once it is in one of these states."""

    async def need() -> dict[str, Any]:
        result = await terminal("status", reference, "--json")
        needs = result.json["needs"] if result.code == 0 else []
        return needs[0] if needs and needs[0]["state"] in states else {}

    return await eventually(need, f"{reference} is in one of {states}")


@pytest.mark.timeout(1200)  # some sixty commands, on a machine that may be busy
async def test_the_pages_can_be_played_as_one_story(
    reader_of: Callable[[str], Reader], servers: Addresses, here: People, system: Services
) -> None:
    if not servers.operator.user:
        pytest.skip("a Kafka without access control issues no logins")
    operator = reader_of("operator")
    await operator.play("onboard")
    provider, agency = reader_of("provider"), reader_of("agency")

    await provider.play("publish", "change")
    await agency.play("faults")

    async def recommended() -> bool:
        question = ("recommend", "--category", "food", "--area", "PL-06", "--age-band", "60+", "--language", "uk")
        return (await agency.terminal(*question)).code == 0

    await eventually(recommended, "matching has read the directory")
    await agency.play("recommend")
    await agency.play("submit")

    offered = await wait_for(agency.terminal, "L-101", "offered")
    provider.actual_ids = {OFFER: offered["need_id"][:8]}
    operator.actual_ids = {REFERRAL: offered["referral_id"], NEED: offered["need_id"]}
    async with agency.terminal.following("status", "L-101", "--follow") as live:
        await live.until("L-101", "offered")
        before = await operator.terminal("timeline", offered["referral_id"])
        await provider.play("inbox", "accept")
        await live.until("L-101", "taken-up")
        assert "taken-up" not in before.out
        await operator.play("timeline")
        await provider.play("contacts", "answers")
        await live.until("L-101", "delivered")
    assert "delivered" in (await operator.terminal("timeline", offered["referral_id"])).out
    await provider.play("refused")
    await agency.play("family", "status", "change")
    await wait_for(agency.terminal, "L-105", "withdrawn")
    await operator.play("health")

    await break_something(servers, agency, operator)
    await operator.play("dead-letters", "replay")
    await wait_for(agency.terminal, "L-104", "withdrawn")
    assert [reader.page for reader in (operator, provider, agency) if reader.left] == []


async def break_something(servers: Addresses, agency: Reader, operator: Reader) -> None:
    """An agency sends a record that is no event, and an access rule is missing when a status must be written."""
    [password] = [
        line.partition("=")[2]
        for line in (agency.terminal.folder / f"{AGENCY}.env").read_text().splitlines()
        if line.startswith("KAFKA_PASSWORD=")
    ]
    writer = await client.producer(servers.login(f"agency:{AGENCY}", password))
    await writer.send_and_wait(topics.referrals(AGENCY), b"not an event", key=b"x")
    await writer.stop()
    rule = access.AccessRule("outcomes", "write", "topic", topics.status(AGENCY))
    await asyncio.to_thread(access.remove, servers.operator, [rule])
    assert (await agency.terminal("withdraw", "L-104")).code == 0

    async def offsets(topic: str) -> list[str]:
        dead_letters = await operator.terminal("dead-letters", "list", "--json", "--limit", "9999")
        return [str(each["offset"]) for each in dead_letters.json["letters"] if each["topic"] == topic]

    unreadable = await eventually(lambda: offsets(topics.referrals(AGENCY)), "the record is a dead letter")
    undelivered = await eventually(lambda: offsets(topics.status(AGENCY)), "the status is a dead letter")
    operator.actual_ids |= {"17": unreadable[0], "18": " ".join(undelivered)}


def published(count: int | None, area: str, state: str, day: date) -> Indicator:
    as_of = datetime(2026, 11, 29, tzinfo=UTC)
    end = day + timedelta(days=1)
    cell = {"category": "legal", "area": area, "state": state, "count": count, "k": 5, "as_of": as_of}
    return Indicator.model_validate({**cell, "window_start": day, "window_end": end})


@pytest.mark.timeout(600)
async def test_an_analyst_reads_published_cells_and_small_counts_stay_withheld(
    reader_of: Callable[[str], Reader], servers: Addresses, here: People, system: Services
) -> None:
    first = date(2026, 11, 2)
    second, third = first + timedelta(1), first + timedelta(2)
    cells = [published(7, "PL-06", "open", first), published(None, "PL-06", "delivered", first)]
    cells += [published(None, "PL-06", "open", day) for day in (second, third)]
    writer = await client.producer(servers.operator)
    for cell in cells:  # as outcomes does: a withheld count is null, not left out
        key = f"{cell.window_start}/{cell.window_end}/{cell.category.value}/{cell.area}/{cell.state}"
        headers = encode(CloudEvent(key, "/x", cell.ce_type(), datetime.now(UTC), b""))
        await writer.send_and_wait(topics.INDICATORS, cell.model_dump_json().encode(), key.encode(), headers=headers)
    await writer.stop()
    analyst = reader_of("analyst")
    login = servers.login(access.ANALYST)
    file = analyst.terminal.folder / "analyst.env"
    file.touch(mode=0o600)
    file.write_text(f"KAFKA={login.kafka}\nKAFKA_USER={access.ANALYST}\nKAFKA_PASSWORD={login.password}\n")
    await analyst.play("table", "period", "files")
    assert analyst.left == set()
    files = {each: (analyst.terminal.folder / f"needs.{each}").read_bytes() for each in ("csv", "parquet", "html")}
    assert files["parquet"][:4] == b"PAR1"
    assert b"category,day,count,held_back" in files["csv"]
    assert b"legal,2026-11-03,,1,1,4" in files["csv"]
    assert len(files["html"]) > 1_000_000
    none = await analyst.terminal("indicators", "--period", "1999")
    assert (none.code, "0 cells published" in none.out) == (1, True)
    (await analyst.terminal("indicators", "--by", "name")).is_usage_error("one or more of category, area")
    (await analyst.terminal("status")).is_usage_error("needs the login of an agency, not of analyst")
    document = (await analyst.terminal("indicators", "--by", "area", "--period", "2026-11-02", "--json")).json
    assert {"area": "PL-06", "count": 7, "held_back": 1, "at_least": 8, "at_most": 11} in document["rows"]


def test_a_page_is_read_as_blocks_and_a_missing_line_is_reported() -> None:
    assert {"onboard", "timeline", "dead-letters"} <= set(blocks("operator"))
    assert first_missing(["A  B", "…", "x … z"], "A B\nsomething\n  x y z") is None
    assert first_missing(["A B", "C"], "C\nA B") == "C"
    assert first_missing(["x … z"], "x y") == "x … z"
