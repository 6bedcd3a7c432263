"""Matching's messages: its facts on ``referrals.matching``, and its messages to itself."""

from datetime import date
from typing import ClassVar

from pydantic import AwareDatetime

from .agency import Admin1, Constraints
from .base import Event, Value
from .intake import NeedRegistered
from .profiles import MinimalProfile, Region
from .schedule import Schedule
from .words import Behind, Category, Change, Document, EntryExpiry, Rule, Urgency, Wait


class FunnelStep(Value):
    """One step of the elimination funnel: how many services were left after this rule."""

    rule: Rule
    left: int


class MatchReason(Value):
    """One term of a score, in [0, 1]. Only ``price``, which is subtracted, is below 0."""

    term: str
    value: float


class Broadcast(Value):
    """Attempts that were made at once: `offers` of them, numbered from `first`."""

    first: int
    offers: int


class Alternative(Value):
    """A service that can take the need and was not chosen. `version` is its directory entry, ``<service>@<offset>``.

    `free` is the number of free places counted there. `worse` says in which terms of the score it is behind the chosen
    service (the last of several chosen at once). The values are weighted, so their sum is the difference in score; a
    value below 0 means that it is better. A service without a free place is compared as if it had the places that the
    need takes; if none was chosen, there is no comparison. `unknown` are its rules of which it is unknown whether they
    are met.
    """

    version: str
    why: Behind
    free: int
    worse: dict[str, float] = {}
    unknown: list[Rule] = []


class Counterfactual(Value):
    """With this one `change`, `service` (its id among all providers) would have been chosen.

    `places` is how many places would have had to be free there.
    """

    change: Change
    service: str
    places: int | None = None


class DecisionRationale(Value):
    """What a decision knew of the services that can take the need, so that it can be explained and repeated.

    `weights` is the version of the score's weights. `next` are up to five services that were not chosen: those with a
    place first, then by score. `otherwise` are changes that would have led to another choice. It contains only codes,
    ids and numbers; they are put into words when they are read.
    """

    weights: str
    next: list[Alternative] = []
    otherwise: list[Counterfactual] = []


class _AboutNeed(Event):
    referral_id: str
    need_id: str
    need: str
    agency: str
    reference: str
    attempt: int


class Matched(_AboutNeed):
    """From matching to notification and outcomes: the need has a place, slot `slot` of `service`.

    `version` is the directory entry that the decision was based on, `schedule` its opening hours. If several people
    are served together, each has a place: `slots`, of which `slot` is the first. `needs_assessment` are rules of the
    service of which it is unknown whether they are met. With `broadcast` the need has places at several services: the
    first to accept keeps the need, and the other places are released. They share one `match_id`. `free` is how many
    places the service had, this one included. `weighed` is the decision rationale, with the first of several matches
    made at once. For `hard_to_place` see `NeedKept`. `price_set` is the `PriceSet` used, if it had a price that
    mattered. `at` is when it was decided.
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


class Waiting(_AboutNeed):
    """From matching to outcomes: no service can take the need now.

    `until` is the end of the wait, `attempt` the last attempt made (0: none). `code` says why, if the reason is not a
    lack of places. `weighed` lists the services that could take the need if they had a place.
    """

    TYPE: ClassVar[str] = "matching.waiting.v1"

    since: AwareDatetime
    until: AwareDatetime
    funnel: list[FunnelStep]
    code: str | None = None
    weighed: DecisionRationale | None = None


class PatienceOver(_AboutNeed):
    """A need has waited for longer than it should: matching warns the operator, once for each need.

    From now on it has precedence over needs that have not waited so long. `cause` is the rule that left no service (see
    `Unmet`). The wait goes on until `until`.
    """

    TYPE: ClassVar[str] = "matching.patience-over.v1"

    urgency: Urgency
    cause: str
    funnel: list[FunnelStep]
    since: AwareDatetime
    until: AwareDatetime


class Unmet(_AboutNeed):
    """From matching to intake and outcomes: no service took the need before its wait or its attempts ran out."""

    TYPE: ClassVar[str] = "matching.unmet.v1"

    cause: str
    funnel: list[FunnelStep]
    weighed: DecisionRationale | None = None
    hard_to_place: bool = False


class OnHold(_AboutNeed):
    """From matching to outcomes: the agency has to supply what `cause` says, by correcting the referral.

    Without a correction the need is unmet at `until`. `provider` and `service` are asking; `missing` are the kinds of
    document, if they were listed.
    """

    TYPE: ClassVar[str] = "matching.on-hold.v1"

    provider: str
    service: str
    cause: str
    missing: list[Document] = []
    since: AwareDatetime
    until: AwareDatetime


class Closed(_AboutNeed):
    """From matching to intake and outcomes: the need has ended without a withdrawal. `cause` says why."""

    TYPE: ClassVar[str] = "matching.closed.v1"

    provider: str
    service: str
    cause: str


class MatchRevoked(_AboutNeed):
    """From matching to notification and outcomes: a match is no longer valid.

    The need was withdrawn or changed, or another service was first to accept it.
    """

    TYPE: ClassVar[str] = "matching.revoked.v1"

    provider: str
    service: str
    cause: str


class Suggested(Value):
    """A service that could take a need, as far as an agency may know it: its region, never its address."""

    provider: str
    service: str
    name: str
    areas: list[Admin1]
    wait: Wait
    reasons: list[MatchReason]
    needs_assessment: list[Rule] = []


class Suggestions(Value):
    """For one need of a recommendation request: services, best first, and how many were left after each rule."""

    need: str
    category: Category
    urgency: Urgency
    suggested: list[Suggested]
    funnel: list[FunnelStep]


class ServicesRecommended(Event):
    """From matching to outcomes: the answer to a recommendation request. No place is taken for it."""

    TYPE: ClassVar[str] = "matching.recommended.v1"

    request_id: str
    agency: str
    reference: str
    needs: list[Suggestions]


class WaitingRecalled(Event):
    """From matching to the stream of a waiting need: look again, a place may be free."""

    TYPE: ClassVar[str] = "matching.waiting-recalled.v1"

    referral_id: str
    need_id: str


class PlaceDoubtful(Event):
    """From matching's sweep to the stream of the need that a place row names: does the place still belong to it?"""

    TYPE: ClassVar[str] = "matching.place-doubtful.v1"

    referral_id: str
    need_id: str
    row: str
    match_id: str


class PlaceDisowned(Event):
    """The answer to `PlaceDoubtful`, if it is no. Journaled by matching, not published.

    It is journaled before the row is deleted, so that a writer that was suspended cannot use the place.
    """

    TYPE: ClassVar[str] = "matching.place-disowned.v1"

    referral_id: str
    need_id: str
    row: str
    match_id: str


class EntryExpires(Event):
    """From matching to itself: this version of a directory entry (``<service>@<offset>``) has expired, or soon will.

    `service` is the provider's own id of it. Any instance may send this, at any time and repeatedly.
    """

    TYPE: ClassVar[str] = "matching.entry-lapses.v1"

    provider: str
    service: str
    version: str
    lapse: EntryExpiry


class ExpiryNotified(Event):
    """The provider was notified of a stale or ended entry, once. Journaled by matching, not published."""

    TYPE: ClassVar[str] = "matching.lapse-told.v1"

    version: str
    lapse: EntryExpiry


class NeedKept(Event):
    """Matching's own record of a need: its latest revision from intake. Journaled, not published.

    `hard_to_place` says that few services of its category speak a language of the person, or that the person has a
    disability. The messages on the need's end repeat it, so that it can be measured whether such needs fare worse.
    """

    TYPE: ClassVar[str] = "matching.need-kept.v1"

    accepted: NeedRegistered
    hard_to_place: bool = False


class NeedEnded(Event):
    """From matching to intake: the need has ended, and its place is free again.

    A need of the same person that was held back for it may resume.
    """

    TYPE: ClassVar[str] = "matching.need-ended.v1"

    referral_id: str
    need_id: str
    attempt: int
    end: str
    hard_to_place: bool = False


class AttemptEnded(Event):
    """An attempt has ended, but not the need: declined, expired or undeliverable. Journaled by matching, not published.

    `round` is the first of the attempts that were made at once; it is missing if the attempt was made alone.
    `for_good`: the service is never tried again for this need.
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
    """Help was given, and the place is used `until` the quota is renewed. Journaled by matching, not published."""

    TYPE: ClassVar[str] = "matching.place-used.v1"

    referral_id: str
    need_id: str
    match_id: str
    rows: list[str]
    until: date


class PriceSet(Event):
    """From matching to all its instances: what a place at each service costs.

    Prices are in units of fit, for a need of weight 1, by service id; a service that is missing from `prices` costs
    nothing. They are computed from the needs of the `window` (seconds) before `as_of`. `used_up` are services whose
    places are not free again when a person leaves. A set is never changed: a decision records the `id` of its set.
    """

    TYPE: ClassVar[str] = "matching.price-set.v1"

    id: str
    window: int
    as_of: AwareDatetime
    prices: dict[str, float]
    used_up: list[str] = []
