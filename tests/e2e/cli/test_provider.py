"""A provider's commands on the running system: it publishes services, sees offers, and each answer takes effect."""

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
from tests.e2e.actors import CANARY, Agency, People, eventually

from .command import SAMPLES, CommandResult, Terminal, onboard

pytestmark = pytest.mark.timeout(600)  # many commands, on a machine that may be busy


@pytest.fixture
async def terminal(system: Services, servers: Addresses, here: People, tmp_path: Path) -> Terminal:
    """A provider's terminal, with the samples in its folder; their region is one that only this test uses."""
    folder = shutil.copytree(SAMPLES, tmp_path / "samples")
    for name in ("services.csv", "services.json", "words.toml"):
        file = folder / name
        file.write_text(file.read_text().replace("PL-06", here.area))
    terminal = await onboard(servers, folder, "provider", name_of(here))
    terminal.env["XDG_STATE_HOME"] = str(tmp_path / "state")
    return terminal


def name_of(here: People) -> str:
    return f"console-{here.area.lower()}"


async def published(terminal: Terminal) -> None:
    assert (await terminal("services", "profile", "Open Door")).code == 0
    result = await terminal("services", "publish", "services.csv", "--words", "words.toml", "--json")
    assert (result.code, result.json["published"]) == (0, 3), result.err


async def offered(terminal: Terminal, count: int = 1) -> list[dict[str, Any]]:
    """Wait until this many offers are open."""

    async def enough() -> list[dict[str, Any]]:
        offers: list[dict[str, Any]] = (await terminal("inbox", "--json")).json["offers"]
        return offers if len(offers) >= count else []

    return await eventually(enough, f"{count} offers are open")


async def test_services_are_published_listed_changed_and_removed(terminal: Terminal, here: People) -> None:
    assert "There is no profile" in (await terminal("services", "list")).err
    await published(terminal)
    listed = (await terminal("services", "list", "--json")).json
    assert {each["service"]: each["capacity"] for each in listed["services"]} == {
        "beds": 4, "family-rooms": 2, "advice": 6
    }  # fmt: skip
    assert listed["profile"]["name"] == "Open Door"

    warned = await terminal("services", "publish", "services.json", "--words", "words.toml")
    assert (warned.code, "1 of them with warnings" in warned.err) == (1, True)
    done = await terminal("services", "publish", "services.json", "--words", "words.toml", "--yes")
    assert "1 services, 0 refused; 1 published" in done.out
    assert (await terminal("capacity", "beds", "7")).out == "beds has 7 places (before: 4)\n"
    (await terminal("capacity", "bed", "7")).is_refused("you have no service bed: your services: beds")
    assert (await terminal("services", "remove", "family-rooms")).code == 1
    assert (await terminal("services", "remove", "family-rooms", "--yes")).code == 0
    listed = (await terminal("services", "list", "--json")).json
    assert {each["service"]: each["capacity"] for each in listed["services"]} == {"beds": 7, "advice": 6, "kitchen": 60}
    [last] = [each for each in await here.records(topics.directory(name_of(here))) if each.value is None]
    assert last.key == b"family-rooms"


async def refer(here: People, reference: str = "R-1") -> Agency:
    agency = await here.agency()
    await agency.send(here.referral(reference))
    return agency


async def test_an_offer_is_accepted_and_delivered_and_the_contact_is_shown_only_on_request(
    terminal: Terminal, here: People
) -> None:
    await published(terminal)
    async with terminal.following("inbox", "--follow") as lines:
        await lines.until("0 offers")
        agency = await refer(here)
        line = await lines.until("offer", "shelter", here.area)
    assert CANARY not in line
    offer = line.split("  ")[1]
    [case] = await offered(terminal)
    assert (case["state"], case["next"], case["need_id"][:8]) == ("offered", "acknowledge, or decide", offer)

    seen = await terminal("acknowledge", offer)
    assert f"confirmed: {offer} is acknowledged; next: accept or decline by" in seen.out, seen
    taken = await terminal("accept", offer, "--reference", "OD-7")
    assert "released to you: name contact" in taken.out, taken
    await agency.wait_for("taken-up", "R-1")
    closed = await terminal("inbox")
    assert "taken-up  start, or make an appointment" in closed.out
    assert CANARY not in closed.out
    shown = await terminal("inbox", "--show-contacts")
    assert f"{offer}  name: {CANARY}" in shown.out
    assert "personal data" in shown.err
    document = (await terminal("inbox", "--show-contacts", "--json")).json["offers"][0]
    assert document["contact"]["name"] == CANARY
    other = await terminal("inbox", "--show-contacts", "--key", "A" * 43 + "=")
    assert (CANARY in other.out, "encrypted to another key" in other.err) == (False, True)

    again = await terminal("accept", offer, "--json")
    assert (again.code, again.json["refused"], again.json["reply"]["reason"]) == (1, True, "repeated")
    (await terminal("acknowledge", offer)).is_refused("possible now: appointment")
    unchanged = (await terminal("inbox", "--json")).json["offers"][0]
    assert (unchanged["state"], unchanged["next"]) == ("taken-up", "start, or make an appointment")
    at = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    for command in (("appointment", "--at", at), ("no-show",), ("start",), ("deliver",)):
        result = await terminal(command[0], offer, *command[1:])
        assert result.code == 0, result.err
    status = await agency.wait_for("delivered", "R-1")
    assert status.provider_reference == "OD-7"
    assert "0 offers, 0 to decide" in (await terminal("inbox")).out, "what is done leaves the list"


async def test_what_one_person_answers_everybody_at_the_provider_sees(
    terminal: Terminal, here: People, tmp_path: Path
) -> None:
    await published(terminal)
    await refer(here)
    [case] = await offered(terminal)
    offer = case["need_id"][:8]
    other = Terminal(terminal.folder, {**terminal.env, "XDG_STATE_HOME": str(tmp_path / "other")})
    assert (await other("acknowledge", offer)).code == 0
    documents = [(await each("inbox", "--all", "--json")).json for each in (terminal, other)]
    assert documents[0] == documents[1]
    assert documents[0]["offers"][0]["next"] == "accept or decline"
    (await terminal("deliver", offer)).is_refused("possible now: accept, decline, check-in")
    assert (await other("inbox", "--json")).json == documents[0], "a refusal changes nothing"
    assert (await terminal("decline", offer, "--code", "other", "--no-wait")).out.startswith("sent, not waited for")

    async def gone() -> bool:
        offers = (await other("inbox", "--json")).json["offers"]
        return (case["need_id"], 1) not in [(each["need_id"], each["attempt"]) for each in offers]

    await eventually(gone, "the offer has left the other list")


async def test_a_decline_has_a_code_and_a_new_capacity_brings_the_need_back(terminal: Terminal, here: People) -> None:
    await published(terminal)
    assert (await terminal("services", "remove", "family-rooms", "--yes")).code == 0
    agency = await refer(here)
    [case] = await offered(terminal)
    offer = case["need_id"][:8]
    assert (await terminal("decline", offer)).code == 2
    (await terminal("decline", offer, "--code", "other", "--missing", "identity")).is_refused("missing-documents only")
    (await terminal("deliver", "ffffffff")).is_refused("there is no offer ffffffff")
    declined = await terminal("decline", offer, "--code", "no-capacity")
    assert declined.out == f"confirmed: {offer} is declined\n"
    await agency.wait_for("declined", "R-1")
    assert (await terminal("inbox", "--all", "--json")).json["offers"][0]["state"] == "declined"
    assert (await terminal("capacity", "beds", "4")).code == 0
    [again] = await offered(terminal)
    assert (again["need_id"], again["attempt"], again["state"]) == (case["need_id"], 2, "offered")


async def test_recalled_data_is_no_longer_shown_and_its_deletion_is_confirmed(terminal: Terminal, here: People) -> None:
    await published(terminal)
    agency = await refer(here)
    [case] = await offered(terminal)
    offer = case["need_id"][:8]
    assert (await terminal("accept", offer)).code == 0
    (await terminal("deleted", offer)).is_refused("nothing was recalled")
    await agency.send(ReferralWithdrawn(reference="R-1", reason="person-request"))
    recalls = await eventually(lambda: recalled(terminal), "the offer is recalled")
    assert recalls[0]["released"] == []
    shown = await terminal("inbox", "--all", "--show-contacts")
    assert CANARY not in shown.out
    done = await terminal("deleted", offer, "--json")
    assert (done.json["deleted"], done.json["confirmed"]) == ([1], True)
    (await terminal("deleted", offer)).is_refused("its deletion is confirmed already")
    assert (await terminal("inbox", "--json")).json["offers"] == []
    records = await here.records(topics.responses(name_of(here)))
    assert [json.loads(each.value).get("recall") for each in records][-1] == 1


async def recalled(terminal: Terminal) -> list[dict[str, Any]]:
    result: CommandResult = await terminal("inbox", "--all", "--json")
    return [each for each in result.json["offers"] if each["recalls"]]


async def test_an_agency_cannot_run_a_providers_command(terminal: Terminal, servers: Addresses, here: People) -> None:
    agency = await onboard(servers, terminal.folder, "agency", f"{name_of(here)}-agency")
    (await agency("inbox")).is_usage_error("needs the login of a provider")
    (await terminal("status")).is_usage_error("needs the login of an agency")
