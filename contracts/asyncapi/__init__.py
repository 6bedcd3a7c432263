"""The contract as one AsyncAPI 3 document, ``contracts/schemas/asyncapi.json``, for tools and for organisations.

`channels` says who sends and reads what; `document` builds the document from it, with the `examples`.
"""

import json

from .document import compose


def text() -> str:
    """The document as JSON text, as it is committed."""
    return json.dumps(compose(), indent=1, ensure_ascii=False) + "\n"
