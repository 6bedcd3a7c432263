"""Which message goes over which topic, who sends it and who reads it: the part of the contract that no model says.

Held by tests against access rules, against what services subscribe to and handle, and against what they publish.
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
"""Who sends or reads anything at all. Gates and tickers are parts of their services."""


@dataclass(frozen=True)
class Channel:
    """A topic, or one for each organisation: then `tenant` says of which kind, and the address has it in braces.

    `key` is the record's key. `sends` and `reads` are by party.
    """

    name: str
    address: str
    about: str
    key: str
    sends: Mapping[str, Kinds]
    reads: Mapping[str, Kinds] = field(default_factory=dict)
    tenant: str | None = None

    @property
    def messages(self) -> list[type[Message]]:
        """All that is sent here, each once."""
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
    provider.CheckInCounted,
    provider.OfferClosed,
    provider.AnswerRefused,
    provider.EntryRefused,
    provider.ProviderInputRefused,
)
_RELEASE = (provider.ContactReleased, provider.Recall, provider.ProviderInputRefused)
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
        "What an agency sends. Holds personal data: kept for a day or so. What counts is when the broker got it.",
        "the agency's reference",
        {"agency": _REFERRALS},
        {"intake": _REFERRALS},
        "agency",
    ),
    Channel(
        "agency.status",
        "agency.{agency}.status",
        "What became of an agency's referrals and questions, refusals included. Kept for 90 days.",
        "need_id, or referral_id or request_id where no need is known",
        {"outcomes": _STATUS},
        {"agency": _STATUS},
        "agency",
    ),
    Channel(
        "provider.directory",
        "provider.{provider}.directory",
        "What a provider is and offers; it may read it too. Compacted: a record without a value deletes its entry.",
        "`profile`, or the service's id",
        {"provider": (provider.Profile, provider.Service)},
        {
            "intake": (provider.Profile,),
            "matching": (provider.Profile, provider.Service),
            "provider": (provider.Profile, provider.Service),
        },
        "provider",
    ),
    Channel(
        "provider.notifications",
        "provider.{provider}.notifications",
        "Offers and what follows, refusals included; after acceptance what consent allows to be known.",
        "referral_id, or the directory entry or the provider's id where it is about these",
        {"notification": _TO_PROVIDER, "intake": _RELEASE},
        {"provider": tuple(dict.fromkeys((*_TO_PROVIDER, *_RELEASE)))},
        "provider",
    ),
    Channel(
        "provider.responses",
        "provider.{provider}.responses",
        "What a provider answers to offers and recalls. What counts is when the broker got it.",
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
        "What concerns intake's own streams: from gates, its ticker, its sweep, and notification.",
        "referral_id",
        {"intake": (*_FROM_INTAKES_GATE, *_TO_ITSELF), "notification": _TO_INTAKE},
        {"intake": (*_FROM_INTAKES_GATE, *_TO_INTAKE, *_TO_ITSELF)},
    ),
    Channel(
        "inbox.matching",
        topics.inbox("matching"),
        "What concerns matching's own streams: from its ticker, its sweep, and other needs' streams.",
        "referral_id",
        {"matching": (matching.WaitingRecalled, matching.PlaceDoubtful, matching.EntryLapses, operations.TimerElapsed)},
        {"matching": (matching.WaitingRecalled, matching.PlaceDoubtful, matching.EntryLapses, operations.TimerElapsed)},
    ),
    Channel(
        "inbox.notification",
        topics.inbox("notification"),
        "What concerns notification's own streams: from its gate and ticker, and of directory entries from matching.",
        "referral_id, or the provider's id where no referral is known",
        {
            "notification": (
                notification.AnswerReceived,
                notification.AnswerInvalid,
                operations.TimerElapsed,
                operations.DeliveryFailed,
            ),
            "matching": (notification.EntryDoubted,),
        },
        {
            "notification": (
                notification.AnswerReceived,
                notification.AnswerInvalid,
                notification.EntryDoubted,
                operations.TimerElapsed,
                operations.DeliveryFailed,
            )
        },
    ),
    Channel(
        "inbox.outcomes",
        topics.inbox("outcomes"),
        "What agencies are to be told besides: from intake and its gate, and of what could not be delivered.",
        "referral_id",
        {"intake": (intake.ReferralRefused, intake.StatusDue), "outcomes": (operations.DeliveryFailed,)},
        {"outcomes": (intake.ReferralRefused, intake.StatusDue, operations.DeliveryFailed)},
    ),
    Channel(
        "intake",
        topics.INTAKE,
        "Intake's facts: needs to be matched, corrected and withdrawn, questions, recalls.",
        "referral_id, or request_id of a question",
        {
            "intake": (
                intake.NeedRegistered,
                intake.PersonCorrected,
                intake.NeedWithdrawn,
                intake.RecommendationAsked,
                *_RECALLS,
            )
        },
        {
            "matching": (
                intake.NeedRegistered,
                intake.PersonCorrected,
                intake.NeedWithdrawn,
                intake.RecommendationAsked,
            ),
            "outcomes": (intake.NeedRegistered, intake.NeedWithdrawn, *_RECALLS),
        },
    ),
    Channel(
        "matching",
        topics.MATCHING,
        "Matching's facts: matches, waits, ends, and answers to questions.",
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
        "Notification's facts: what became of each offer.",
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
        "What places cost and how providers have answered lately: matching's word to all its instances. Compacted.",
        "one for all",
        {"matching": (matching.PriceSet,)},
        {"matching": (matching.PriceSet,)},
    ),
    Channel(
        "statistics.indicators",
        topics.INDICATORS,
        "Counts of needs, without small cells. Compacted.",
        "window, category, area and state",
        {"outcomes": (outcomes.Indicator,)},
        {"analyst": (outcomes.Indicator,)},
    ),
)

CHANNELS = (*OF_TENANTS, *INTERNAL)
"""All but ``referrals.dead-letters``, which holds no CloudEvents: see `document`."""
