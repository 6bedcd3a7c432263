"""Why a service was chosen for a need, or was not."""

from enum import StrEnum


class Rule(StrEnum):
    """The rules that services are checked against, in the order of the elimination funnel."""

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
    """Why a service that can take a need was not chosen for it.

    ``lower-score``: the terms say by how much. ``equal``: only the id differs. ``assess-first``: one of its rules
    must be assessed first, and none of the chosen service's. ``same-provider``: several services are asked at once,
    and its provider is asked with a better one. The rest had no place for the need: ``full``; ``said-full`` (its
    provider said so, whatever is counted); ``others-first`` (needs that already wait for it have precedence); and
    ``kept`` (its places are used up once taken, and worth more to later needs).
    """

    LOWER_SCORE = "lower-score"
    EQUAL = "equal"
    ASSESS_FIRST = "assess-first"
    SAME_PROVIDER = "same-provider"
    FULL = "full"
    SAID_FULL = "said-full"
    OTHERS_FIRST = "others-first"
    KEPT = "kept"

    @property
    def closed(self) -> bool:
        """Whether it had no place for the need, so that it was not ranked."""
        return self in (Behind.FULL, Behind.SAID_FULL, Behind.OTHERS_FIRST, Behind.KEPT)


class Change(StrEnum):
    """One change that would have led to another choice, everything else being equal.

    ``place``: the service had free places for the need. ``more-places``: the service had more free places. ``turn``:
    no waiting need had precedence. ``preferred``: the person preferred this provider. ``not-preferred``: the person
    did not prefer the chosen provider. ``assessed``: rules of which it is unknown whether they are met were known to
    be met.
    """

    PLACE = "place"
    MORE_PLACES = "more-places"
    TURN = "turn"
    PREFERRED = "preferred"
    NOT_PREFERRED = "not-preferred"
    ASSESSED = "assessed"


class Wait(StrEnum):
    """How long a need would wait for a service. It is coarse, so that it reveals nothing of the needs that wait.

    ``none``: the service has a free place. ``short``: fewer needs wait before this one than the service has places.
    ``long``: more needs wait, or the service has reported that it has no capacity.
    """

    NONE = "none"
    SHORT = "short"
    LONG = "long"
