"""What intake knows of one referral. Stream: the referral's id."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from contracts.intake import Accepted, Held, Linked, ReleaseRequested, Serving


@dataclass(frozen=True, slots=True)
class Referral:
    """The fold of intake's facts. `accepted` holds intake's latest word on each need, by the agency's label.

    `serving` are the needs that have a row of ``served``, `links` those that wait for another's; `turns` counts both.
    """

    held: Held | None = None
    accepted: Mapping[str, Accepted] = field(default_factory=dict)
    withdrawn: frozenset[str] = frozenset()
    released: frozenset[tuple[str, int]] = frozenset()
    pending: Mapping[tuple[str, int], ReleaseRequested] = field(default_factory=dict)
    serving: Mapping[str, Serving] = field(default_factory=dict)
    links: Mapping[str, Linked] = field(default_factory=dict)
    turns: int = 0

    @property
    def open(self) -> list[str]:
        """Labels of needs that were accepted and not withdrawn, in the order they came."""
        return [need for need in self.accepted if need not in self.withdrawn]
