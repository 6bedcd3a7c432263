"""What services say in alternatives, exclusions and words (`conditions`), of all services of a category at once.

A plane holds the first alternative of each service that has one, under the service's bit; the next the second, and so
on. So a conjunction is a few masks of a plane, and a disjunction joins the planes. Exclusions have their own planes.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import count
from typing import Any, NamedTuple

from contracts.intake import MinimalProfile
from contracts.words import Flag

from . import bitmaps
from .bitmaps import KINDS, STATUS, Key

Get = Callable[[Key, int], int]
"""Of the masks, the one under a key, or else 0."""


class Judgement(NamedTuple):
    """The services whose conditions a need fails, and those of which nobody can tell. None is in both."""

    failed: int
    unknown: int


def judge(get: Get, everybody: Sequence[MinimalProfile], household: int, blind: bool) -> Judgement:
    """As `conditions.conditions` has it of each service. `everybody` is as in `masks`; of the others see `Group`."""
    failed, unknown = get((bitmaps.SAID, False), 0), get((bitmaps.SAID, None), 0)
    people = [[(name, kind(each)) for _, name, kind in KINDS if name != STATUS or not blind] for each in everybody]
    flags = [each.flags for each in everybody]
    if some := get((bitmaps.ANY, 0), 0):
        planes = [_Plane(get, (bitmaps.ANY, number), household, blind) for number in _numbers(get, bitmaps.ANY)]
        all_flags = [flag for each in flags for flag in each]
        flagged = [plane.flagged(plane.there(), all_flags) for plane in planes]
        for person in people:
            sure = maybe = 0
            for plane, of_flags in zip(planes, flagged, strict=True):
                meets, perhaps = plane.meets(of_flags, person)
                sure |= meets
                maybe |= perhaps
            failed |= some & ~(sure | maybe)
            unknown |= some & ~sure
    if get((bitmaps.NONE, 0), 0):
        planes = [_Plane(get, (bitmaps.NONE, number), household, blind) for number in _numbers(get, bitmaps.NONE)]
        for plane in planes:
            there = plane.there()
            for person, own in zip(people, flags, strict=True):
                sure, maybe = plane.meets(plane.flagged(there, own), person)
                failed |= sure
                unknown |= maybe
    return Judgement(failed, unknown & ~failed)


def _numbers(get: Get, name: str) -> Iterable[int]:
    for number in count():
        if not get((name, number), 0):
            return
        yield number


class _Plane:
    """One conjunction of each of some services. Results are those that are met, and those of which nobody can tell."""

    def __init__(self, get: Get, of: tuple[str, int], household: int, blind: bool) -> None:
        self._get, self._of, self._household, self._blind = get, of, household, blind

    def there(self) -> tuple[int, int]:
        """What is the same whoever is looked at: its words, and the size of the household."""
        get, of = self._get, self._of
        there = get(of, 0) & ~get((*of, bitmaps.SAID, False), 0)
        for less in range(1, self._household):
            there &= ~get((*of, bitmaps.AT_MOST, less), 0)
        if self._blind and of[0] == bitmaps.NONE:
            there &= ~get((*of, STATUS), 0)
        return there, there & get((*of, bitmaps.SAID, None), 0)

    def flagged(self, left: tuple[int, int], flags: Iterable[Flag]) -> tuple[int, int]:
        """Those left for who has these flags."""
        get, of, (there, perhaps) = self._get, self._of, left
        strangers = get((*of, bitmaps.FOR_SOME), 0)
        for flag in flags:
            there &= ~get((*of, bitmaps.NOT, flag), 0)
            strangers &= ~get((*of, bitmaps.FOR, flag), 0)
            perhaps |= get((*of, bitmaps.LOOK, flag), 0)
        return there & ~strangers, perhaps

    def meets(self, left: tuple[int, int], person: Iterable[tuple[str, Any]]) -> tuple[int, int]:
        """Those left for a person of these kinds."""
        get, of, (there, perhaps) = self._get, self._of, left
        for name, kind in person:
            there &= ~get((*of, name, False, kind), 0)
            perhaps |= get((*of, name, None, kind), 0)
        perhaps &= there
        return there & ~perhaps, perhaps
