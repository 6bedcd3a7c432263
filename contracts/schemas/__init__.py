"""JSON Schemas of all messages, exported from the models: ``python -m contracts.schemas`` (or ``make schemas``)."""

import json
from pathlib import Path

from contracts.catalogue import MESSAGES

FOLDER = Path(__file__).parent


def exported() -> dict[str, str]:
    """File name to JSON text, one per message type, 2020-12 dialect."""
    return {
        f"{model.TYPE}.json": json.dumps(
            {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema()}, indent=1
        )
        + "\n"
        for model in MESSAGES.values()
    }
