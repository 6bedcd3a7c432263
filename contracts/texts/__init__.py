"""Every code that an agency, a provider or an operator sees, in English, Russian and Belarusian.

The texts are gettext catalogues in this folder, one ``.po`` file for each language. The context is the vocabulary
(``what``, ``next``, ``declined``, …), and the id is the code. The files are read directly; nothing is compiled.
`VOCABULARIES` lists the codes that need a text, and a test compares the two.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache, lru_cache
from importlib import resources
from typing import get_args

from babel.messages.pofile import read_po

from ..agency import ReferralWithdrawn
from ..words import (
    Answer,
    AnswerFault,
    Behind,
    Change,
    DeclineCode,
    Happening,
    Lifecycle,
    NextStep,
    NotDeliveredCode,
    Rule,
)

LANGUAGES = ("en", "ru", "be")
"""ISO 639-1 codes."""

_TERMS = frozenset({"distance", "language", "preference", "free-share", "price"})

VOCABULARIES: Mapping[str, frozenset[str]] = {
    "format": frozenset({"time", "reason", "next", "by", "none", "in-languages"}),
    "what": frozenset({*Lifecycle, "appointed", "no-show", "on-hold", *Happening}),
    "next": frozenset(NextStep),
    "declined": frozenset({*DeclineCode, "no-longer-needed"}),
    "not-delivered": frozenset(NotDeliveredCode),
    "unmet": frozenset({*Rule, "full", "attempts-exhausted", "no-place", "already-served"} - {Rule.PLACE}),
    "withdrawn": frozenset(
        {*get_args(ReferralWithdrawn.model_fields["reason"].annotation), "corrected", "consent-withdrawn"}
    ),
    "recalled": frozenset({"consent-changed", "consent-withdrawn", "do-not-contact"})
    | {Lifecycle.REVOKED, Lifecycle.NOT_DELIVERED, Lifecycle.EXPIRED},
    "revoked": frozenset({"withdrawn", "corrected", "superseded", "taken-by-another"}),
    "expired": frozenset({"undeliverable", "not-started"}),
    "waiting": frozenset({"already-served"}),
    "on-hold": frozenset({"missing-documents"}),
    "document": frozenset({"identity", "birth-certificate", "residence", "medical-record", "guardian-consent"})
    | {"proof-of-income", "referral-letter", "other"},
    "rule": frozenset({*Rule, "full"}),
    "answer": frozenset(
        {*Answer, "check-in", "appointment-proposed", "appointment-moved", "appointment-kept", "no-show"}
    ),
    "answer-fault": frozenset({*AnswerFault, "too-often"}),
    "explained": frozenset({"chosen", "at-once", "assess", "considered", "most", "next", "closed"})
    | {"waiting", "held", "unmet"},
    "term": _TERMS,
    "worse": _TERMS,
    "better": _TERMS - {"free-share"},
    "behind": frozenset({*Behind, "lower-untold"}),
    "changed": frozenset(Change),
    "left": frozenset(Rule),
}
"""The codes of each vocabulary. The reasons of a state are under the name of the state; ``format`` builds sentences."""


@cache
def catalogue(language: str) -> Mapping[tuple[str, str], str]:
    """The texts of one language, by vocabulary and code. Raises `KeyError` when there is no such language."""
    if language not in LANGUAGES:
        raise KeyError(language)
    with resources.files(__name__).joinpath(f"{language}.po").open("rb") as file:
        entries = read_po(file, locale=language, abort_invalid=True)
    return {(entry.context or "", str(entry.id)): str(entry.string) for entry in entries if entry.id}


def text(vocabulary: str, code: str, language: str) -> str:
    """The text of a code. Raises `KeyError` when there is none."""
    return catalogue(language)[vocabulary, code]


def sentences(what: str, *, code: str | None, step: NextStep, by: datetime | None) -> dict[str, str]:
    """What happened, why, what comes next and by when, in each language. A `code` without a text is left out.

    Times are in UTC, to the minute.
    """
    return {language: _without_time(language, what, code, step) + _due(language, by) for language in LANGUAGES}


@lru_cache(maxsize=4096)
def _without_time(language: str, what: str, code: str | None, step: NextStep) -> str:
    words = catalogue(language)
    parts = [words["what", what]]
    reason = words.get((what, code)) if code else None
    if reason is not None:
        parts.append(words["format", "reason"].format(reason=reason))
    parts.append(words["format", "next"].format(next=words["next", step]))
    return " ".join(parts)


def _due(language: str, by: datetime | None) -> str:
    if by is None:
        return ""
    words = catalogue(language)
    return " " + words["format", "by"].format(by=by.astimezone(UTC).strftime(words["format", "time"]))
