"""A provider's commands on the system that runs: services go in, offers come out, and each answer has its effect."""

import asyncio
import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from contracts import topics
from contracts.agency import ReferralWithdrawn
from deploy.local.services import Services
from deploy.local.stack import Addresses
from tests.e2e.actors import CANARY, PATIENCE, Agency, People

from .command import SAMPLES, Desk, Said, taken_in

pytestmark = pytest.mark.timeout(600)  # each command is a process of its own, and the machine may be busy


@pytest.fixture
async def desk(system: Services, servers: Addresses, here: People, tmp_path: Path) -> Desk:
    """A provider with the samples in its folder, their region being this test's own."""
    folder = shutil.copytree(SAMPLES, tmp_path / "samples")
    for name in ("services.csv", "services.json", "words.toml"):
        file = folder / name
        file.write_text(file.read_text().replace("PL-06", here.area))
    desk = await taken_in(servers, folder, "provider", name_of(here))
    desk.env["XDG_STATE_HOME"] = str(tmp_path / "state")
    return desk


def name_of(here: People) -> str:
    return f"console-{here.area.lower()}"


async def published(desk: Desk) -> None:
    assert (await desk("services", "profile", "Open Door")).code == 0
    said = await desk("services", "publish", "services.csv", "--words", "words.toml", "--json")
    assert (said.code, said.json["published"]) == (0, 3), said.err


async def offered(desk: Desk, count: int = 1) -> list[dict[str, Any]]:
    """Wait until so many offers are open."""
    async with asyncio.timeout(PATIENCE):
        while True:
            found = (await desk("inbox", "--json")).json["offers"]
            if len(found) >= count:
                return list(found)


async def test_services_are_published_listed_changed_and_removed(desk: Desk, here: People) -> None:
    assert "There is no profile" in (await desk("services", "list")).err
    await published(desk)
    listed = (await desk("services", "list", "--json")).json
    assert {each["service"]: each["capacity"] for each in listed["services"]} == {
        "beds": 4, "family-rooms": 2, "advice": 6
    }  # fmt: skip
    assert listed["profile"]["name"] == "Open Door"

    asked = await desk("services", "publish", "services.json", "--words", "words.toml")
    assert (asked.code, "1 of them with warnings" in asked.err) == (1, True)
    done = await desk("services", "publish", "services.json", "--words", "words.toml", "--yes")
    assert "1 services, 0 refused; 1 published" in done.out
    assert (await desk("capacity", "beds", "7")).out == "beds has 7 places (before: 4)\n"
    (await desk("capacity", "bed", "7")).refused("you have no service bed: your services: beds")
    assert (await desk("services", "remove", "family-rooms")).code == 1
    assert (await desk("services", "remove", "family-rooms", "--yes")).code == 0
    listed = (await desk("services", "list", "--json")).json
    assert {each["service"]: each["capacity"] for each in listed["services"]} == {"beds": 7, "advice": 6, "kitchen": 60}
    [last] = [each for each in await here.records(topics.directory(name_of(here))) if each.value is None]
    assert last.key == b"family-rooms"


async def refer(here: People, reference: str = "R-1") -> Agency:
    agency = await here.agency()
    await agency.send(here.referral(reference))
    return agency


async def test_an_offer_is_seen_taken_and_brought_to_its_end_and_the_contact_is_opened_only_when_asked_for(
    desk: Desk, here: People
) -> None:
    await published(desk)
    async with desk.following("inbox", "--follow") as lines:
        await lines.until("0 offers")
        agency = await refer(here)
        line = await lines.until("offer", "shelter", here.area)
    assert CANARY not in line
    offer = line.split("  ")[1]
    [case] = await offered(desk)
    assert (case["state"], case["need_id"][:8]) == ("to decide", offer)

    assert (await desk("acknowledge", offer, "--wait", "0")).code == 0
    taken = await desk("accept", offer, "--reference", "OD-7", "--wait", "15")
    assert "released to you: name contact" in taken.out, taken
    await agency.told("taken-up", "R-1")
    closed = await desk("inbox")
    assert "accepted" in closed.out
    assert CANARY not in closed.out
    shown = await desk("inbox", "--show-contacts")
    assert f"{offer}  name: {CANARY}" in shown.out
    assert "personal data" in shown.err
    document = (await desk("inbox", "--show-contacts", "--json")).json["offers"][0]
    assert document["contact"]["name"] == CANARY
    other = await desk("inbox", "--show-contacts", "--key", "A" * 43 + "=")
    assert (CANARY in other.out, "encrypted to another key" in other.err) == (False, True)

    again = await desk("accept", offer, "--wait", "15", "--json")
    assert (again.code, again.json["refused"], again.json["reply"]["reason"]) == (1, True, "repeated")
    (await desk("acknowledge", offer, "--wait", "15")).refused("possible answers: ")
    at = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    for command in (("appointment", "--at", at), ("no-show",), ("start",), ("deliver",)):
        said = await desk(command[0], offer, *command[1:], "--wait", "0")
        assert said.code == 0, said.err
    told = await agency.told("delivered", "R-1")
    assert told.provider_reference == "OD-7"


async def test_a_decline_says_why_and_a_capacity_has_needs_sent_again(desk: Desk, here: People) -> None:
    await published(desk)
    assert (await desk("services", "remove", "family-rooms", "--yes")).code == 0
    agency = await refer(here)
    [case] = await offered(desk)
    offer = case["need_id"][:8]
    assert (await desk("decline", offer)).code == 2
    (await desk("decline", offer, "--code", "other", "--missing", "identity")).refused("missing-documents only")
    (await desk("deliver", "ffffffff")).refused("there is no offer ffffffff")
    assert (await desk("decline", offer, "--code", "no-capacity", "--wait", "0")).code == 0
    await agency.told("declined", "R-1")
    assert (await desk("inbox", "--all", "--json")).json["offers"][0]["state"] == "declined"
    assert (await desk("capacity", "beds", "4")).code == 0
    again = (await offered(desk, 2))[1]
    assert (again["need_id"], again["attempt"], again["state"]) == (case["need_id"], 2, "to decide")


async def test_what_is_recalled_is_shown_no_more_and_its_deletion_is_said(desk: Desk, here: People) -> None:
    await published(desk)
    agency = await refer(here)
    [case] = await offered(desk)
    offer = case["need_id"][:8]
    await desk("accept", offer, "--wait", "15")
    (await desk("deleted", offer)).refused("nothing of")
    await agency.send(ReferralWithdrawn(reference="R-1", reason="person-request"))
    async with asyncio.timeout(PATIENCE):
        while not (found := await recalled(desk)):
            pass
    assert found[0]["released"] == []
    shown = await desk("inbox", "--all", "--show-contacts")
    assert CANARY not in shown.out
    done = await desk("deleted", offer, "--json")
    assert done.json["deleted"] == [1]
    records = await here.records(topics.responses(name_of(here)))
    assert json.loads(records[-1].value)["recall"] == 1


async def recalled(desk: Desk) -> list[dict[str, Any]]:
    said: Said = await desk("inbox", "--all", "--json")
    return [each for each in said.json["offers"] if each["recalls"]]


async def test_an_agency_can_not_give_a_providers_command(desk: Desk, servers: Addresses, here: People) -> None:
    agency = await taken_in(servers, desk.folder, "agency", f"{name_of(here)}-agency")
    (await agency("inbox")).mistake("needs the login of a provider")
    (await desk("status")).mistake("needs the login of an agency")
