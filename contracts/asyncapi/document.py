"""Builds the AsyncAPI document from the models and `channels`.

It contains the operations of every party, tagged with its name, so that each party finds what it sends and reads. All
schemas are inside, so that the file can be used alone.
Source: https://www.asyncapi.com/docs/reference/specification/v3.0.0
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pydantic.json_schema import models_json_schema

from .. import topics
from ..base import PREFIX, Input, Message
from ..published import opened
from . import bindings
from .channels import CHANNELS, PARTIES, TENANTS, Channel
from .examples import example

Node = dict[str, Any]

_ID = "9a4c6e02-5b17-5c3d-b8f0-1d72e94f6a35"
_TRACE = "00-0b7c2f0e93a15d6e8f425c1d7e9a3b10-9a4c6e025b175c3d-01"

_ABOUT = """\
Events that refer people's needs to services that can take them, and that report the outcome to those who referred them.

Messages are CloudEvents 1.0 in Kafka's binary mode: attributes in `ce_` headers, JSON in the value. Structured mode is
read as well: with `content-type: application/cloudevents+json`, or with no attribute in any header. All that the
specification allows is read, as long as the body is JSON: any JSON media type in any case, `data_base64`, every time of
RFC 3339. The sender of a message is read from the topic's name, never from the body.

**Each event takes effect once; it may be delivered again with the same id.** Readers drop an id that they have seen.
A sender that repeats an event keeps its id. The same id with another body, about the same referral, is refused. About
another referral it is another event, and takes effect: so a client that gives one id twice loses nobody.
Any Kafka client will do: what organisations read is compressed with gzip, and they may send with any codec that Kafka
has. They may send in transactions, under a transactional id that begins with `agency.ID.` or `provider.ID.`: what is
aborted is never read. An event of more than 256 KiB is refused.

Topics have no common order. Readers ignore fields they do not know. What organisations send must not have fields that
are not in the schema. A released type only ever gains optional fields. A part that occurs both in what organisations
send and in what they read has `.read` after its name where it is read.
"""
_PARTIES = {
    "agency": "Refers people, and reads the status of each referral.",
    "provider": "Publishes its services and answers offers.",
    "operator": "Runs the system.",
    "analyst": "Reads anonymised counts.",
    "intake": "Checks referrals, detects duplicates, triages, seals personal data; releases contacts within consent.",
    "matching": "Finds services that can take a need, reserves places, keeps the waiting queue.",
    "notification": "Offers needs to providers, watches deadlines, processes answers.",
    "outcomes": "Reports the status of each need to agencies, and counts to analysts.",
}
_GROUPS = {"agency": r"^agency\.{id}\..+$", "provider": r"^provider\.{id}\..+$", "analyst": r"^analyst\..+$"}
"""Names of the consumer groups that each party may use."""

DEAD_LETTER = "dead-letter"
"""The only message that is not a CloudEvent."""


def compose() -> Node:
    """The whole document, as JSON."""
    kinds = list(dict.fromkeys(kind for channel in CHANNELS for kind in channel.messages))
    schemas = _schemas(kinds)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Referral Routing",
            "version": "1.0.0-draft",
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
            "tags": [{"name": who, "description": _PARTIES.get(who, "A service.")} for who in PARTIES],
        },
        "defaultContentType": "application/json",
        "servers": {"kafka": _server()},
        "channels": {**{each.name: _channel(each) for each in CHANNELS}, "dead-letters": _dead_letters()},
        "operations": _operations(),
        "components": {
            "messages": {**{kind.TYPE: _message(kind) for kind in kinds}, DEAD_LETTER: _dead_letter()},
            "schemas": {**_headers(), **schemas},
            "parameters": {kind: _parameter(kind) for kind in TENANTS},
            "correlationIds": {
                "referral": {
                    "description": "The referral's id, the same on all events of it.",
                    "location": "$message.header#/ce_correlationid",
                }
            },
            "securitySchemes": {
                "login": {
                    "type": "scramSha512",
                    "description": "User `agency:ID` or `provider:ID`; the operator hands out the password once.",
                }
            },
        },
    }


def _server() -> Node:
    return {
        "host": "{host}",
        "protocol": "kafka-secure",
        "description": "TLS, and a login for each party, which can use its own topics and no others.",
        "variables": {"host": {"default": "localhost:9092", "description": "host:port, from the operator"}},
        "security": [_ref("securitySchemes", "login")],
    }


def _parameter(kind: str) -> Node:
    return {"description": f"The {kind}'s id: 1 to 63 characters of a-z, 0-9 and '-'.", "examples": [f"brest-{kind}"]}


# Channels and who does what on them -----------------------------------------------------------------------------------


def _channel(channel: Channel) -> Node:
    node: Node = {
        "address": channel.address,
        "description": f"{channel.about}\n\nRecord key: {channel.key}.",
        "messages": {kind.TYPE: _ref("messages", kind.TYPE) for kind in channel.messages},
        "bindings": bindings.of_channel(channel),
    }
    if channel.tenant is not None:
        node["parameters"] = {channel.tenant: _ref("parameters", channel.tenant)}
    return node


def _dead_letters() -> Node:
    return {
        "address": topics.DEAD_LETTERS,
        "description": "Records that could not be processed, encrypted to the operators' key.\n\nRecord key: random.",
        "messages": {DEAD_LETTER: _ref("messages", DEAD_LETTER)},
        "bindings": bindings.of_dead_letters(),
    }


def _operations() -> Node:
    operations: Node = {}
    for channel in CHANNELS:
        for party, kinds in channel.sends.items():
            types = [kind.TYPE for kind in kinds]
            operations[f"{party}.send.{channel.name}"] = _operation("send", party, channel.name, types)
        for party, kinds in channel.reads.items():
            types = [kind.TYPE for kind in kinds]
            operations[f"{party}.receive.{channel.name}"] = _operation("receive", party, channel.name, types)
    for party in topics.SERVICES:
        operations[f"{party}.send.dead-letters"] = _operation("send", party, "dead-letters", [DEAD_LETTER])
    operations["operator.receive.dead-letters"] = _operation("receive", "operator", "dead-letters", [DEAD_LETTER])
    return operations


def _operation(action: str, party: str, channel: str, types: Sequence[str]) -> Node:
    operation: Node = {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": f"{party} {'sends' if action == 'send' else 'reads'}",
        "tags": [{"name": party}],
        "messages": [{"$ref": f"#/channels/{channel}/messages/{each}"} for each in types],
    }
    if action == "receive" and party in _GROUPS:
        group = {"type": "string", "pattern": _GROUPS[party].format(id="[a-z0-9-]+")}
        operation["bindings"] = {"kafka": {"groupId": group, "bindingVersion": bindings.VERSION}}
    return operation


# Messages -------------------------------------------------------------------------------------------------------------


def _message(kind: type[Message]) -> Node:
    summary, _, more = (kind.__doc__ or "").strip().partition("\n")
    body = example(kind)
    base = "sent-by-tenants" if issubclass(kind, Input) else "sent-by-services"
    return {
        "name": kind.ce_type(),
        "title": kind.TYPE,
        "summary": summary.strip(),
        **({"description": text} if (text := _unindented(more)) else {}),
        "contentType": "application/json",
        "headers": {
            "allOf": [_ref("schemas", base), {"properties": {"ce_type": {"const": kind.ce_type()}}}],
        },
        "payload": _ref("schemas", kind.TYPE),
        "bindings": bindings.of_message(channel for channel in CHANNELS if kind in channel.messages),
        "correlationId": _ref("correlationIds", "referral"),
        "examples": [{"name": "usual", "headers": _example_headers(kind, body), "payload": body}],
    }


def _example_headers(kind: type[Message], body: Mapping[str, Any]) -> Node:
    headers = {
        "content-type": "application/json",
        "ce_specversion": "1.0",
        "ce_id": _ID,
        "ce_source": "/brest" if issubclass(kind, Input) else "/referral-routing",
        "ce_type": kind.ce_type(),
    }
    if not issubclass(kind, Input):
        headers["ce_time"] = "2026-11-24T09:00:05+00:00"
        if (referral := body.get("referral_id")) is not None:
            headers |= {"ce_correlationid": referral, "ce_traceparent": _TRACE, "traceparent": _TRACE}
    return headers


def _dead_letter() -> Node:
    clear = {
        "dlq_service": "the service that could not process it",
        "dlq_topic": "the topic it was read from",
        "dlq_partition": "its partition there",
        "dlq_offset": "its offset there",
        "dlq_stage": "the stage at which it failed: decode, gate, stream, fold, decide or publish",
        "dlq_reason": "a code",
        "dlq_field": "path of the field that is wrong, or empty",
        "dlq_left_out": "what was too large to be kept",
    }
    return {
        "name": DEAD_LETTER,
        "title": DEAD_LETTER,
        "summary": "A record that could not be processed: its origin is readable, its content is encrypted.",
        "contentType": "text/plain",
        "headers": {
            "type": "object",
            "required": ["dlq_service", "dlq_topic", "dlq_stage", "dlq_reason"],
            "properties": {name: {"type": "string", "description": about} for name, about in clear.items()},
        },
        "payload": {
            "type": "string",
            "contentEncoding": "base64",
            "description": "HPKE to the operators' key. Inside is JSON with key, value and headers, each in base64.",
        },
        "examples": [
            {
                "name": "usual",
                "headers": {
                    "dlq_service": "intake",
                    "dlq_topic": "agency.brest-help.referrals",
                    "dlq_partition": "0",
                    "dlq_offset": "41",
                    "dlq_stage": "decode",
                    "dlq_reason": "body-not-json",
                    "dlq_field": "value",
                },
                "payload": "ZW5jYXBzdWxhdGVkIGtleSBhbmQgY2lwaGVydGV4dA==",
            }
        ],
    }


# Schemas --------------------------------------------------------------------------------------------------------------


def _headers() -> Node:
    about = {
        "ce_specversion": "CloudEvents 1.0",
        "ce_id": "identifies the event among those of its type about the same referral, question or need",
        "ce_source": "the sender, for information only; not trusted",
        "ce_type": f"the event's type, `{PREFIX}` and its name with a version",
        "ce_time": "when it was sent, RFC 3339; for deadlines the broker's time counts",
        "ce_subject": "the stream it was decided in",
        "ce_causationid": "id of the event that caused it",
        "ce_correlationid": "id of the referral",
        "ce_bodyhash": "keyed hash of the original body, if a gate sealed it",
        "ce_traceparent": "W3C trace context: one trace for each referral",
        "traceparent": "the same, under the name that OpenTelemetry uses",
        "content-type": "application/json, or another JSON media type; without it the body is JSON",
    }
    properties: Node = {
        name: {"type": "string", "maxLength": 1024, "description": text} for name, text in about.items()
    }
    properties["ce_specversion"]["const"] = "1.0"
    sent = ["ce_specversion", "ce_id", "ce_source", "ce_type"]
    return {
        "sent-by-tenants": {"type": "object", "required": sent, "properties": properties},
        "sent-by-services": {"type": "object", "required": [*sent, "ce_time"], "properties": properties},
    }


def _schemas(kinds: Sequence[type[Message]]) -> Node:
    """The schemas of all messages and their parts. The schema of a message is named after its type.

    Schemas are closed for what organisations send, and open for what they read (see `published`). So a part that occurs
    in both is there twice.
    """
    references, schema = models_json_schema([(kind, "validation") for kind in kinds], ref_template="{model}")
    parts = schema["$defs"]
    name_of = {kind: references[kind, "validation"]["$ref"] for kind in kinds}
    sent = _with_parts([name_of[kind] for kind in kinds if issubclass(kind, Input)], parts)
    read = _with_parts([name_of[kind] for kind in kinds if not issubclass(kind, Input)], parts)
    names_sent = {name_of[kind]: kind.TYPE for kind in kinds}
    in_both = {name: f"{name}.read" for name in sent & read if "properties" in parts[name]}
    names_read = names_sent | in_both
    closed_schemas = {names_sent.get(name, name): _renamed(parts[name], names_sent) for name in sent}
    open_schemas = {names_read.get(name, name): _renamed(opened(parts[name]), names_read) for name in read}
    return dict(sorted((closed_schemas | open_schemas).items()))


def _with_parts(names: Iterable[str], parts: Mapping[str, Node]) -> set[str]:
    """The names, and those of all parts that they refer to, directly or indirectly."""
    reached: set[str] = set()
    remaining = list(names)
    while remaining:
        name = remaining.pop()
        if name not in reached:
            reached.add(name)
            remaining += _references(parts[name])
    return reached


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(name := node.get("$ref"), str):
            yield name
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            yield from _references(each)


def _renamed(node: Any, names: Mapping[str, str]) -> Any:
    """The schema with references to where the parts are in the document, under their names there."""
    if isinstance(node, dict):
        return {
            key: f"#/components/schemas/{names.get(value, value)}" if key == "$ref" else _renamed(value, names)
            for key, value in node.items()
        }
    return [_renamed(each, names) for each in node] if isinstance(node, list) else node


def _unindented(text: str) -> str:
    return "\n".join(line.strip() for line in text.strip().splitlines())


def _ref(kind: str, name: str) -> Node:
    return {"$ref": f"#/components/{kind}/{name}"}
