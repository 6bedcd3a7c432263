"""An agency's commands on the system that runs: a sheet of people goes in, and what becomes of them comes out."""

import csv
import json
import shutil
from pathlib import Path

import pytest

from contracts import topics
from deploy.local.services import Services
from deploy.local.stack import Addresses
from tests.e2e.actors import People

from .command import SAMPLES, Desk, taken_in

PEOPLE = ("people.csv", "--map", "people.toml")
REFERENCES = {f"L-10{number}" for number in range(1, 7)}

pytestmark = pytest.mark.timeout(600)  # each command is a process of its own, and the machine may be busy


@pytest.fixture
async def desk(system: Services, servers: Addresses, here: People, tmp_path: Path) -> Desk:
    """An agency with the samples in its folder."""
    folder = shutil.copytree(SAMPLES, tmp_path / "samples")
    for name in ("people.csv", "faulty.csv", "correction.json"):  # people and places of this test's own
        file = folder / name
        theirs = file.read_text().replace("+48 600 000", f"+48 600 {here.area[3:]}")  # nobody is known from another's
        file.write_text(theirs.replace("PL-06", here.area))
    return await taken_in(servers, folder, "agency", f"console-{here.area.lower()}")


async def test_a_sheet_goes_in_once_however_often_it_is_submitted(desk: Desk, here: People) -> None:
    agency = f"console-{here.area.lower()}"
    dry = await desk("submit", *PEOPLE, "--dry-run", "--json")
    assert (dry.code, dry.json["good"], dry.json["sent"]) == (0, 6, 0)
    done = await desk("submit", *PEOPLE, "--json")
    assert (done.code, done.json["sent"], done.json["before"]) == (0, 6, 0), done.err
    again = await desk("submit", *PEOPLE)
    assert again.out == "6 rows, 0 with errors; 0 sent, 6 were sent before\n"

    noted = (desk.folder / "people.csv.sent").read_text().splitlines()
    (desk.folder / "people.csv.sent").write_text("\n".join(noted[:-2]) + "\n" + noted[-2][:9])  # as a crash leaves it
    rest = await desk("submit", *PEOPLE, "--json")
    assert (rest.json["sent"], rest.json["before"]) == (2, 4)
    records = await here.records(topics.referrals(agency))
    ids = [dict(each.headers)["ce_id"] for each in records]
    assert (len(ids), len(set(ids))) == (8, 6)

    async with desk.following("status", "--follow") as lines:
        for reference in REFERENCES:
            await lines.until(reference)
    told = (await desk("status", "--json")).json
    assert {each["reference"] for each in told["needs"]} == REFERENCES
    assert told["refused"] == []
    for each in await here.records(topics.status(agency)):
        assert b"Sample" not in each.value


async def test_faults_are_told_by_row_and_column_and_nothing_is_sent(desk: Desk, here: People) -> None:
    said = await desk("submit", "faulty.csv", "--map", "people.toml", "--json")
    assert said.code == 1
    assert said.json["sent"] == 0
    found = {(each["row"], each["column"]) for each in said.json["faults"]}
    assert found == {("row 2", "Languages"), ("row 3", "Born"), ("row 3", "May call"), ("row 3", "Needs"),
                     ("row 4", "In"), ("row 6", "Case no.")}  # fmt: skip
    assert await here.records(topics.referrals(f"console-{here.area.lower()}")) == []
    partly = await desk("submit", "faulty.csv", "--map", "people.toml", "--partly", "--json")
    assert (partly.code, partly.json["sent"]) == (1, 1)
    assert (await desk("submit", "people.csv")).err.startswith("referrals: column 'Case no.'")


async def test_a_referral_is_corrected_withdrawn_and_its_life_told(desk: Desk) -> None:
    with (desk.folder / "people.csv").open(newline="") as file:
        heading, *people = csv.reader(file)
    one = "\n".join([",".join(heading), *(",".join(each) for each in people if each[0] == "L-104")])
    sent = await desk("submit", "-", "--map", "people.toml", "--json", stdin=one.encode())
    assert (sent.code, sent.json["sent"]) == (0, 1), sent.err
    assert (await desk("correct", "correction.json")).code == 0
    assert (await desk("withdraw", "L-104", "--reason", "resolved", "--json")).code == 0
    async with desk.following("status", "L-104", "--follow", "--texts", "en") as lines:
        await lines.until("L-104", "withdrawn")
    life = (await desk("status", "L-104", "--json")).json
    assert [each["state"] for each in life["needs"]] == ["withdrawn"]
    assert {each["type"] for each in life["told"]} == {"outcomes.status-changed.v1"}
    assert "withdrawn" in (await desk("status", "L-104", "--texts", "en")).out
    assert "L-104" not in (await desk("status", "--open")).out
    (await desk("status", "L-999")).refused("nothing is known about L-999")
    (await desk("withdraw", "no reference")).refused("1 to 64 of the characters")


async def test_what_intake_refuses_is_seen_in_the_status(desk: Desk) -> None:
    assert (await desk("withdraw", "L-404")).code == 0  # it was never sent
    async with desk.following("status", "--follow") as lines:
        await lines.until("L-404", "refused")
    assert (await desk("status", "L-404", "--json")).json["refused"][0]["problems"]


async def test_a_recommendation_is_asked_by_options_or_file_and_names_the_rule_that_leaves_none(
    desk: Desk, here: People
) -> None:
    provider = await here.provider(here.service(capacity=2))
    about = ("--area", here.area, "--age-band", "18-59", "--language", "ru", "--json")
    asked = await desk("recommend", "--category", "shelter", *about)
    for _ in range(20):  # its directory may not be read yet
        if asked.code == 0:
            break
        asked = await desk("recommend", "--category", "shelter", *about)
    assert [each["provider"] for each in asked.json["needs"][0]["suggested"]] == [provider.id]
    none = await desk("recommend", "--category", "employment", *about)
    assert (none.code, none.json["needs"][0]["suggested"]) == (1, [])
    question = {
        "reference": "Q-1",
        "person": {"age_band": "18-59", "sex": "female", "languages": ["ru"]},
        "location": {"admin1": here.area},
        "needs": [{"need": "1", "category": "shelter", "urgency": "high"}],
    }
    from_file = await desk("recommend", "-", stdin=json.dumps(question).encode())
    assert (from_file.code, provider.id in from_file.out) == (0, True), from_file.err
    (await desk("recommend", "--category", "shelter")).refused("person.age_band is needed")


async def test_whoever_has_no_login_or_the_wrong_one_is_told(desk: Desk, servers: Addresses, tmp_path: Path) -> None:
    (await desk("status", login="")).mistake("the login of an agency is missing")
    (await desk("status", login="/no/file")).mistake("No such file")
    text = (desk.folder / Path(desk.env["REFERRALS_LOGIN"]).name).read_text()
    wrong = tmp_path / "wrong.env"
    wrong.write_text(text.replace("KAFKA=", "# KAFKA="))
    (await desk("status", login=str(wrong))).mistake("no Kafka address is given")
    wrong.write_text(text.replace(f"KAFKA={servers.kafka}", "KAFKA=127.0.0.1:1"))
    away = await desk("status", login=str(wrong))
    assert (away.code, away.out) == (3, "")
    assert "does not respond" in away.err
    if servers.operator.user:
        wrong.write_text(text.replace("KAFKA_PASSWORD=", "KAFKA_PASSWORD=not"))
        (await desk("status", login=str(wrong))).mistake("refuses the login")
        assert "others can read it" in (await desk("status", login=str(wrong))).err
    wrong.write_text(text.replace("agency:", "agency:another-"))
    assert (await desk("status", login=str(wrong))).code == 2
