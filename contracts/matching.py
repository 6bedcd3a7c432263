"""What matching says: facts on ``referrals.matching``, and its messages to itself."""

from datetime import date
from typing import ClassVar

from pydantic import AwareDatetime

from .agency import Admin1, Constraints
from .base import Event, Value
from .intake import MinimalProfile, NeedRegistered, Region
from .schedule import Schedule
from .words import Behind, Category, Change, Document, Lapse, Rule, Urgency, Wait


class FunnelStep(Value):
    """One step of the elimination funnel: how many services were left after this rule."""

    rule: Rule
    left: int


class MatchReason(Value):
    """One term of a score, in [0, 1]; but ``price``, which is taken from it, is below 0."""

    term: str
    value: float


class Broadcast(Value):
    """Attempts that were made at once: `offers` in number, the first one numbered `first`, the others after it."""

    first: int
    offers: int


class Alternative(Value):
    """A service that can take the need and was not chosen. `version` is its directory entry, ``<service>@<offset>``.

    `free` is how many places we counted there. `worse` says in which terms of the score it is behind the chosen one
    (the last of several chosen at once), weighted, so that the sum is what it lacks; below 0 it is better. Where it
    had no place, it is compared as if it had as many as the need takes; where none was chosen, it is not compared.
    `unknown` are its rules of which nobody can tell whether they are met.
    """

    version: str
    why: Behind
    free: int
    worse: dict[str, float] = {}
    unknown: list[Rule] = []


class Counterfactual(Value):
    """With this one `change`, `service` (its id among all providers) would have been chosen.

    `places`: how many would have had to be free there.
    """

    change: Change
    service: str
    places: int | None = None


class DecisionRationale(Value):
    """What a decision saw of the services that can take the need, to be explained, and to be made again.

    `weights` is the version of the score's weights. `next` are up to five that were not chosen, those with a place
    first and best first. Codes, ids and numbers only: what they mean is said when they are read.
    """

    weights: str
    next: list[Alternative] = []
    otherwise: list[Counterfactual] = []


class _OfNeed(Event):
    referral_id: str
    need_id: str
    need: str
    agency: str
    reference: str
    attempt: int


class Matched(_OfNeed):
    """The need holds a place: slot `slot` of `service`. `version` is the directory entry the decision saw.

    `schedule` is the service's, for whoever counts its opening hours. Where several are to be served together it holds
    a place for each: `slots`, of which `slot` is the first. `needs_assessment` are rules of the service of which nobody
    can tell from what is known whether they are met. With `broadcast` it holds that at each of several services: the
    first to accept keeps the need, the other places are given back. They have one `match_id`, as they are one match.
    `free` is how many places it had, this one included. `weighed` stands with the first of those made at once. Of
    `hard_to_place` see `NeedKept`. `price_set` is the `PriceSet` of the decision; none, if there was nothing in it for
    it. `at` is when it was decided.
    """

    TYPE: ClassVar[str] = "matching.matched.v1"

    provider: str
    service: str
    slot: int
    match_id: str
    version: str
    category: Category
    urgency: Urgency
    person: MinimalProfile
    region: Region
    constraints: Constraints
    requested_at: AwareDatetime
    reasons: list[MatchReason]
    funnel: list[FunnelStep]
    schedule: Schedule | None = None
    broadcast: Broadcast | None = None
    slots: list[int] = []
    companions: list[MinimalProfile] = []
    needs_assessment: list[Rule] = []
    free: int | None = None
    weighed: DecisionRationale | None = None
    hard_to_place: bool = False
    price_set: str | None = None
    at: AwareDatetime | None = None


class Waiting(_OfNeed):
    """No service can take it now. `until` is the end of the wait; `attempt` the last attempt made (0: none).

    `code` says why, where that is not for want of a place. `weighed` names who could take it, had they a place.
    """

    TYPE: ClassVar[str] = "matching.waiting.v1"

    since: AwareDatetime
    until: AwareDatetime
    funnel: list[FunnelStep]
    code: str | None = None
    weighed: DecisionRationale | None = None


class PatienceOver(_OfNeed):
    """It has waited as long as it should at most, and there is still no place: an operator is told, once for a need.

    From now on it comes before all who have not waited so long. `cause` is the rule that left no service (see `Unmet`);
    the wait goes on to `until`.
    """

    TYPE: ClassVar[str] = "matching.patience-over.v1"

    urgency: Urgency
    cause: str
    funnel: list[FunnelStep]
    since: AwareDatetime
    until: AwareDatetime


class Unmet(_OfNeed):
    """Nobody could take it until the end of the wait, or the allowed attempts are used up."""

    TYPE: ClassVar[str] = "matching.unmet.v1"

    cause: str
    funnel: list[FunnelStep]
    weighed: DecisionRationale | None = None
    hard_to_place: bool = False


class OnHold(_OfNeed):
    """The agency is asked for what `cause` says; a correction of the referral resumes the need. Unmet at `until`.

    `provider` and `service` are who asks, `missing` the kinds of document where they were named.
    """

    TYPE: ClassVar[str] = "matching.on-hold.v1"

    provider: str
    service: str
    cause: str
    missing: list[Document] = []
    since: AwareDatetime
    until: AwareDatetime


class Closed(_OfNeed):
    """Nothing is to be done any more, though nobody withdrew it: `cause` says why."""

    TYPE: ClassVar[str] = "matching.closed.v1"

    provider: str
    service: str
    cause: str


class MatchRevoked(_OfNeed):
    """The match no longer holds: the need was withdrawn or changed, or another service was first to accept it."""

    TYPE: ClassVar[str] = "matching.revoked.v1"

    provider: str
    service: str
    cause: str


class Suggested(Value):
    """A service that could take a need, as far as an agency may know it: its region, never its address.

    `answer_hours` is how long its provider has taken to answer lately, as a median; none, where that is not known.
    """

    provider: str
    service: str
    name: str
    areas: list[Admin1]
    wait: Wait
    reasons: list[MatchReason]
    answer_hours: float | None = None
    needs_assessment: list[Rule] = []


class Suggestions(Value):
    """For one need asked about: services, best first, and how many were left after each rule."""

    need: str
    category: Category
    urgency: Urgency
    suggested: list[Suggested]
    funnel: list[FunnelStep]


class ServicesRecommended(Event):
    """To outcomes: the answer to a recommendation that was asked for. Nothing is held by it; it may be old by now."""

    TYPE: ClassVar[str] = "matching.recommended.v1"

    request_id: str
    agency: str
    reference: str
    needs: list[Suggestions]


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


class EntryLapses(Event):
    """Matching to itself: this version of a directory entry (``<service>@<offset>``) has come to that by time alone.

    `service` is the provider's own id of it. Any instance may say so, at any time, and more than once.
    """

    TYPE: ClassVar[str] = "matching.entry-lapses.v1"

    provider: str
    service: str
    version: str
    lapse: Lapse


class LapseTold(Event):
    """Its provider has been told, and is not told again. Journaled, on no topic."""

    TYPE: ClassVar[str] = "matching.lapse-told.v1"

    version: str
    lapse: Lapse


class NeedKept(Event):
    """What matching keeps of a need for itself: intake's latest word on it. Journaled, on no topic.

    `hard_to_place` says that few services of its category speak a language of the person, or that the person has a
    disability. It goes with what is told of the need's end, so that it can be seen whether such needs fare worse.
    """

    TYPE: ClassVar[str] = "matching.need-kept.v1"

    accepted: NeedRegistered
    hard_to_place: bool = False


class NeedEnded(Event):
    """The need has ended elsewhere; its place is free again. Intake follows it: who waited for that may have a turn."""

    TYPE: ClassVar[str] = "matching.need-ended.v1"

    referral_id: str
    need_id: str
    attempt: int
    end: str
    hard_to_place: bool = False


class AttemptEnded(Event):
    """An attempt has ended without the need's end: declined, expired or undeliverable. Journaled, on no topic.

    `round` is the first of the attempts that were made at once with it; without, it was made alone.
    """

    TYPE: ClassVar[str] = "matching.attempt-ended.v1"

    referral_id: str
    need_id: str
    attempt: int
    service: str
    code: str
    for_good: bool
    version: str
    at: AwareDatetime
    round: int | None = None
    missing: list[Document] = []


class PlaceUsed(Event):
    """Help was given, and the place does not come back before the quota is renewed: its rows stay `until` that day."""

    TYPE: ClassVar[str] = "matching.place-used.v1"

    referral_id: str
    need_id: str
    match_id: str
    rows: list[str]
    until: date


class PriceSet(Event):
    """What a place of each service costs a need of weight 1, in fit, and how providers have answered, by service id.

    It is reckoned from what was asked for in the `window` of seconds before `as_of`; a service that is not named in
    `prices` costs nothing. `used_up` are those whose places do not come back when somebody leaves. `acceptance` is the
    share of its offers that a service accepts, as learned; `accepted_otherwise` that of one with no answers yet.
    `answer_hours` is the median time to its answer. Never changed: a decision names the set it was made with by its
    `id`.
    """

    TYPE: ClassVar[str] = "matching.price-set.v1"

    id: str
    window: int
    as_of: AwareDatetime
    prices: dict[str, float]
    used_up: list[str] = []
    acceptance: dict[str, float] = {}
    accepted_otherwise: float = 1.0
    answer_hours: dict[str, float] = {}
