"""Which message goes over which topic, who sends it and who reads it.

Tests compare this table with the access rules, with what services subscribe to and handle, and with what they publish.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from contracts import (
    agency,
    intake,
    matching,
    notification,
    operations,
    outcomes,
    provider,
    recommendation,
    topics,
)
from contracts.base import Message

Kinds = Sequence[type[Message]]

TENANTS = ("agency", "provider")
PEOPLE = (*TENANTS, "operator", "analyst")
PARTIES = (*PEOPLE, *topics.SERVICES)
"""Everyone who sends or reads anything. Gates and tickers are parts of their services."""


@dataclass(frozen=True)
class Channel:
    """A topic, or a topic of each organisation of the kind `tenant`, whose address contains ``{<kind>}``.

    `key` says what the record key is, and `key_pattern` how it is spelt where that matters. `sends` and `reads` are the
    messages of each party.
    """

    name: str
    address: str
    about: str
    key: str
    sends: Mapping[str, Kinds]
    reads: Mapping[str, Kinds] = field(default_factory=dict)
    tenant: str | None = None
    key_pattern: str | None = None

    @property
    def messages(self) -> list[type[Message]]:
        """All messages that are sent here, each once."""
        return list(dict.fromkeys(kind for kinds in self.sends.values() for kind in kinds))


_REFERRALS = (
    agency.Submitted,
    agency.Corrected,
    agency.ConsentChanged,
    agency.ReferralWithdrawn,
    agency.StatusRequested,
    recommendation.RecommendationRequested,
)
_STATUS = (outcomes.StatusChanged, outcomes.RecallChanged, outcomes.AgencyInputRefused, outcomes.RecommendationAnswered)
_TO_PROVIDER = (
    provider.Offer,
    provider.Reminder,
    provider.AnswerConfirmed,
    provider.CheckInCounted,
    provider.OfferClosed,
    provider.AnswerRefused,
    provider.EntryRefused,
    provider.ProviderInputRefused,
)
_RELEASE = (provider.ContactReleased, provider.Recall, provider.RecallClosed, provider.ProviderInputRefused)
_ENDS_OF_OFFERS = (
    notification.OfferAccepted,
    notification.Declined,
    notification.Expired,
    notification.Delivered,
    notification.NotDelivered,
)
_COURSE_OF_OFFERS = (
    notification.Offered,
    notification.Reminded,
    notification.Overdue,
    notification.Escalated,
    notification.CheckedIn,
    notification.Acknowledged,
    notification.Appointed,
    notification.NoShow,
    notification.InProgress,
    notification.Revoked,
)
_NEEDS_TO_MATCH = (
    intake.NeedRegistered,
    intake.PersonCorrected,
    intake.NeedWithdrawn,
    intake.RecommendationAsked,
)
_RECALLS = (intake.Recalled, intake.RecallOverdue, intake.RecallConfirmed)
_FROM_INTAKES_GATE = (intake.ReferralReceived, intake.ConsentReceived, intake.WithdrawalReceived, intake.StatusAsked)
_TO_INTAKE = (intake.DeletionConfirmed, intake.ReleaseRequested, intake.ReleaseEnded)
_TO_ITSELF = (intake.LinkEnded, intake.ServedDoubtful, operations.TimerElapsed)
_UNMATCHED = (matching.Waiting, matching.OnHold, matching.ServicesRecommended, matching.MatchRevoked)
_MATCHING = (matching.Matched, *_UNMATCHED, matching.PatienceOver, matching.Unmet, matching.Closed, matching.NeedEnded)

OF_TENANTS = (
    Channel(
        "agency.referrals",
        "agency.{agency}.referrals",
        "What an agency sends. Contains personal data: kept for about a day. The broker's time of arrival counts.",
        "the agency's reference",
        {"agency": _REFERRALS},
        {"intake": _REFERRALS},
        "agency",
    ),
    Channel(
        "agency.status",
        "agency.{agency}.status",
        "The status of an agency's referrals, answers to its questions, and refusals. Kept for 90 days.",
        "need_id, or referral_id or request_id where no need is known",
        {"outcomes": _STATUS},
        {"agency": _STATUS},
        "agency",
    ),
    Channel(
        "provider.directory",
        "provider.{provider}.directory",
        "A provider's profile and services; it can read them too. Compacted: a record without value deletes its entry.",
        "`profile`, or the service's id",
        {"provider": (provider.Profile, provider.Service)},
        {
            "intake": (provider.Profile,),
            "matching": (provider.Profile, provider.Service),
            "provider": (provider.Profile, provider.Service),
        },
        "provider",
        key_pattern=r"^[A-Za-z0-9._-]{1,64}$",
    ),
    Channel(
        "provider.notifications",
        "provider.{provider}.notifications",
        "Offers and what follows, refusals, and after acceptance the personal data that consent allows.",
        "referral_id, or the directory entry or the provider's id where it is about these",
        {"notification": _TO_PROVIDER, "intake": _RELEASE},
        {"provider": tuple(dict.fromkeys((*_TO_PROVIDER, *_RELEASE)))},
        "provider",
    ),
    Channel(
        "provider.responses",
        "provider.{provider}.responses",
        "A provider's answers to offers and recalls. The broker's time of arrival counts.",
        "referral_id",
        {"provider": (provider.Answered, provider.RecallAcknowledged)},
        {"notification": (provider.Answered, provider.RecallAcknowledged)},
        "provider",
    ),
)

INTERNAL = (
    Channel(
        "inbox.intake",
        topics.inbox("intake"),
        "What concerns intake's own streams: from its gate, ticker and sweep, and from notification.",
        "referral_id",
        {"intake": (*_FROM_INTAKES_GATE, *_TO_ITSELF), "notification": _TO_INTAKE},
        {"intake": (*_FROM_INTAKES_GATE, *_TO_INTAKE, *_TO_ITSELF)},
    ),
    Channel(
        "inbox.matching",
        topics.inbox("matching"),
        "What concerns matching's own streams: from its ticker and sweep, and from the streams of other needs.",
        "referral_id",
        {
            "matching": (
                matching.WaitingRecalled,
                matching.PlaceDoubtful,
                matching.EntryExpires,
                operations.TimerElapsed,
            )
        },
        {
            "matching": (
                matching.WaitingRecalled,
                matching.PlaceDoubtful,
                matching.EntryExpires,
                operations.TimerElapsed,
            )
        },
    ),
    Channel(
        "inbox.notification",
        topics.inbox("notification"),
        "What concerns notification's own streams: from its gate and ticker, and from matching on directory entries.",
        "referral_id, or the provider's id where no referral is known",
        {
            "notification": (
                notification.AnswerReceived,
                notification.AnswerInvalid,
                operations.TimerElapsed,
                operations.DeliveryFailed,
            ),
            "matching": (notification.EntryProblemsFound,),
        },
        {
            "notification": (
                notification.AnswerReceived,
                notification.AnswerInvalid,
                notification.EntryProblemsFound,
                operations.TimerElapsed,
                operations.DeliveryFailed,
            )
        },
    ),
    Channel(
        "inbox.outcomes",
        topics.inbox("outcomes"),
        "What else agencies must be notified of: from intake and its gate, and about failed deliveries.",
        "referral_id",
        {"intake": (intake.ReferralRefused, intake.StatusDue), "outcomes": (operations.DeliveryFailed,)},
        {"outcomes": (intake.ReferralRefused, intake.StatusDue, operations.DeliveryFailed)},
    ),
    Channel(
        "intake",
        topics.INTAKE,
        "Intake's facts: needs registered, corrected and withdrawn; questions; recalls.",
        "referral_id, or request_id of a question",
        {
            "intake": (*_NEEDS_TO_MATCH, *_RECALLS),
        },
        {
            "matching": _NEEDS_TO_MATCH,
            "outcomes": (intake.NeedRegistered, intake.NeedWithdrawn, *_RECALLS),
        },
    ),
    Channel(
        "matching",
        topics.MATCHING,
        "Matching's facts: matches, waits and ends of needs; answers to questions.",
        "referral_id, or request_id of a question",
        {"matching": _MATCHING},
        {
            "intake": (matching.Unmet, matching.Closed, matching.NeedEnded),
            "notification": (matching.Matched, matching.MatchRevoked),
            "outcomes": (matching.Matched, *_UNMATCHED, matching.Unmet, matching.Closed),
        },
    ),
    Channel(
        "notification",
        topics.NOTIFICATION,
        "Notification's facts: what happened to each offer.",
        "referral_id",
        {"notification": (*_COURSE_OF_OFFERS, *_ENDS_OF_OFFERS)},
        {"matching": _ENDS_OF_OFFERS, "outcomes": (*_COURSE_OF_OFFERS, *_ENDS_OF_OFFERS)},
    ),
    Channel(
        "tenants",
        topics.TENANTS,
        "The organisations that take part. Compacted.",
        "the organisation's id",
        {"operator": (operations.Tenant,)},
        dict.fromkeys(("operator", "intake", "matching", "notification"), (operations.Tenant,)),
    ),
    Channel(
        "prices",
        topics.PRICES,
        "What places cost and how providers have recently answered, for all instances of matching. Compacted.",
        "one for all",
        {"matching": (matching.PriceSet,)},
        {"matching": (matching.PriceSet,)},
    ),
    Channel(
        "statistics.indicators",
        topics.INDICATORS,
        "Counts of needs, without small numbers. Compacted.",
        "window, category, area and state",
        {"outcomes": (outcomes.Indicator,)},
        {"analyst": (outcomes.Indicator,)},
    ),
)

CHANNELS = (*OF_TENANTS, *INTERNAL)
"""All topics but ``referrals.dead-letters``, which has no CloudEvents: see `document`."""
