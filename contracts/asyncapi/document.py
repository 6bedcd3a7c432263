"""Builds the AsyncAPI document out of the models and `channels`.

It holds everyone's operations, told apart by their tag, so that each party finds its own: what an agency sends, and
what it reads. All schemas are inside, so that the file can be handed out alone.
Source: https://www.asyncapi.com/docs/reference/specification/v3.0.0
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pydantic.json_schema import models_json_schema

from .. import topics
from ..base import PREFIX, Input, Message
from ..published import opened
from .channels import CHANNELS, PARTIES, TENANTS, Channel
from .examples import example

Node = dict[str, Any]

_ID = "9a4c6e02-5b17-5c3d-b8f0-1d72e94f6a35"
_TRACE = "00-0b7c2f0e93a15d6e8f425c1d7e9a3b10-9a4c6e025b175c3d-01"

_ABOUT = """\
Events by which people's needs are referred to services that can take them, and by which those who sent them hear how
it ended.

Messages are CloudEvents 1.0 in Kafka's binary mode: attributes in `ce_` headers, JSON in the value. Structured mode is
read as well. Which organisation sent a message is read from the topic's name, never from the body.

**Each event takes effect once; it may be delivered again with the same id.** Whoever reads drops an id it has seen.
Topics have no common order. Readers ignore fields they do not know; what organisations send may have none that is
not in the schema. A released type only ever gains optional fields. Parts that stand in what organisations send and in
what they read have `.told` after their name where they are read.
"""
_PARTIES = {
    "agency": "Refers people, and hears what became of it.",
    "provider": "Publishes its services and answers offers.",
    "operator": "Runs the system.",
    "analyst": "Reads anonymised counts.",
    "intake": "Validates, de-duplicates, triages, seals the person; releases contacts within consent.",
    "matching": "Finds services that can take a need, holds places, keeps the waiting list.",
    "notification": "Offers needs to providers, keeps the deadlines, takes answers.",
    "outcomes": "Tells agencies where each need stands, and analysts how many.",
}
_GROUPS = {"agency": r"^agency\.{id}\..+$", "provider": r"^provider\.{id}\..+$", "analyst": r"^analyst\..+$"}
"""Names of consumer groups that Kafka lets them use."""

DEAD_LETTER = "dead-letter"
"""The one message that is no CloudEvent."""


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
                    "description": "User `agency:ID` or `provider:ID`; the operator hands the password out, once.",
                }
            },
        },
    }


def _server() -> Node:
    return {
        "host": "{host}",
        "protocol": "kafka-secure",
        "description": "TLS and a login for everyone; each may touch its own topics and no other's.",
        "variables": {"host": {"default": "localhost:9092", "description": "host:port, as the operator tells it"}},
        "security": [_ref("securitySchemes", "login")],
    }


def _parameter(kind: str) -> Node:
    return {"description": f"The {kind}'s id: 1 to 63 characters of a-z, 0-9 and '-'.", "examples": [f"brest-{kind}"]}


# Channels and who does what on them -----------------------------------------------------------------------------------


def _channel(channel: Channel) -> Node:
    found: Node = {
        "address": channel.address,
        "description": f"{channel.about}\n\nRecord key: {channel.key}.",
        "messages": {kind.TYPE: _ref("messages", kind.TYPE) for kind in channel.messages},
    }
    if channel.tenant is not None:
        found["parameters"] = {channel.tenant: _ref("parameters", channel.tenant)}
    return found


def _dead_letters() -> Node:
    return {
        "address": topics.DEAD_LETTERS,
        "description": "Records that could not be handled, sealed to the operators' key.\n\nRecord key: random.",
        "messages": {DEAD_LETTER: _ref("messages", DEAD_LETTER)},
    }


def _operations() -> Node:
    found: Node = {}
    for channel in CHANNELS:
        for who, kinds in channel.sends.items():
            found[f"{who}.send.{channel.name}"] = _operation("send", who, channel.name, [kind.TYPE for kind in kinds])
        for who, kinds in channel.reads.items():
            found[f"{who}.receive.{channel.name}"] = _operation(
                "receive", who, channel.name, [kind.TYPE for kind in kinds]
            )
    for who in topics.SERVICES:
        found[f"{who}.send.dead-letters"] = _operation("send", who, "dead-letters", [DEAD_LETTER])
    found["operator.receive.dead-letters"] = _operation("receive", "operator", "dead-letters", [DEAD_LETTER])
    return found


def _operation(action: str, who: str, channel: str, messages: Sequence[str]) -> Node:
    found: Node = {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": f"{who} {'sends' if action == 'send' else 'reads'}",
        "tags": [{"name": who}],
        "messages": [{"$ref": f"#/channels/{channel}/messages/{each}"} for each in messages],
    }
    if action == "receive" and who in _GROUPS:
        found["bindings"] = {"kafka": {"groupId": {"type": "string", "pattern": _GROUPS[who].format(id="[a-z0-9-]+")}}}
    return found


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
        "correlationId": _ref("correlationIds", "referral"),
        "examples": [{"name": "usual", "headers": _example_headers(kind, body), "payload": body}],
    }


def _example_headers(kind: type[Message], body: Mapping[str, Any]) -> Node:
    found = {
        "content-type": "application/json",
        "ce_specversion": "1.0",
        "ce_id": _ID,
        "ce_source": "/brest" if issubclass(kind, Input) else "/referral-routing",
        "ce_type": kind.ce_type(),
    }
    if not issubclass(kind, Input):
        found["ce_time"] = "2026-11-24T09:00:05+00:00"
        if (referral := body.get("referral_id")) is not None:
            found |= {"ce_correlationid": referral, "ce_traceparent": _TRACE, "traceparent": _TRACE}
    return found


def _dead_letter() -> Node:
    clear = {
        "dlq_service": "who has set it aside",
        "dlq_topic": "where it was",
        "dlq_partition": "and in which partition",
        "dlq_offset": "and at which offset",
        "dlq_stage": "where in the service it failed: decode, gate, stream, fold, decide or publish",
        "dlq_reason": "a code",
        "dlq_field": "path of the field at fault, or empty",
        "dlq_left_out": "what was too large to be kept",
    }
    return {
        "name": DEAD_LETTER,
        "title": DEAD_LETTER,
        "summary": "A record set aside, whole: its origin in clear, never its content.",
        "contentType": "text/plain",
        "headers": {
            "type": "object",
            "required": ["dlq_service", "dlq_topic", "dlq_stage", "dlq_reason"],
            "properties": {name: {"type": "string", "description": about} for name, about in clear.items()},
        },
        "payload": {
            "type": "string",
            "contentEncoding": "base64",
            "description": "HPKE to the operators' key; inside is JSON with key, value and headers, each in base64.",
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
        "ce_id": "with the topic it identifies the event; the same again is the same event",
        "ce_source": "who says it, for people; not trusted",
        "ce_type": f"the event's type, `{PREFIX}` and its name with a version",
        "ce_time": "when it was said, RFC 3339; what counts for deadlines is the broker's time",
        "ce_subject": "the stream it was decided in",
        "ce_causationid": "id of the event it follows from",
        "ce_correlationid": "id of the referral",
        "ce_bodyhash": "keyed hash of the original, where a gate had to seal it",
        "ce_traceparent": "W3C trace context: one trace for each referral",
        "traceparent": "the same, under the name that OpenTelemetry reads",
        "content-type": "application/json",
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
    """Of all messages and their parts. A message is called by its type; parts of one name pydantic tells apart.

    What organisations send is closed, what they read is open (`published`). So a part of both is there twice.
    """
    names, whole = models_json_schema([(kind, "validation") for kind in kinds], ref_template="{model}")
    parts, own = whole["$defs"], {kind: names[kind, "validation"]["$ref"] for kind in kinds}
    sent = _reached([own[kind] for kind in kinds if issubclass(kind, Input)], parts)
    told = _reached([own[kind] for kind in kinds if not issubclass(kind, Input)], parts)
    types = {own[kind]: kind.TYPE for kind in kinds}
    twice = {name: f"{name}.told" for name in sent & told if "properties" in parts[name]}
    found = {types.get(name, name): _relinked(parts[name], types) for name in sent}
    names_told = types | twice
    found |= {names_told.get(name, name): _relinked(opened(parts[name]), names_told) for name in told}
    return dict(sorted(found.items()))


def _reached(names: Iterable[str], parts: Mapping[str, Node]) -> set[str]:
    """These parts, and all that they are made of."""
    found: set[str] = set()
    left = list(names)
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += _references(parts[name])
    return found


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(name := node.get("$ref"), str):
            yield name
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            yield from _references(each)


def _relinked(node: Any, names: Mapping[str, str]) -> Any:
    if isinstance(node, dict):
        return {
            key: f"#/components/schemas/{names.get(each, each)}" if key == "$ref" else _relinked(each, names)
            for key, each in node.items()
        }
    return [_relinked(each, names) for each in node] if isinstance(node, list) else node


def _unindented(text: str) -> str:
    return "\n".join(line.strip() for line in text.strip().splitlines())


def _ref(kind: str, name: str) -> Node:
    return {"$ref": f"#/components/{kind}/{name}"}
