"""What a consent allows: which providers may be asked, what each may see, and whether a person may be recognised."""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from contracts.agency import Consent, Grant
from contracts.words import LegalBasis, PersonalField


def granted_fields(grants: Iterable[Grant], provider: str, may_contact: bool = True) -> list[PersonalField]:
    """The fields that the provider may see, in the order of `PersonalField`. Without `may_contact` never `contact`."""
    fields = {
        field for grant in grants if grant.recipients == "any" or provider in grant.recipients for field in grant.fields
    }
    return [field for field in PersonalField if field in fields and (may_contact or field is not PersonalField.CONTACT)]


def recipients(grants: Iterable[Grant]) -> Literal["any"] | list[str]:
    """The providers that may be asked, whether or not they may see a field."""
    providers: set[str] = set()
    for grant in grants:
        if grant.recipients == "any":
            return "any"
        providers.update(grant.recipients)
    return sorted(providers)


def may_link(consent: Consent) -> bool:
    """Whether the person may be recognised across agencies: the name is granted to any recipient."""
    return any(grant.recipients == "any" and PersonalField.NAME in grant.fields for grant in consent.grants)


def effective_from(consent: Consent, received_at: datetime) -> datetime:
    """When the consent took effect: when it was given, or received if that is earlier.

    So a consent that is dated in the future does not block a later one.
    """
    return min(consent.given_at, received_at)


def ends_needs(consent: Consent) -> bool:
    """Whether the needs end with it: consent was withdrawn, and there is no other legal basis (ICRC Handbook)."""
    return not consent.grants and consent.basis is LegalBasis.CONSENT
