"""JSON Schemas of all messages, and the AsyncAPI document: ``python -m contracts.schemas`` (or ``make schemas``)."""

import json
from pathlib import Path

from contracts import asyncapi
from contracts.catalogue import MESSAGES

FOLDER = Path(__file__).parent


def exported() -> dict[str, str]:
    """File name to JSON text: a schema per message type, 2020-12 dialect, and ``asyncapi.json``."""
    schemas = {
        f"{model.TYPE}.json": json.dumps(
            {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema()}, indent=1
        )
        + "\n"
        for model in MESSAGES.values()
    }
    return {**schemas, "asyncapi.json": asyncapi.text()}
