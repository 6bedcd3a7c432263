"""JSON Schemas as they are published: closed for what organisations send, open for what they read.

Readers ignore fields they do not know (see `base`). If the schema of an event were closed, a reader that validates with
it would refuse every event from a newer version of ours.
"""

from typing import Any

from .base import Input, Message


def schema(kind: type[Message]) -> dict[str, Any]:
    """The schema of one message, with all its parts inside; 2020-12 dialect."""
    model = kind.model_json_schema()
    body: dict[str, Any] = model if issubclass(kind, Input) else opened(model)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **body}


def opened(node: Any) -> Any:
    """A schema, or a part of one, that also allows fields it does not know."""
    if isinstance(node, dict):
        return {
            key: opened(value) for key, value in node.items() if not (key == "additionalProperties" and value is False)
        }
    return [opened(each) for each in node] if isinstance(node, list) else node
