"""Intake's messages: its facts on ``referrals.intake``, what its gate puts on its inbox, and what others ask of it."""

from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import AwareDatetime, Field

from .agency import Consent, Constraints, Preferences
from .base import Event

# Importable from here as well, since readers of intake's messages need their parts.
from .profiles import (
    HouseholdMember,
    HypotheticalNeed,
    IdentityFingerprint,
    MinimalProfile,
    Problem,
    Region,
    RequestedNeed,
    Sealed,
)
from .words import Category, HeldBack, Lifecycle, PersonalField, ReferrerKind, Urgency


class ReferralReceived(Event):
    """From intake's gate to intake: a submitted or corrected referral, well-formed, with its personal data sealed.

    If `may_contact` is false, the field `contact` is never released. `marks` is the person's identity fingerprint.
    `look_again_on` is the first day of the month in which the next age band of the household changes, if that is soon.
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
    look_again_on: date | None = None


class ConsentReceived(Event):
    """From intake's gate to intake: the whole consent from now on."""

    TYPE: ClassVar[str] = "intake.consent-received.v1"

    referral_id: str
    agency: str
    reference: str
    consent: Consent
    received_at: AwareDatetime


class WithdrawalReceived(Event):
    """From intake's gate to intake: a withdrawal of the listed needs, or of all if none is listed."""

    TYPE: ClassVar[str] = "intake.withdrawal-received.v1"

    referral_id: str
    agency: str
    reference: str
    needs: list[str] = []
    reason: str


class StatusAsked(Event):
    """From intake's gate to intake: the agency asks for the current status of the referral."""

    TYPE: ClassVar[str] = "intake.status-asked.v1"

    referral_id: str
    agency: str
    reference: str


class RecommendationAsked(Event):
    """From intake's gate to matching: which services could help this person?

    `request_id` is a keyed hash of agency and reference. Urgency is after triage. It is not journaled.
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
    """From intake to matching and outcomes: a need to be matched, new or corrected.

    `revision` counts corrections from 0. The need is for `person` and `companions`, who must be served together: at
    one service with `places` places, or not at all. If there are more places than people, the rest of the household
    is not described. A need that is `held_back` must not be offered for now; when that ends, it is sent again with
    the next revision.
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
        """The people it is for, as far as they are described."""
        return [self.person, *self.companions]


class PersonCorrected(_OfNeed):
    """From intake to matching: the referral was corrected, but this need looks the same to matching.

    The correction was of sealed data or of other needs. A need that is on hold for it can resume.
    """

    TYPE: ClassVar[str] = "intake.person-corrected.v1"


class NeedWithdrawn(_OfNeed):
    """From intake to matching and outcomes: a need is no longer wanted."""

    TYPE: ClassVar[str] = "intake.withdrawn.v1"

    reason: str


class ReferralStored(Event):
    """Intake's own record of a referral, with the sealed person and the consent. Journaled, not published.

    `consent_at` is when the consent took effect: when it was given, or received if that is earlier.
    `look_again_on` is as in `ReferralReceived`.
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
    look_again_on: date | None = None


class ReferralRefused(Event):
    """From intake or its gate to outcomes: a message from an agency was refused, and why.

    `reference` is empty if none could be read.
    """

    TYPE: ClassVar[str] = "intake.refused.v1"

    referral_id: str
    agency: str
    reference: str = ""
    sent: str
    problems: list[Problem]


class StatusDue(Event):
    """From intake to outcomes: send the agency the current status of this need again."""

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
    """From notification to intake: this provider has accepted; release what consent allows.

    Intake journals it if the release waits for the provider's key.
    """

    TYPE: ClassVar[str] = "intake.release-requested.v1"


class ReleaseEnded(_OfAttempt):
    """From notification to intake: the provider that had accepted no longer has the need. `end` says how it ended."""

    TYPE: ClassVar[str] = "intake.release-ended.v1"

    end: Lifecycle


class NothingToRelease(_OfAttempt):
    """A provider has the need, and consent allows no further release yet. Journaled by intake, not published."""

    TYPE: ClassVar[str] = "intake.taken-up.v1"


class Released(Event):
    """The fields released to a provider. Journaled by intake, and published to the provider as `ContactReleased`.

    The ciphertext is made when it is published, and never journaled. `members` are the labels of the people the need is
    for; without any, the person. An attempt may have several releases: fields granted later follow, and corrected ones
    are sent again.
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
    """From notification's gate to intake: a provider has deleted the fields of this recall.

    `at` is when that counts: the broker's append time.
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
    """From intake to outcomes: a provider was asked to delete fields that had been released to it.

    `recall` counts the recalls of an attempt from 1. `reason` is ``consent-changed``, ``consent-withdrawn``,
    ``do-not-contact``, or the `words.Lifecycle` state in which the attempt ended without delivery.
    """

    TYPE: ClassVar[str] = "intake.recalled.v1"


class RecallOverdue(_OfRecall):
    """From intake to outcomes, once: the provider has not confirmed the deletion in time. It may still do so."""

    TYPE: ClassVar[str] = "intake.recall-overdue.v1"


class RecallConfirmed(_OfRecall):
    """From intake to outcomes: the provider has confirmed the deletion."""

    TYPE: ClassVar[str] = "intake.recall-acknowledged.v1"


class _OfRow(Event):
    """A need and a row of the table ``served``. `turn` distinguishes the rows that one referral has had."""

    need_id: str
    need: str
    row: str
    turn: int


class PrimaryClaimed(_OfRow):
    """The need has claimed the row: the person is served for it. Journaled by intake, not published."""

    TYPE: ClassVar[str] = "intake.serving.v1"


class PrimaryReleased(_OfRow):
    """The row is released. Journaled by intake, not published.

    The need has ended (`end`) or was corrected, or the row was never its own.
    """

    TYPE: ClassVar[str] = "intake.serving-ended.v1"

    end: str


class Linked(_OfRow):
    """The need is held back, since a need of another referral has this row. Journaled by intake, not published."""

    TYPE: ClassVar[str] = "intake.linked.v1"

    held_back: HeldBack


class Unlinked(_OfRow):
    """The need no longer waits for the row. Journaled by intake, not published."""

    TYPE: ClassVar[str] = "intake.unlinked.v1"


class LinkEnded(_OfRow):
    """From intake to the stream of a linked need: the row was released.

    `end` says how the other need ended, if that is known.
    """

    TYPE: ClassVar[str] = "intake.link-ended.v1"

    referral_id: str
    end: str = ""


class ServedDoubtful(_OfRow):
    """From intake's sweep to the stream that a row of ``served`` names: does the row still belong to this need?"""

    TYPE: ClassVar[str] = "intake.served-doubtful.v1"

    referral_id: str
