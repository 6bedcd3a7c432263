"""What intake says: facts on ``referrals.intake``, and what its gate puts on its inbox."""

from typing import Annotated, ClassVar, Literal

from pydantic import AwareDatetime, Field

from .agency import Admin1, Consent, Constraints, Language, Preferences
from .base import Event, Value
from .words import AgeBand, Category, Flag, HeldBack, Lifecycle, PersonalField, ReferrerKind, Sex, Status, Urgency


class MinimalProfile(Value):
    """All that matching and an undecided provider learn of a person. Coarse; no free text."""

    age_band: AgeBand
    sex: Sex
    languages: list[Language]
    status: Status | None = None
    flags: list[Flag] = []
    household_size: int = 1


class HouseholdMember(Value):
    """The minimum of somebody of the household besides the person, under the agency's label."""

    member: str
    person: MinimalProfile


class Region(Value):
    """Where, coarsely: an ISO 3166-2 subdivision, and an H3 cell of resolution 5 (some 250 km²) where known."""

    admin1: Admin1
    cell: str | None = None


class RequestedNeed(Value):
    """A need without its note. `need_id` is derived from the referral's id and the agency's label `need`.

    `members` are those it is for, none named: the household where it is `together`, else the person.
    """

    need_id: str
    need: str
    category: Category
    urgency: Urgency
    constraints: Constraints = Constraints()
    preferences: Preferences = Preferences()
    members: list[str] = []
    together: bool = False


class Sealed(Value):
    """AES-256-GCM under the referral's own data key: base64 of nonce and ciphertext, bound to referral and purpose.

    The same person is never sealed twice to the same `box`; `digest`, under the same key, tells that it is the same.
    """

    key_id: str
    box: str
    digest: str = ""


class IdentityFingerprint(Value):
    """Keyed hashes by which a person can be known again; on intake's inbox and in its database, nowhere else.

    `person` is strong identity, the same whichever agency sends it; none where there is too little to know a person by,
    or consent does not allow it.
    """

    person: str | None = None


class ReferralReceived(Event):
    """Gate to intake: a submitted (or corrected) referral, well-formed, its personal data sealed.

    `may_contact` false: the field `contact` is released to nobody.
    """

    TYPE: ClassVar[str] = "intake.received.v1"

    referral_id: str
    agency: str
    reference: str
    corrects: bool = False
    referrer: ReferrerKind
    received_at: AwareDatetime
    person: MinimalProfile
    region: Region
    household: list[HouseholdMember] = []
    consent: Consent
    may_contact: bool = True
    needs: list[RequestedNeed]
    personal: Sealed
    marks: IdentityFingerprint = IdentityFingerprint()


class ConsentReceived(Event):
    """Gate to intake: the consent as it is from now on, whole."""

    TYPE: ClassVar[str] = "intake.consent-received.v1"

    referral_id: str
    agency: str
    reference: str
    consent: Consent
    received_at: AwareDatetime


class WithdrawalReceived(Event):
    """Gate to intake: a withdrawal. No needs named: all of them."""

    TYPE: ClassVar[str] = "intake.withdrawal-received.v1"

    referral_id: str
    agency: str
    reference: str
    needs: list[str] = []
    reason: str


class StatusAsked(Event):
    """Gate to intake: the agency asks where the referral stands."""

    TYPE: ClassVar[str] = "intake.status-asked.v1"

    referral_id: str
    agency: str
    reference: str


class HypotheticalNeed(Value):
    """A need that is only asked about, with whom it is for (see `NeedRegistered`)."""

    need_id: str
    need: str
    category: Category
    urgency: Urgency
    constraints: Constraints = Constraints()
    preferences: Preferences = Preferences()
    person: MinimalProfile
    companions: list[MinimalProfile] = []
    places: Annotated[int, Field(ge=1)] = 1


class RecommendationAsked(Event):
    """Gate to matching: what could this person go to? `request_id` is a keyed hash of agency and reference.

    Urgency is after triage. No stream has facts of it, and no one keeps it but the topic.
    """

    TYPE: ClassVar[str] = "intake.recommendation-asked.v1"

    request_id: str
    agency: str
    reference: str
    asked_at: AwareDatetime
    region: Region
    recipients: Literal["any"] | list[str]
    needs: list[HypotheticalNeed]


class _OfNeed(Event):
    referral_id: str
    need_id: str
    need: str
    agency: str
    reference: str


class NeedRegistered(_OfNeed):
    """A need to be matched. `revision` counts corrections of it, from 0.

    It is for `person`, and for `companions` who are to be served with them: at one service, with `places` places, or
    not at all. Where there are more places than people described, the rest of the household is not known.
    `held_back`: it is not to be offered to anyone for now; where that ends, it comes again with the next revision.
    """

    TYPE: ClassVar[str] = "intake.accepted.v1"

    revision: int = 0
    referrer: ReferrerKind
    requested_at: AwareDatetime
    category: Category
    urgency: Urgency
    person: MinimalProfile
    region: Region
    constraints: Constraints
    preferences: Preferences
    recipients: Literal["any"] | list[str]
    companions: list[MinimalProfile] = []
    places: Annotated[int, Field(ge=1)] = 1
    held_back: HeldBack | None = None

    @property
    def people(self) -> list[MinimalProfile]:
        """All whom it is for, as far as they are described."""
        return [self.person, *self.companions]


class PersonCorrected(_OfNeed):
    """The referral was corrected in what is sealed or not of this need; what matching sees of it is the same."""

    TYPE: ClassVar[str] = "intake.person-corrected.v1"


class NeedWithdrawn(_OfNeed):
    """A need that is not wanted any more."""

    TYPE: ClassVar[str] = "intake.withdrawn.v1"

    reason: str


class ReferralStored(Event):
    """What intake keeps of a referral for itself: the sealed person and the consent. Journaled, on no topic.

    `consent_at` is since when the consent holds: when it was given, or received where that is earlier.
    """

    TYPE: ClassVar[str] = "intake.held.v1"
    WHOLE: ClassVar[bool] = True

    agency: str
    reference: str
    referrer: ReferrerKind
    requested_at: AwareDatetime
    person: MinimalProfile
    region: Region
    household: list[HouseholdMember] = []
    consent: Consent
    consent_at: AwareDatetime | None = None
    may_contact: bool = True
    needs: list[RequestedNeed]
    personal: Sealed


class Problem(Value):
    """One thing to fix: the field's path, and what to do. Never the value."""

    field: str
    fix: str


class ReferralRefused(Event):
    """What an agency sent cannot be acted on, and why. `reference` is empty where none could be read."""

    TYPE: ClassVar[str] = "intake.refused.v1"

    referral_id: str
    agency: str
    reference: str = ""
    sent: str
    problems: list[Problem]


class StatusDue(Event):
    """To outcomes: tell the agency again where this need stands."""

    TYPE: ClassVar[str] = "intake.status-due.v1"

    referral_id: str
    need_id: str
    need: str
    agency: str
    reference: str


class _OfAttempt(Event):
    referral_id: str
    need_id: str
    need: str
    attempt: int
    provider: str
    service: str


class ReleaseRequested(_OfAttempt):
    """To intake: this provider has accepted; release what consent allows.

    Journaled by intake where the release awaits the provider's key.
    """

    TYPE: ClassVar[str] = "intake.release-requested.v1"


class ReleaseEnded(_OfAttempt):
    """To intake: the provider that had accepted has the need no more. `end` says how it ended for it."""

    TYPE: ClassVar[str] = "intake.release-ended.v1"

    end: Lifecycle


class NothingToRelease(_OfAttempt):
    """A provider has the need, and consent lets it know nothing more (yet). Journaled, on no topic."""

    TYPE: ClassVar[str] = "intake.taken-up.v1"


class Released(Event):
    """What is released to whom. The ciphertext for the provider is made when it is published, never journaled.

    `members` are the labels of those whom the need is for; none: the person. An attempt may have several releases: what
    is granted later follows, and what was corrected comes again.
    """

    TYPE: ClassVar[str] = "intake.released.v1"

    referral_id: str
    need_id: str
    need: str
    attempt: int
    provider: str
    service: str
    fields: list[PersonalField]
    personal: Sealed
    reference: str | None = None
    members: list[str] = []


class DeletionConfirmed(Event):
    """Notification's gate to intake: a provider says that it has deleted what this recall names.

    Counts at `at`, the broker's append time.
    """

    TYPE: ClassVar[str] = "intake.deletion-confirmed.v1"

    provider: str
    referral_id: str
    need_id: str
    need: str
    attempt: int
    recall: int
    at: AwareDatetime


class _OfRecall(_OfNeed):
    attempt: int
    provider: str
    service: str
    recall: int
    fields: list[PersonalField]
    reason: str
    acknowledge_by: AwareDatetime
    at: AwareDatetime


class Recalled(_OfRecall):
    """A provider was told to delete fields that were released to it. `recall` counts those of an attempt, from 1.

    `reason` is ``consent-changed``, ``consent-withdrawn``, ``do-not-contact``, or the lifecycle's word for how the
    attempt ended without delivery.
    """

    TYPE: ClassVar[str] = "intake.recalled.v1"


class RecallOverdue(_OfRecall):
    """The provider has not said in time that it has deleted them. Said once; it may still come."""

    TYPE: ClassVar[str] = "intake.recall-overdue.v1"


class RecallConfirmed(_OfRecall):
    """The provider says that it has deleted them."""

    TYPE: ClassVar[str] = "intake.recall-acknowledged.v1"


class _OfRow(Event):
    """Of a need and a row of the table ``served``. `turn` tells apart the rows that one referral has had."""

    need_id: str
    need: str
    row: str
    turn: int


class PrimaryClaimed(_OfRow):
    """The need is the one for which the person is served in its category: its row is claimed. On no topic."""

    TYPE: ClassVar[str] = "intake.serving.v1"


class PrimaryReleased(_OfRow):
    """The row is given back, since the need has ended (`end`) or is another person's now. On no topic."""

    TYPE: ClassVar[str] = "intake.serving-ended.v1"

    end: str


class Linked(_OfRow):
    """The need is held back, since another referral's need has this row. Nothing says which. On no topic."""

    TYPE: ClassVar[str] = "intake.linked.v1"

    held_back: HeldBack


class Unlinked(_OfRow):
    """The need is linked no more. On no topic."""

    TYPE: ClassVar[str] = "intake.unlinked.v1"


class LinkEnded(_OfRow):
    """To a linked need's own stream: whoever had the row has given it back. `end`: how that need ended, if known."""

    TYPE: ClassVar[str] = "intake.link-ended.v1"

    referral_id: str
    end: str = ""


class ServedDoubtful(_OfRow):
    """To the stream that a row of ``served`` names: is this still yours?"""

    TYPE: ClassVar[str] = "intake.served-doubtful.v1"

    referral_id: str
