"""JSON Schemas as they are published: what organisations send is closed, what they read is open.

Readers ignore fields they do not know (see `base`). A schema of what we say that forbade them would have whoever checks
by it refuse all that a newer version of ours says.
"""

from typing import Any

from .base import Input, Message


def schema(kind: type[Message]) -> dict[str, Any]:
    """Of one message, with all its parts inside; 2020-12 dialect."""
    found = kind.model_json_schema()
    body: dict[str, Any] = found if issubclass(kind, Input) else opened(found)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **body}


def opened(node: Any) -> Any:
    """The same schema, or part of one, for messages that may have fields it does not know."""
    if isinstance(node, dict):
        return {
            key: opened(value) for key, value in node.items() if not (key == "additionalProperties" and value is False)
        }
    return [opened(each) for each in node] if isinstance(node, list) else node
