"""The AsyncAPI document is valid, and agrees with models, access rules, subscriptions and what services publish."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from contracts import schemas, topics
from contracts.asyncapi.channels import CHANNELS, Channel
from contracts.base import PREFIX
from contracts.catalogue import MESSAGES
from contracts.cloudevents import decode
from deploy.cluster.access import ANALYST, READS, WRITES, agency_rules, provider_rules
from deploy.cluster.topics import agency_topics as topics_of_agency
from deploy.cluster.topics import internal_topics
from deploy.cluster.topics import provider_topics as topics_of_provider
from tests.simulation.seeds import in_child_process
from tests.simulation.traffic import messages_of_runs
from tests.support.clock import START

DOCUMENT: dict[str, Any] = json.loads(schemas.exported()["asyncapi.json"])
MESSAGE: dict[str, Any] = DOCUMENT["components"]["messages"]
EVENTS = [name for name in MESSAGE if name != "dead-letter"]
SPECIFICATION = json.loads((Path(__file__).parent / "asyncapi-3.0.0.json").read_text())
_WHOLE = Registry().with_resource("urn:document", Resource(DOCUMENT, DRAFT202012))


def validator(reference: str) -> Draft202012Validator:
    """For the schema at this place in the document."""
    return Draft202012Validator({"$ref": f"urn:document{reference}"}, registry=_WHOLE)


# The document itself --------------------------------------------------------------------------------------------------


def test_the_document_conforms_to_the_specification() -> None:
    assert [each.message for each in Draft7Validator(SPECIFICATION).iter_errors(DOCUMENT)] == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("info", "title"), 3),
        (("operations", "agency.send.agency.referrals", "action"), "publish"),
        (("channels", "intake", "adress"), "referrals.intake"),
        (("channels", "intake", "bindings", "kafka", "partitions"), "four"),
        (("channels", "intake", "bindings", "kafka", "topicConfiguration", "cleanup.policy"), ["forget"]),
        (("components", "messages", "intake.accepted.v1", "headers"), 3),
        (("operations", "analyst.receive.statistics.indicators", "bindings", "kafka", "groupId"), "analyst"),
    ],
)
def test_the_specification_rejects_a_wrong_document(path: tuple[str, ...], value: Any) -> None:
    wrong = json.loads(json.dumps(DOCUMENT))
    node = wrong
    for name in path[:-1]:
        node = node[name]
    node[path[-1]] = value
    assert not Draft7Validator(SPECIFICATION).is_valid(wrong)


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for name, each in node.items():
            if name == "$ref" and isinstance(each, str):
                yield each
            else:
                yield from references(each)
    elif isinstance(node, list):
        for each in node:
            yield from references(each)


def test_every_reference_has_a_target_and_every_component_is_used() -> None:
    used_references = set(references(DOCUMENT))
    for reference in used_references:
        node: Any = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            assert step in node, reference
            node = node[step]
    components = {f"#/components/{kind}/{name}" for kind, each in DOCUMENT["components"].items() for name in each}
    assert components - used_references == set()


@pytest.mark.parametrize("name", EVENTS)
def test_every_example_is_valid(name: str) -> None:
    for example in MESSAGE[name]["examples"]:
        validator(f"#/components/messages/{name}/headers").validate(example["headers"])
        validator(f"#/components/messages/{name}/payload").validate(example["payload"])
        event = decode([(key, text.encode()) for key, text in example["headers"].items()], b"{}", START)
        assert event.type == PREFIX + name
        MESSAGES[event.type].read(json.dumps(example["payload"]))


def test_a_missing_or_wrong_header_is_rejected() -> None:
    headers = MESSAGE["intake.accepted.v1"]["examples"][0]["headers"]
    check = validator("#/components/messages/intake.accepted.v1/headers")
    assert not check.is_valid({**headers, "ce_type": f"{PREFIX}intake.withdrawn.v1"})
    assert not check.is_valid({name: text for name, text in headers.items() if name != "ce_id"})


def test_the_tag_of_a_party_lists_its_operations() -> None:
    mine = {
        each["channel"]["$ref"].removeprefix("#/channels/"): each["action"]
        for each in DOCUMENT["operations"].values()
        if each["tags"] == [{"name": "agency"}]
    }
    assert mine == {"agency.referrals": "send", "agency.status": "receive"}


# The document and the access rules ------------------------------------------------------------------------------------


def address(channel: Channel) -> str:
    return channel.address.format(agency="a", provider="a")


def used(who: str, how: str) -> set[str]:
    """The topics that a party reads or sends to, according to the document."""
    return {address(each) for each in CHANNELS if who in getattr(each, how)}


def opened(who: str, operation: str) -> set[str]:
    """The topics that a party may use, according to the access rules."""
    rules = [*agency_rules("a"), *provider_rules("a")]
    of_tenants = {
        each.name for each in rules if (each.principal, each.operation, each.kind) == (who, operation, "topic")
    }
    return of_tenants | set({"read": READS, "write": WRITES}[operation].get(who, []))


@pytest.mark.parametrize("service", topics.SERVICES)
def test_a_service_may_do_exactly_what_the_document_says(service: str) -> None:
    inbox = {topics.inbox(service)}  # every service has one, for its ticker and for failed deliveries
    assert used(service, "reads") | inbox == opened(service, "read") | inbox
    assert used(service, "sends") | inbox | {topics.DEAD_LETTERS} == opened(service, "write") | inbox


@pytest.mark.parametrize("kind", ["agency", "provider"])
def test_a_tenant_may_do_exactly_what_the_document_says(kind: str) -> None:
    assert used(kind, "sends") == opened(f"{kind}:a", "write")
    assert used(kind, "reads") == opened(f"{kind}:a", "read")


def test_analysts_read_only_counts() -> None:
    assert used(ANALYST, "reads") == {topics.INDICATORS}
    assert used(ANALYST, "sends") == set()


def test_every_topic_is_in_the_document() -> None:
    declared = {each.name for each in [*internal_topics(), *topics_of_agency("a"), *topics_of_provider("a")]}
    assert {each["address"].format(agency="a", provider="a") for each in DOCUMENT["channels"].values()} == declared


def test_the_bindings_state_what_kafka_is_set_to() -> None:
    """Partitions, retention, clean-up and largest size, in AsyncAPI's words; Kafka's default where none is declared."""
    declared = {each.name: each for each in [*internal_topics(), *topics_of_agency("a"), *topics_of_provider("a")]}
    for channel in DOCUMENT["channels"].values():
        topic = declared[channel["address"].format(agency="a", provider="a")]
        binding = channel["bindings"]["kafka"]
        stated = {
            name: ",".join(value) if isinstance(value, list) else str(value)
            for name, value in binding["topicConfiguration"].items()
        }
        assert binding["partitions"] == topic.partitions, topic.name
        assert stated == {"max.message.bytes": "1048588", **topic.settings}, topic.name


def test_what_people_read_is_compressed_with_what_every_client_has() -> None:
    outside = {
        each["channel"]["$ref"].removeprefix("#/channels/")
        for each in DOCUMENT["operations"].values()
        if each["action"] == "receive" and each["tags"][0]["name"] in ("agency", "provider", "analyst")
    }
    codecs = {name: each["bindings"]["kafka"]["x-compression"] for name, each in DOCUMENT["channels"].items()}
    assert {codecs[name] for name in outside} == {"gzip"}


@pytest.mark.parametrize("name", EVENTS)
def test_every_message_says_what_its_key_is(name: str) -> None:
    key = MESSAGE[name]["bindings"]["kafka"]["key"]
    assert (key["type"], bool(key["description"])) == ("string", True)


# The document and the services ----------------------------------------------------------------------------------------


@cache
def wired(service: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.contract.wired", service], capture_output=True, text=True, timeout=60, check=True
    )
    wiring: dict[str, Any] = json.loads(done.stdout)
    return wiring


@pytest.mark.parametrize("service", topics.SERVICES)
def test_a_service_subscribes_to_what_the_document_says(service: str) -> None:
    wiring = wired(service)
    patterns = [each["pattern"] for each in wiring["read"] if each["pattern"]] + wiring["followed"]
    by_name = {topic for each in wiring["read"] for topic in each["topics"]}
    by_pattern = {address(each) for each in CHANNELS if any(re.match(pattern, address(each)) for pattern in patterns)}
    assert by_name | by_pattern == used(service, "reads") | {topics.inbox(service)}
    assert wiring["subscribers"] == len(wiring["read"]) + len(wiring["followed"]), "it must not read in another way"


@pytest.mark.parametrize("service", topics.SERVICES)
def test_a_service_handles_exactly_what_the_document_says(service: str) -> None:
    for reading in wired(service)["read"]:
        taken = {PREFIX + kind.TYPE for each in CHANNELS if reads(reading, each) for kind in each.reads[service]}
        assert taken == set(reading["takes"])
        for channel in (each for each in CHANNELS if reads(reading, each)):
            handled = {kind for kind in channel.messages if kind.ce_type() in reading["takes"]}
            assert set(channel.reads[service]) == handled, channel.name


def reads(reading: dict[str, Any], channel: Channel) -> bool:
    if reading["pattern"]:
        return re.match(reading["pattern"], address(channel)) is not None
    return address(channel) in reading["topics"]


def test_what_the_whole_system_publishes_is_what_the_document_says() -> None:
    declared = {
        (who, each.address, kind.TYPE) for each in CHANNELS for who, kinds in each.sends.items() for kind in kinds
    }
    published = in_child_process(messages_of_runs, range(12))
    assert published - declared == set()
    for service in topics.SERVICES:
        unseen = {kind for who, _, kind in declared - published if who == service}
        assert unseen <= RARE[service], f"{service} was never seen to send it: does it still?"


RARE = {
    "intake": {
        "intake.recall-acknowledged.v1", "intake.recall-overdue.v1", "intake.recalled.v1", "provider.recall.v1",
        "intake.served-doubtful.v1", "provider.recall-closed.v1", "provider.input-refused.v1", "timer.elapsed.v1",
    },
    "matching": {
        "matching.entry-lapses.v1", "matching.place-doubtful.v1",
        "matching.closed.v1", "matching.on-hold.v1", "matching.price-set.v1", "notification.entry-doubted.v1",
    },
    "notification": {
        "delivery.undeliverable.v1", "intake.deletion-confirmed.v1", "notification.acknowledged.v1",
        "notification.answer-invalid.v1", "notification.appointed.v1", "notification.checked-in.v1",
        "notification.declined.v1", "notification.in-progress.v1", "notification.no-show.v1",
        "notification.not-delivered.v1", "provider.check-in-counted.v1",
        "provider.entry-refused.v1", "provider.input-refused.v1",
    },
    "outcomes": {"delivery.undeliverable.v1", "outcomes.recall-changed.v1", "statistics.indicator.v1"},
}  # fmt: skip
"""Messages that the simulation rarely causes. `tests/e2e/docs/test_asyncapi.py` reads the real system's topics."""


def test_a_message_that_is_on_no_channel_is_only_journaled() -> None:
    off = set(MESSAGES) - {kind.ce_type() for channel in CHANNELS for kind in channel.messages}
    wirings = [wired(service) for service in topics.SERVICES]
    assert off & {kind for each in wirings for reading in each["read"] for kind in reading["takes"]} == set()
    assert off - {kind for each in wirings for kind in each["journaled"]} == set()
