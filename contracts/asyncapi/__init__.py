"""The contract as one AsyncAPI 3 document, ``contracts/schemas/asyncapi.json``, for tools and for those outside."""

import json

from .document import compose


def text() -> str:
    """The document as it is committed."""
    return json.dumps(compose(), indent=1, ensure_ascii=False) + "\n"
