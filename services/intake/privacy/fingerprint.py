"""The identity fingerprint: a keyed hash of name, sex, birth date and phone by which a person can be recognised.

How strong a match is follows Fellegi and Sunter (1969): a field that agrees weighs log2(m/u), where u is the chance
that it agrees for two different people. A birth date weighs about 14 bits, a full name 13 to 16 (common names less)
and a phone 20 or more; one true pair among a hundred thousand people costs 17. Name and birth date alone leave some
tens of false pairs in such a population. So a **match needs all of them**. People who agree in less are served as
different people.

A family shares its phone and a part of its names, so what distinguishes its members must not be folded away:

- **Sex.** One canonical name may belong to a man and to a woman (see `name_folding`), so the sex must be equal. Where
  it is undisclosed, nobody knows whether it is, and the names must be equal character by character after
  transliteration, in the same order.
- **A date given for want of another.** Many displaced people, and all children of some families, were registered as
  born on 1 January (in Iraq on 1 July). Such a day distinguishes nobody, so there, too, the names must be equal
  character by character, in either order.
- **A name that is none** ("Unknown", "Baby", "XXX"; see `placeholder_names`) makes no fingerprint.

The fingerprint is the same for all agencies, so it is made only if consent grants the name to any recipient. It stays
on intake's inbox and in intake's database; plain identifiers leave the gate only sealed. The key is derived from
intake's id secret for this purpose, so that fingerprints and ids cannot be confused. Without the key nobody can try
out names.
"""

import hmac
import re
from datetime import date

from contracts.agency import Consent, Person
from contracts.profiles import IdentityFingerprint
from contracts.words import Sex

from ..domain.consent import may_link
from .name_folding import canonical_name, transliterated_parts
from .placeholder_names import is_full_name

_PURPOSE = b"referral-routing/identity-marks"
_LENGTH = 32
"""Hex digits of a fingerprint: 128 bits."""

_DEFAULT_DAYS = frozenset({(1, 1), (7, 1)})
"""Month and day of birth dates that registrars give where the day is unknown."""

_COUNTRIES = (("375", 12), ("380", 12), ("7", 11), ("48", 11), ("370", 11), ("371", 11), ("373", 11))
"""Country codes with the length of their numbers, for numbers that are international without a plus (ITU-T E.164)."""


def fingerprint_key(id_secret: bytes) -> bytes:
    """The key of all fingerprints, 32 bytes."""
    return hmac.digest(id_secret, _PURPOSE, "sha256")


def fingerprint_of(key: bytes, person: Person, consent: Consent) -> IdentityFingerprint:
    """The person's fingerprint. It is empty without a full name, a birth date, a phone, or consent."""
    name = person.name or ""
    phone = canonical_phone(person.contact.phone or "")
    if not (person.birth_date and phone and is_full_name(name) and may_link(consent)):
        return IdentityFingerprint()
    day = person.birth_date
    compared = _compared_name(name, person.sex, day)
    fields = f"person|{compared}|{person.sex.value}|{day.isoformat()}|{phone}"  # none of them can contain a bar
    return IdentityFingerprint(person=hmac.digest(key, fields.encode(), "sha256").hex()[:_LENGTH])


def _compared_name(name: str, sex: Sex, day: date) -> str:
    if sex is Sex.UNDISCLOSED:
        return " ".join(transliterated_parts(name))
    if (day.month, day.day) in _DEFAULT_DAYS:
        return " ".join(sorted(transliterated_parts(name)))
    return canonical_name(name)


def canonical_phone(text: str) -> str:
    """E.164 digits without the plus; empty if the country is unclear or the text is not a number.

    International numbers begin with a plus, with 00, or with a country code if the length leaves no doubt. Two domestic
    forms are accepted because no other country's numbers look like them: Belarusian 80 and nine digits, and Russian 8
    and ten digits that do not begin with 0.
    """
    compact = re.sub(r"[\s().\-\u2010-\u2015/]", "", text)
    if not re.fullmatch(r"\+?[0-9]+", compact):
        return ""
    digits = compact.removeprefix("+")
    if compact.startswith(("+", "00")):
        digits = digits.removeprefix("00")
        return digits if 8 <= len(digits) <= 15 and digits[0] != "0" else ""
    if len(digits) == 11 and digits.startswith("80"):
        return f"375{digits[2:]}"
    if len(digits) == 11 and digits.startswith("8"):
        return f"7{digits[1:]}"
    return digits if any(digits.startswith(code) and len(digits) == size for code, size in _COUNTRIES) else ""
