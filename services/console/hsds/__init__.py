"""Reads service directories in the Open Referral format (HSDS 3): nested JSON, tables joined by id, or one flat table.

`shapes` brings each form to one shape: an HSDS service with everything that belongs to it nested inside (`nested`,
`joined`, `flat`). `entries` turns that into directory entries, one per location (`readings`), with the help of
`fields`, which reads the single fields. Nothing is dropped silently: an entry is taken; taken with warnings, when an
entry cannot express everything and a person must decide; or refused with the reason. What only the publisher knows,
such as its names of regions and categories, is given as a `Vocabulary`.
"""

from .entries import ReadService, readings, slug
from .fields import OLDEST, Vocabulary
from .shapes import Nested, flat, joined, nested

__all__ = ["OLDEST", "Nested", "ReadService", "Vocabulary", "flat", "joined", "nested", "readings", "slug"]
