"""What Kafka is set to, as AsyncAPI's bindings state it: partitions, retention, clean-up, largest size, keys, codec.

Source: https://github.com/asyncapi/bindings/tree/master/kafka, version 0.5.0.
"""

from collections.abc import Iterable
from typing import Any

from contracts import topics
from contracts.topic_settings import FOLDED, INTERNAL, LARGEST, OF_TENANTS, PARTITIONS, Settings

from .channels import Channel

Node = dict[str, Any]

VERSION = "0.5.0"
_NUMBERS = ("retention.ms", "delete.retention.ms", "max.message.bytes")
_CODECS = {True: "gzip", False: "snappy"}


def of_channel(channel: Channel) -> Node:
    """The binding of a channel. ``x-compression`` is how the services compress what they send there."""
    if channel.tenant is not None:
        return _binding(channel.address, 1, OF_TENANTS[channel.address])
    return _internal(channel.address)


def of_dead_letters() -> Node:
    """The binding of the dead letters."""
    return _internal(topics.DEAD_LETTERS)


def of_message(channels: Iterable[Channel]) -> Node:
    """The binding of a message that goes over these channels: what its key is."""
    used = list(channels)
    about = dict.fromkeys(f"on {each.name}: {each.key}" if len(used) > 1 else each.key for each in used)
    key: Node = {"type": "string", "description": "; ".join(about)}
    patterns = {each.key_pattern for each in used}
    if len(patterns) == 1 and (pattern := patterns.pop()) is not None:
        key["pattern"] = pattern
    return {"kafka": {"key": key, "bindingVersion": VERSION}}


def _internal(topic: str) -> Node:
    return _binding(topic, PARTITIONS if topic in FOLDED else 1, INTERNAL[topic])


def _binding(address: str, partitions: int, settings: Settings) -> Node:
    whole = {"max.message.bytes": str(LARGEST), **settings}
    configuration: Node = {name: int(value) if name in _NUMBERS else value for name, value in whole.items()}
    configuration["cleanup.policy"] = [settings["cleanup.policy"]]
    return {
        "kafka": {
            "partitions": partitions,
            "topicConfiguration": configuration,
            "x-compression": _CODECS[topics.is_read_outside(address)],
            "bindingVersion": VERSION,
        }
    }
