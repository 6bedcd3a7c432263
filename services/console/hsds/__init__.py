"""Reads directories as Open Referral HSDS has them: nested JSON, tables that refer to each other, or one flat table.

Each form is brought to one shape, HSDS 3's service with all that belongs to it inside (`nested`, `joined`, `flat` in
shapes.py), and that is read (`readings` in entries.py) into directory entries, one for each location. Nothing is
dropped in silence: an entry is taken, taken with warnings where it says what an entry can't (then a person decides),
or refused with the reason. What only the publisher knows, such as its names of regions and categories, comes as a
`Vocabulary`.
"""

from .entries import OLDEST, ReadService, Vocabulary, readings, slug
from .shapes import Nested, flat, joined, nested

__all__ = ["OLDEST", "Nested", "ReadService", "Vocabulary", "flat", "joined", "nested", "readings", "slug"]
