"""What consent allows: who may be asked, who may see which field, and who may be recognised across agencies."""

from collections.abc import Iterable

from contracts.agency import Consent, Grant
from contracts.words import PersonalField


def granted(grants: Iterable[Grant], provider: str, may_contact: bool = True) -> list[PersonalField]:
    """The fields that consent lets this provider see, in a fixed order. Without `may_contact`, never `contact`."""
    fields = {
        field for grant in grants if grant.recipients == "any" or provider in grant.recipients for field in grant.fields
    }
    return [field for field in PersonalField if field in fields and (may_contact or field is not PersonalField.CONTACT)]


def recipients(grants: Iterable[Grant]) -> "list[str] | None":
    """The providers that may be asked at all; None for any."""
    named: set[str] = set()
    for grant in grants:
        if grant.recipients == "any":
            return None
        named.update(grant.recipients)
    return sorted(named)


def may_link(consent: Consent) -> bool:
    """Whether the person may be known again across agencies: the name is granted to any recipient."""
    return any(grant.recipients == "any" and PersonalField.NAME in grant.fields for grant in consent.grants)
