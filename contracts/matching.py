"""What matching says: facts on ``referrals.matching``, and its messages to itself."""

from typing import ClassVar

from pydantic import AwareDatetime

from .agency import Constraints
from .base import Event, Value
from .intake import Accepted, Minimum, Region
from .words import Category, Rule, Urgency


class Eliminated(Value):
    """One step of the elimination funnel: how many services were left after this rule."""

    rule: Rule
    left: int


class Reason(Value):
    """One term of a score, in [0, 1]."""

    term: str
    value: float


class _OfNeed(Event):
    referral_id: str
    need_id: str
    need: str
    agency: str
    reference: str
    attempt: int


class Matched(_OfNeed):
    """The need holds a place: slot `slot` of `service`. `version` is the directory entry the decision saw."""

    TYPE: ClassVar[str] = "matching.matched.v1"

    provider: str
    service: str
    slot: int
    match_id: str
    version: str
    category: Category
    urgency: Urgency
    person: Minimum
    region: Region
    constraints: Constraints
    requested_at: AwareDatetime
    reasons: list[Reason]
    funnel: list[Eliminated]


class Waiting(_OfNeed):
    """No service can take it now. `until` is the end of the wait; `attempt` the last attempt made (0: none).

    `code` says why, where that is not for want of a place.
    """

    TYPE: ClassVar[str] = "matching.waiting.v1"

    since: AwareDatetime
    until: AwareDatetime
    funnel: list[Eliminated]
    code: str | None = None


class Unmet(_OfNeed):
    """Nobody could take it until the end of the wait, or the allowed attempts are used up."""

    TYPE: ClassVar[str] = "matching.unmet.v1"

    cause: str
    funnel: list[Eliminated]


class MatchRevoked(_OfNeed):
    """The match no longer holds: the need was withdrawn or changed."""

    TYPE: ClassVar[str] = "matching.revoked.v1"

    provider: str
    service: str
    cause: str


class WaitingRecalled(Event):
    """To a waiting need's own stream: look again, a place may be free."""

    TYPE: ClassVar[str] = "matching.waiting-recalled.v1"

    referral_id: str
    need_id: str


class PlaceDoubtful(Event):
    """To the stream of the need a place row names: is this still yours?"""

    TYPE: ClassVar[str] = "matching.place-doubtful.v1"

    referral_id: str
    need_id: str
    row: str
    match_id: str


class PlaceDisowned(Event):
    """The answer, where it is no. Journaled before the row is deleted, so that a frozen writer loses its race."""

    TYPE: ClassVar[str] = "matching.place-disowned.v1"

    referral_id: str
    need_id: str
    row: str
    match_id: str


class NeedKept(Event):
    """What matching keeps of a need for itself: intake's latest word on it. Journaled, on no topic."""

    TYPE: ClassVar[str] = "matching.need-kept.v1"

    accepted: Accepted


class NeedEnded(Event):
    """The need has ended elsewhere; its place is free again. Intake follows it: who waited for that may have a turn."""

    TYPE: ClassVar[str] = "matching.need-ended.v1"

    referral_id: str
    need_id: str
    attempt: int
    end: str


class AttemptEnded(Event):
    """An attempt has ended without the need's end: declined, expired or undeliverable. Journaled, on no topic."""

    TYPE: ClassVar[str] = "matching.attempt-ended.v1"

    referral_id: str
    need_id: str
    attempt: int
    service: str
    code: str
    for_good: bool
    version: str
    at: AwareDatetime
