"""The operator's commands on the running system: what they write, and what they do."""

import asyncio
import json
from base64 import b64decode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from contracts import topics
from contracts.cloudevents import CloudEvent, encode
from contracts.outcomes import StatusChanged
from contracts.words import Answer
from deploy.cluster import access, tenants
from deploy.cluster.topics import Topic, agency_topics, ensure
from deploy.demo import client
from deploy.local.services import Services
from deploy.local.stack import Addresses
from services.chassis.encryption import public_of
from services.chassis.engine.dead_letters import DeadLetters
from services.chassis.errors import PoisonError
from services.chassis.ports import OutgoingRecord, Record
from services.console.operator.cluster import OperatorKafka
from services.console.operator.consumer_groups import stages
from tests.e2e.actors import CANARY, Agency, People, eventually

from .command import Referrals


async def dead_letters_of(referrals: Referrals, topic: str, count: int) -> list[dict[str, Any]]:
    """Wait until this many dead letters of a topic are there."""

    async def enough() -> list[dict[str, Any]]:
        listed = (await referrals("dead-letters", "list", "--json", "--limit", 10_000)).json
        of_topic = [each for each in listed["letters"] if each["topic"] == topic]
        return of_topic if len(of_topic) >= count else []

    return await eventually(enough, f"{count} dead letters of {topic}")


async def test_a_tenant_is_onboarded_listed_rotated_and_revoked(
    here: People, servers: Addresses, referrals: Referrals
) -> None:
    added = await referrals("tenants", "add", "both", "console-1", "--name", "One [b]and[/b] all", "--json")
    assert added.code == 0, added.err
    assert len(b64decode(added.json["private_key"])) == 32
    if servers.operator.user:
        assert set(added.json["logins"]) == {"agency:console-1", "provider:console-1"}
        writer = await client.producer(servers.login("agency:console-1", added.json["logins"]["agency:console-1"]))
        await client.send(writer, topics.referrals("console-1"), "R-1", "/console-1", here.referral("R-1"))
        await writer.stop()
    (await referrals("tenants", "add", "agency", "console-1", "--name", "x")).is_usage_error("is registered")
    (await referrals("tenants", "add", "agency", "console-1", "--name", "x", "--again")).is_usage_error(
        "registered as both"
    )
    (await referrals("tenants", "add", "agency", "No.Id", "--name", "x")).is_usage_error("a-z")

    enforcement = await referrals("tenants", "add", "enforcement", "console-2", "--name", "Border police")
    assert enforcement.out == "console-2 is registered; it has no credentials\n"

    rotated = await referrals("tenants", "rotate", "console-1", "--json")
    assert rotated.json["private_key"] != added.json["private_key"]
    assert not servers.operator.user or rotated.json["logins"] != added.json["logins"]

    unconfirmed = await referrals("tenants", "revoke", "console-1", "--json")
    assert (unconfirmed.code, unconfirmed.out) == (1, "")
    assert "Revoke console-1?" in unconfirmed.err
    revoked = await referrals("tenants", "revoke", "console-1", "--yes", "--json")
    assert revoked.json == {"tenant": "console-1", "state": "revoked"}
    listed = await referrals("tenants", "list", "--json")
    [entry] = [each for each in listed.json["tenants"] if each["tenant"] == "console-1"]
    assert (entry["state"], entry["name"]) == ("revoked", "One [b]and[/b] all")
    assert "One [b]and[/b] all" in (await referrals("tenants", "list")).out
    (await referrals("tenants", "rotate", "console-1")).is_usage_error("revoked")
    (await referrals("tenants", "revoke", "nobody", "--yes")).is_usage_error("not registered")


async def test_a_topic_and_an_access_rule_that_differ_from_the_declared_are_reported_and_fixed(
    here: People, servers: Addresses, referrals: Referrals
) -> None:
    agency = await here.agency()
    name = topics.status(agency.id)
    await ensure(servers.operator, [Topic(name, 1, {"retention.ms": "5000"})])
    if servers.operator.user:
        await asyncio.to_thread(access.remove, servers.operator, [access.agency_rules(agency.id)[1]])

    diff = await referrals("topics", "diff", "--json")
    assert diff.code == 1
    assert diff.json["different"]
    wrong = {each["setting"]: each["there"] for each in diff.json["topics"] if each["topic"] == name}
    assert wrong == {"cleanup.policy": "default", "retention.ms": "5000", "segment.ms": "default"}
    if servers.operator.user:
        assert name in {each["name"] for each in diff.json["rules"]["missing"]}
    result = await referrals("topics", "diff")
    assert result.code == 1
    assert "retention.ms is 5000, declared 7776000000" in result.out
    checked = await referrals("doctor", "--json")
    assert {each["name"]: each["state"] for each in checked.json["checks"]}["topics"] == "bad"

    applied = await referrals("topics", "apply", "--json")
    assert applied.code == 0, applied.err
    assert not [each for each in applied.json["after"]["topics"] if each["topic"] == name]
    after = (await referrals("topics", "diff", "--json")).json
    assert not (after["rules"] and after["rules"]["missing"])
    assert {topic.name for topic in agency_topics(agency.id)}.isdisjoint(each["topic"] for each in after["topics"])


async def test_a_broken_record_is_listed_opened_and_replayed_and_refused_again(
    here: People, referrals: Referrals
) -> None:
    agency = await here.agency()
    headers = [("ce_id", b"b-1"), ("ce_source", b"/x"), ("ce_specversion", b"1.0"), ("ce_type", b"of.no.kind.v9")]
    value = json.dumps({"name": CANARY, "bell": "\x07"}).encode()
    await agency.send_raw(value, [*headers, ("raw", b"\xff\x00"), ("none", None), ("raw", b"again")])
    topic = topics.referrals(agency.id)
    [letter] = await dead_letters_of(referrals, topic, 1)
    assert (letter["service"], letter["reason"], letter["partition"]) == ("intake", "type-unknown", 0)

    listed = await referrals("dead-letters", "list", "--service", "intake", "--reason", "type-unknown")
    assert topic in listed.out
    assert CANARY not in listed.out
    assert "type-unknown" in listed.out.splitlines()[-1]
    none = await referrals("dead-letters", "list", "--reason", "no-such-reason", "--json")
    assert none.json == {"letters": [], "total": 0, "reasons": {}}
    assert len((await referrals("dead-letters", "list", "--limit", "1", "--json")).json["letters"]) == 1

    shown = await referrals("dead-letters", "show", letter["offset"])
    assert CANARY in shown.out
    assert "personal data" in shown.err
    opened = (await referrals("dead-letters", "show", letter["offset"], "--json")).json
    assert b64decode(opened["value"]["base64"]) == value
    assert opened["key"]["text"] == "raw"

    dry = await referrals("dead-letters", "replay", letter["offset"], "--json")
    assert (dry.code, dry.json["dry_run"], dry.json["replayed"]) == (0, True, 0)
    assert "would be published" in (await referrals("dead-letters", "replay", letter["offset"])).out
    done = await referrals("dead-letters", "replay", letter["offset"], "--yes", "--json")
    assert (done.code, done.json["replayed"], done.json["failed"]) == (0, 1, 0)
    [first, second] = await dead_letters_of(referrals, topic, 2)
    assert second["origin_offset"] > first["origin_offset"]
    again = (await referrals("dead-letters", "show", second["offset"], "--json")).json
    assert [again[part] for part in ("key", "value", "headers")] == [
        opened[part] for part in ("key", "value", "headers")
    ]
    [sent, replayed] = await here.records(topic)
    assert (replayed.key, replayed.value, replayed.headers) == (sent.key, sent.value, sent.headers)


async def test_a_record_that_can_now_be_handled_takes_effect_once_however_often_it_is_replayed(
    here: People, servers: Addresses, referrals: Referrals, private_key: str
) -> None:
    agency = await here.agency()
    event = CloudEvent("once", "/x", here.referral("R-1").ce_type(), datetime.now(UTC), b"")
    record = Record(
        topics.referrals(agency.id), 0, 7, b"R-1", here.referral("R-1").model_dump_json(exclude_none=True).encode(),
        encode(event), datetime.now(UTC),
    )  # fmt: skip
    await set_aside(servers, record, private_key)
    [letter] = await dead_letters_of(referrals, topics.referrals(agency.id), 1)
    for _ in range(2):
        done = await referrals("dead-letters", "replay", letter["offset"], "--yes", "--json")
        assert (done.code, done.json["replayed"]) == (0, 1)
    await agency.send(here.referral("R-2"))
    await agency.wait_for("waiting", "R-2")  # it comes after both replays
    await agency.wait_for("waiting", "R-1")
    states = [(each.reference, each.state) for _, each in agency.status.events if isinstance(each, StatusChanged)]
    assert len(states) == len(set(states))
    assert len(await here.records(topics.referrals(agency.id))) == 3


async def set_aside(servers: Addresses, record: Record, private_key: str) -> None:
    """Make a dead letter of a record, as an older intake would that did not know its type yet."""

    class Broker:
        async def publish(self, messages: Sequence[OutgoingRecord]) -> Mapping[int, str]:
            writer = await client.producer(servers.operator)
            for each in messages:
                await writer.send_and_wait(each.topic, each.value, key=each.key, headers=list(each.headers))
            await writer.stop()
            return {}

    dead_letters = DeadLetters("intake", Broker(), public_of(private_key))  # type: ignore[arg-type]
    await dead_letters.send([(record, PoisonError("gate", "type-unknown", "ce_type"))])


async def test_an_undeliverable_status_is_delivered_by_a_replay_once_its_access_rule_is_back(
    here: People, servers: Addresses, referrals: Referrals
) -> None:
    if not servers.operator.user:
        pytest.skip("a topic can only be closed on a Kafka with access control")
    agency = await here.agency()
    topic = topics.status(agency.id)
    rule = access.AccessRule("outcomes", "write", "topic", topic)
    await asyncio.to_thread(access.remove, servers.operator, [rule])
    await agency.send(here.referral("R-1"))
    [letter, *_] = await dead_letters_of(referrals, topic, 1)
    assert (letter["service"], letter["reason"], letter["field"]) == ("outcomes", "undeliverable", "not-authorised")
    assert (letter["partition"], letter["origin_offset"]) == (None, None)

    await referrals("topics", "apply")
    assert rule in await asyncio.to_thread(access.present, servers.operator, "outcomes")
    done = await referrals("dead-letters", "replay", letter["offset"], "--yes", "--json")
    assert (done.code, done.json["replayed"]) == (0, 1)
    assert "undeliverable before" in done.err
    await agency.status.until(lambda m: isinstance(m, StatusChanged) and m.reference == "R-1")


async def test_the_operators_mistakes_with_dead_letters_are_explained_and_lose_nothing(
    here: People, servers: Addresses, referrals: Referrals, private_key: str
) -> None:
    (await referrals("dead-letters", "replay")).is_usage_error("which dead letters to replay")
    (await referrals("dead-letters", "replay", "1", "--all")).is_usage_error("or --all")
    (await referrals("dead-letters", "show", 10**9)).is_usage_error("no dead letter")
    (await referrals("dead-letters", "show", "0", operator_private_key="no key")).is_usage_error("32 bytes")
    (await referrals("dead-letters", "show", "0", operator_private_key="@/no/file")).is_usage_error("No such file")
    at = datetime.now(UTC)
    await set_aside(servers, Record("agency.gone.referrals", 0, 1, b"k", b"v", [], at), private_key)
    [gone] = await dead_letters_of(referrals, "agency.gone.referrals", 1)
    done = await referrals("dead-letters", "replay", gone["offset"], "--yes", "--json")
    assert (done.code, done.json["replayed"], done.json["failed"]) == (1, 0, 1)
    assert "does not exist" in done.json["letters"][0]["why"]
    other = "A" * 43 + "="
    shown = await referrals("dead-letters", "show", gone["offset"], operator_private_key=other)
    shown.is_usage_error("does not open")
    failed = await referrals("dead-letters", "replay", gone["offset"], "--yes", operator_private_key=other)
    assert failed.code == 1


async def matched(here: People) -> tuple[Agency, str, str]:
    agency, provider = await here.agency(), await here.provider(here.service())
    await agency.send(here.referral("R-1"))
    offer = await provider.wait_for_offer()
    await provider.answer(offer, Answer.ACCEPTED)
    await agency.wait_for("taken-up", "R-1")
    return agency, offer.referral_id, offer.need_id


async def test_a_timeline_is_shown_by_referral_and_by_need_and_explained(here: People, referrals: Referrals) -> None:
    _, referral, need = await matched(here)
    timeline = await referrals("timeline", referral)
    assert timeline.code == 0, timeline.err
    assert timeline.out.splitlines()[0] == f"need {need}"
    assert "taken-up" in timeline.out
    whole = await referrals("timeline", need, "--explain", "--json")
    assert whole.json["needs"][0]["explain"]["chosen"]
    assert "holds provider-" in (await referrals("timeline", need, "--explain")).out
    assert CANARY not in timeline.out + whole.out
    (await referrals("timeline", "nobody/../../health")).is_usage_error("does not know")
    (await referrals("timeline", need, operator_token="not-the-token-of-anybody")).is_usage_error("refuses the token")
    (await referrals("timeline", need, urls="outcomes=http://127.0.0.1:1")).is_usage_error("does not respond")
    (await referrals("timeline", need, urls="outcomes=nonsense")).is_usage_error("cannot be read")


async def test_lag_is_shown_for_each_group_and_passing_a_limit_is_an_error(
    here: People, system: Services, servers: Addresses, referrals: Referrals
) -> None:
    agency, *_ = await matched(here)
    own = topics.referrals(agency.id)

    def behind(lag: Any) -> int:
        """On the agency's own topic: tests that stop their services may leave a lag on those of others."""
        return sum(each["lag"] for each in lag["partitions"] if (each["group"], each["topic"]) == ("intake-gate", own))

    async def caught_up() -> bool:
        return behind((await referrals("lag", "--json")).json) == 0

    await eventually(caught_up, "intake has read the agency's topic")
    system["intake"].freeze()
    try:
        await agency.send(here.referral("R-2"))
        late = await referrals("lag", "--max", "0", "--behind", "--json")
        sick = await referrals("doctor", "--json")
    finally:
        system["intake"].thaw()
    assert late.code == 1
    assert behind(late.json) == 1
    assert late.json["groups"]["intake-gate"] >= 1
    assert sick.code == 1
    assert {each["name"]: each["state"] for each in sick.json["checks"]}["intake"] == "bad"

    kafka = await asyncio.to_thread(OperatorKafka, servers.operator)
    read = {stage.group: stage for stage in stages()}
    committed = await asyncio.to_thread(kafka.committed, read)
    for group, partitions in committed.items():
        assert partitions, group
        assert all(read[group].reads(topic) for topic, _ in partitions), group


async def test_the_doctor_reports_what_is_well_and_what_to_do_about_the_rest(
    here: People, servers: Addresses, referrals: Referrals
) -> None:
    await matched(here)
    result = await referrals("doctor", "--json")
    checks = {each["name"]: each for each in result.json["checks"]}
    well = {*topics.SERVICES, "kafka", "token", "private key", "groups", "tenants", "lag"}
    assert {name for name in well if checks[name]["state"] != "ok"} == set(), result.out
    assert (result.code == 0) is result.json["well"]

    refused = await referrals("doctor", kafka_password="wrong") if servers.operator.user else None
    assert refused is None or ("refuses the login" in refused.out and refused.code == 1)
    away = await referrals("doctor", "--json", kafka="127.0.0.1:1")
    assert away.code == 1
    assert [each["state"] for each in away.json["checks"] if each["name"] == "kafka"] == ["bad"]


async def test_an_unusable_entry_of_the_registry_is_reported_and_hides_no_other(
    here: People, servers: Addresses, referrals: Referrals
) -> None:
    agency = await here.agency()
    writer = await client.producer(servers.operator)
    await writer.send_and_wait(topics.TENANTS, b"not json", key=agency.id.encode())
    try:
        listed = (await referrals("tenants", "list", "--json")).json
        assert agency.id in {each["tenant"] for each in listed["tenants"]}
        assert set(listed["unusable"]) == {agency.id}
        checked = (await referrals("doctor", "--json")).json["checks"]
        assert {each["name"]: each["state"] for each in checked}["tenants"] == "bad"
    finally:
        await asyncio.to_thread(tenants.rotate, servers.operator, agency.id)
        await writer.stop()
    assert (await referrals("tenants", "list", "--json")).json["unusable"] == {}
