"""``python -m contracts.asyncapi`` prints the document; ``make schemas`` writes it beside the schemas."""

import sys

from . import text

sys.stdout.write(text())
