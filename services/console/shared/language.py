"""The languages in which sentences can be read."""

from enum import StrEnum


class Language(StrEnum):
    """In which matching’s sentences are read."""

    EN = "en"
    RU = "ru"
    BE = "be"
