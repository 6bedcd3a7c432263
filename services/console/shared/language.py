"""The languages of the sentences that explain a decision or a status."""

from enum import StrEnum


class Language(StrEnum):
    """A language of sentences, as ISO 639 code."""

    EN = "en"
    RU = "ru"
    BE = "be"
