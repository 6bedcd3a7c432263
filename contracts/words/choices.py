"""Why a service was chosen for a need, and another not."""

from enum import StrEnum


class Rule(StrEnum):
    """The rules a service is checked against, in the order of the elimination funnel."""

    CATEGORY = "category"
    TENANT = "tenant"
    OPEN = "open"
    STALE = "stale"
    CONSENT = "consent"
    AREA = "area"
    AGE = "age"
    SEX = "sex"
    LANGUAGE = "language"
    HOUSEHOLD = "household"
    STATUS = "status"
    EXCLUSION = "exclusion"
    CONDITIONS = "conditions"
    DOCUMENTS = "documents"
    RULED_OUT = "ruled-out"
    FULL = "full"
    PLACE = "place"


class Behind(StrEnum):
    """Why a service that can take a need stands behind the one that was chosen for it.

    ``lower-score``: the terms say by how much. ``equal``: no difference but the id. ``assess-first``: somebody has to
    look closer at one of its rules, and at the chosen one nobody has to. ``same-provider``: several are asked at
    once, and its provider is, with a better service. ``accepts-less``: its score is no lower, by a hair at most
    higher, and it has accepted a smaller share of what it was offered lately. ``seldom-accepts``: a very small one,
    and there are others. The rest had no place for it: ``full``, ``said-full`` (whatever we count, it has said so),
    ``others-first`` (who waits for it already has a better claim to what is free) and ``kept`` (its places are used
    up once taken, and worth more to those to come).
    """

    LOWER_SCORE = "lower-score"
    EQUAL = "equal"
    ASSESS_FIRST = "assess-first"
    SAME_PROVIDER = "same-provider"
    ACCEPTS_LESS = "accepts-less"
    SELDOM_ACCEPTS = "seldom-accepts"
    FULL = "full"
    SAID_FULL = "said-full"
    OTHERS_FIRST = "others-first"
    KEPT = "kept"

    @property
    def closed(self) -> bool:
        """True where it had no place for the need, so that it was not ranked at all."""
        return self in (Behind.FULL, Behind.SAID_FULL, Behind.OTHERS_FIRST, Behind.KEPT)


class Change(StrEnum):
    """What would have led to another choice, all else being as it was.

    ``place``: so many places free at a service that had none for it. ``more-places``: so many free at one that had
    fewer. ``turn``: nobody waiting for the service with a better claim. ``preferred``: the person's preferring its
    provider. ``not-preferred``: the person's not preferring the provider chosen. ``assessed``: knowing that those of
    the service's rules are met of which nobody could tell.
    """

    PLACE = "place"
    MORE_PLACES = "more-places"
    TURN = "turn"
    PREFERRED = "preferred"
    NOT_PREFERRED = "not-preferred"
    ASSESSED = "assessed"


class Wait(StrEnum):
    """How long a service that could take a need would let it wait. Coarse: it tells nothing of those who wait.

    ``none``: it has a place now. ``short``: fewer wait before the need than the service has places. ``long``: more,
    or the service has said that it has no capacity.
    """

    NONE = "none"
    SHORT = "short"
    LONG = "long"
