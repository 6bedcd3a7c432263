"""JSON Schemas of all messages, and the AsyncAPI document: ``python -m contracts.schemas`` (or ``make schemas``)."""

import json
from pathlib import Path

from .. import asyncapi
from ..catalogue import MESSAGES
from ..published import schema

FOLDER = Path(__file__).parent


def exported() -> dict[str, str]:
    """JSON text by file name: a schema for each message type (2020-12 dialect), and ``asyncapi.json``."""
    schemas = {f"{kind.TYPE}.json": json.dumps(schema(kind), indent=1) + "\n" for kind in MESSAGES.values()}
    return {**schemas, "asyncapi.json": asyncapi.text()}
