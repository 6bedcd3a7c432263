"""The mark by which a person can be known again: a keyed hash of name, birth date and phone, made at the gate.

What counts as strong follows Fellegi and Sunter (1969): a field that agrees weighs log2(m/u), with u the chance that it
agrees for two different people. Roughly, a birth date weighs 14 bits, a full name 13 to 16 (common ones less), a phone
20 or more; one true pair among a hundred thousand people costs 17. Name and birth date alone leave some tens of false
pairs in such a population (many displaced people were given the first of January), and a phone is shared by a family,
so **strong is all three**. Whoever agrees in less is served as somebody else.

The mark is the same for all agencies, so it is made only where consent lets the name be known to any recipient. Plain
identifiers leave the gate sealed only. The key derives from intake's id secret, so that marks and ids can't be mistaken
for each other; who hasn't got it can't try names. Marks stay on intake's inbox and in its database.
"""

import hmac
import re

from contracts.agency import Consent, Person
from contracts.intake import IdentityFingerprint

from ..domain.grants import may_link
from .name_folding import name_of

_PURPOSE = b"referral-routing/identity-marks"
_LENGTH = 32
"""Hex digits of a mark: 128 bits."""

_COUNTRIES = (("375", 12), ("380", 12), ("7", 11), ("48", 11), ("370", 11), ("371", 11), ("373", 11))
"""Country codes, and digits in all, of numbers that are taken for international without a plus (ITU-T E.164)."""


def marking_key(id_secret: bytes) -> bytes:
    """The key of all marks."""
    return hmac.digest(id_secret, _PURPOSE, "sha256")


def marks_of(key: bytes, person: Person, consent: Consent) -> IdentityFingerprint:
    """What this person is known again by: nothing without a full name, a birth date, a phone, and consent."""
    name = name_of(person.name or "")
    phone = phone_of(person.contact.phone or "")
    is_full = " " in name  # one name alone is no name to know a person by
    if not (is_full and person.birth_date and phone and may_link(consent)):
        return IdentityFingerprint()
    fields = f"person|{name}|{person.birth_date.isoformat()}|{phone}"  # none of them can hold a bar
    return IdentityFingerprint(person=hmac.digest(key, fields.encode(), "sha256").hex()[:_LENGTH])


def phone_of(text: str) -> str:
    """E.164 digits without the plus; empty where the country can't be told, or it is no number.

    International with a plus, with 00, or bare where the length leaves no doubt; and the two domestic forms that no
    other country's numbers look like: Belarusian 80 and nine digits, Russian 8 and ten that don't begin with 0.
    """
    whole = re.sub(r"[\s().\-\u2010-\u2015/]", "", text)
    if not re.fullmatch(r"\+?[0-9]+", whole):
        return ""
    digits = whole.removeprefix("+")
    if whole.startswith(("+", "00")):
        digits = digits.removeprefix("00")
        return digits if 8 <= len(digits) <= 15 and digits[0] != "0" else ""
    if len(digits) == 11 and digits.startswith("80"):
        return f"375{digits[2:]}"
    if len(digits) == 11 and digits.startswith("8"):
        return f"7{digits[1:]}"
    return digits if any(digits.startswith(code) and len(digits) == size for code, size in _COUNTRIES) else ""
