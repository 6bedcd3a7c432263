"""An agency's commands on the running system: it submits a sheet of people and follows what becomes of them."""

import csv
import json
import shutil
from pathlib import Path

import pytest

from contracts import topics
from deploy.local.services import Services
from deploy.local.stack import Addresses
from tests.e2e.actors import People, eventually

from .command import SAMPLES, CommandResult, Terminal, onboard

PEOPLE = ("people.csv", "--map", "people.toml")
REFERENCES = {f"L-10{number}" for number in range(1, 7)}

pytestmark = pytest.mark.timeout(600)  # many commands, on a machine that may be busy


@pytest.fixture
async def terminal(system: Services, servers: Addresses, here: People, tmp_path: Path) -> Terminal:
    """An agency's terminal, with the samples in its folder."""
    folder = shutil.copytree(SAMPLES, tmp_path / "samples")
    for name in ("people.csv", "faulty.csv", "correction.json"):  # people and places of this test only
        file = folder / name
        text = file.read_text().replace(
            "+48 600 000", f"+48 600 {here.area[3:]}"
        )  # else they would be known from another test
        file.write_text(text.replace("PL-06", here.area))
    return await onboard(servers, folder, "agency", f"console-{here.area.lower()}")


async def test_a_sheet_is_sent_once_however_often_it_is_submitted(terminal: Terminal, here: People) -> None:
    agency = f"console-{here.area.lower()}"
    dry = await terminal("submit", *PEOPLE, "--dry-run", "--json")
    assert (dry.code, dry.json["good"], dry.json["sent"]) == (0, 6, 0)
    done = await terminal("submit", *PEOPLE, "--json")
    assert (done.code, done.json["sent"], done.json["before"]) == (0, 6, 0), done.err
    again = await terminal("submit", *PEOPLE)
    assert again.out == "6 rows, 0 with errors; 0 sent, 6 were sent before\n"

    sent_ids = (terminal.folder / "people.csv.sent").read_text().splitlines()
    (terminal.folder / "people.csv.sent").write_text(
        "\n".join(sent_ids[:-2]) + "\n" + sent_ids[-2][:9]
    )  # as a crash leaves it
    rest = await terminal("submit", *PEOPLE, "--json")
    assert (rest.json["sent"], rest.json["before"]) == (2, 4)
    records = await here.records(topics.referrals(agency))
    ids = [dict(each.headers)["ce_id"] for each in records]
    assert (len(ids), len(set(ids))) == (8, 6)

    async with terminal.following("status", "--follow") as lines:
        for reference in REFERENCES:
            await lines.until(reference)
    status = (await terminal("status", "--json")).json
    assert {each["reference"] for each in status["needs"]} == REFERENCES
    assert status["refused"] == []
    for each in await here.records(topics.status(agency)):
        assert b"Sample" not in each.value


async def test_faults_are_reported_by_row_and_column_and_nothing_is_sent(terminal: Terminal, here: People) -> None:
    result = await terminal("submit", "faulty.csv", "--map", "people.toml", "--json")
    assert result.code == 1
    assert result.json["sent"] == 0
    faults = {(each["row"], each["column"]) for each in result.json["faults"]}
    assert faults == {("row 2", "Languages"), ("row 3", "Born"), ("row 3", "May call"), ("row 3", "Needs"),
                     ("row 4", "In"), ("row 6", "Case no.")}  # fmt: skip
    assert await here.records(topics.referrals(f"console-{here.area.lower()}")) == []
    partly = await terminal("submit", "faulty.csv", "--map", "people.toml", "--partly", "--json")
    assert (partly.code, partly.json["sent"]) == (1, 1)
    assert (await terminal("submit", "people.csv")).err.startswith("referrals: column 'Case no.'")


async def test_a_referral_is_corrected_and_withdrawn_and_its_timeline_is_shown(terminal: Terminal) -> None:
    with (terminal.folder / "people.csv").open(newline="") as file:
        heading, *people = csv.reader(file)
    one = "\n".join([",".join(heading), *(",".join(each) for each in people if each[0] == "L-104")])
    sent = await terminal("submit", "-", "--map", "people.toml", "--json", stdin=one.encode())
    assert (sent.code, sent.json["sent"]) == (0, 1), sent.err
    assert (await terminal("correct", "correction.json")).code == 0
    assert (await terminal("withdraw", "L-104", "--reason", "resolved", "--json")).code == 0
    async with terminal.following("status", "L-104", "--follow", "--texts", "en") as lines:
        await lines.until("L-104", "withdrawn")
    timeline = (await terminal("status", "L-104", "--json")).json
    assert [each["state"] for each in timeline["needs"]] == ["withdrawn"]
    assert {each["type"] for each in timeline["told"]} == {"outcomes.status-changed.v1"}
    assert "withdrawn" in (await terminal("status", "L-104", "--texts", "en")).out
    assert "L-104" not in (await terminal("status", "--open")).out
    (await terminal("status", "L-999")).is_refused("nothing is known about L-999")
    (await terminal("withdraw", "no reference")).is_refused("1 to 64 of the characters")


async def test_the_status_shows_what_intake_refuses(terminal: Terminal) -> None:
    assert (await terminal("withdraw", "L-404")).code == 0  # it was never sent
    async with terminal.following("status", "--follow") as lines:
        await lines.until("L-404", "refused")
    assert (await terminal("status", "L-404", "--json")).json["refused"][0]["problems"]


async def test_a_recommendation_is_requested_by_options_or_file_and_names_the_rule_that_leaves_none(
    terminal: Terminal, here: People
) -> None:
    provider = await here.provider(here.service(capacity=2))
    about = ("--area", here.area, "--age-band", "18-59", "--language", "ru", "--json")

    async def suggestion() -> CommandResult | None:
        result = await terminal("recommend", "--category", "shelter", *about)
        return result if result.code == 0 else None

    first = await eventually(suggestion, "matching has read the directory")
    assert first is not None
    assert [each["provider"] for each in first.json["needs"][0]["suggested"]] == [provider.id]
    none = await terminal("recommend", "--category", "employment", *about)
    assert (none.code, none.json["needs"][0]["suggested"]) == (1, [])
    question = {
        "reference": "Q-1",
        "person": {"age_band": "18-59", "sex": "female", "languages": ["ru"]},
        "location": {"admin1": here.area},
        "needs": [{"need": "1", "category": "shelter", "urgency": "high"}],
    }
    from_file = await terminal("recommend", "-", stdin=json.dumps(question).encode())
    assert (from_file.code, provider.id in from_file.out) == (0, True), from_file.err
    (await terminal("recommend", "--category", "shelter")).is_refused("person.age_band is needed")


async def test_a_missing_or_wrong_login_is_explained(terminal: Terminal, servers: Addresses, tmp_path: Path) -> None:
    (await terminal("status", login="")).is_usage_error("the login of an agency is missing")
    (await terminal("status", login="/no/file")).is_usage_error("No such file")
    text = (terminal.folder / Path(terminal.env["REFERRALS_LOGIN"]).name).read_text()
    wrong = tmp_path / "wrong.env"
    wrong.write_text(text.replace("KAFKA=", "# KAFKA="))
    (await terminal("status", login=str(wrong))).is_usage_error("no Kafka address is given")
    wrong.write_text(text.replace(f"KAFKA={servers.kafka}", "KAFKA=127.0.0.1:1"))
    away = await terminal("status", login=str(wrong))
    assert (away.code, away.out) == (3, "")
    assert "does not respond" in away.err
    if servers.operator.user:
        wrong.write_text(text.replace("KAFKA_PASSWORD=", "KAFKA_PASSWORD=not"))
        (await terminal("status", login=str(wrong))).is_usage_error("refuses the login")
        assert "others can read it" in (await terminal("status", login=str(wrong))).err
    wrong.write_text(text.replace("agency:", "agency:another-"))
    assert (await terminal("status", login=str(wrong))).code == 2
