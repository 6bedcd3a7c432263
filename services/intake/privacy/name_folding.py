"""One canonical form for the spellings of a name: Belarusian, Russian, Ukrainian, and what passports make of them.

Cyrillic is transliterated by ICAO Doc 9303, part 3, section 6.B, which the passports of all three countries follow
closely. Where those passports, BGN/PCGN and the Ukrainian resolution 55 of 2010 differ, their spellings are folded
together, in both scripts:

- y, j, и, й, і, ї, ы become i; ie, є, э become e (Yevgeniy, Evgenii); soft and hard signs and apostrophes are dropped;
- ё is e in Russian passports, io in Belarusian ones, yo elsewhere, and often written е: it becomes e (Пётр, Piotr,
  Petr);
- g and h become g (г is G from Russian, H from Belarusian and Ukrainian); kh and х stay apart from them;
- x becomes ks, w becomes v, ph f, th t, c and q k, tz ts (Maxim, Maksim, Максім, Максим);
- a doubled character counts once (Наталля, Наталья; Mariia, Maria).

A caron makes sh, ch, zh (ISO 9). Other combining marks are dropped in Latin, Cyrillic, Greek, Hebrew and Arabic, where
a name is often written without them. In every other script a mark may be all that distinguishes two names: कमल is a
man and कमला a woman, たかし is not たがし. There nothing is dropped, and a doubled character counts twice.

The form that a name has in another language is a different name: Аляксандр, Александр and Alexander differ, and so do
Олена and Elena. It is better to miss a match than to take two people for one. Even so, a man and a woman may have one
canonical form: Mario and Marie, René and Renée, José María and María José. So whoever compares canonical names must
compare the sex as well.
"""

import re
import unicodedata
from functools import lru_cache

_CYRILLIC = dict(zip("абвгґдезиійїклмнопрстуўфэєёы", "abvggdeziiiiklmnoprstuufeeei", strict=True)) | {
    "ж": "ž",
    "х": "χ",
    "ц": "ts",
    "ч": "č",
    "ш": "š",
    "щ": "šč",
    "ю": "iu",
    "я": "ia",
    "ь": "",
    "ъ": "",
}
_LATIN = dict(zip("łđøßæœıþðšžč", ("l", "d", "o", "ss", "ae", "oe", "i", "t", "d", "š", "ž", "č"), strict=True))
_TRANSLITERATION = {ord(character): form for character, form in {**_CYRILLIC, **_LATIN}.items()}

_PAIRS = (("sh", "š"), ("ch", "č"), ("zh", "ž"), ("kh", "χ"), ("ph", "f"), ("th", "t"), ("tz", "ts"))
_SINGLE = str.maketrans({"x": "ks", "c": "k", "q": "k", "h": "g", "w": "v", "y": "i", "j": "i"})
_DOUBLED = re.compile(r"([a-zšžčχ])\1+")
_IE = re.compile("i+[eo]")
_SEPARATORS = re.compile(r"[\s\-\u2010-\u2015.,;/_]+")
_OPTIONAL_MARKS = frozenset({"LATIN", "CYRILLIC", "GREEK", "HEBREW", "ARABIC"})
"""Scripts in which combining marks are dropped, as Unicode's character names begin."""


def canonical_name(text: str) -> str:
    """The parts of a name in canonical form and alphabetical order, since people are written in either order.

    Empty if nothing of the alphabet is left. Applied to its own result it changes nothing.
    """
    return " ".join(sorted(filter(None, map(_canonical_part, name_parts(text)))))


def transliterated_parts(text: str) -> list[str]:
    """The parts of a name in their order, in Latin script, character by character.

    Unlike in the canonical form, no character is dropped for its neighbour: Marie is not Mario, nor Renée René.
    """
    return list(filter(None, map(_unfolded, name_parts(text))))


def name_parts(text: str) -> list[str]:
    """The parts of a name as they are written: given names, family names, initials."""
    return list(filter(None, _SEPARATORS.split(text)))


def _canonical_part(text: str) -> str:
    once = _DOUBLED.sub(r"\1", _unfolded(text))
    return _DOUBLED.sub(r"\1", _IE.sub("e", once))


def _unfolded(text: str) -> str:
    latin = _transliterated(text)
    for pair, form in _PAIRS:
        latin = latin.replace(pair, form)
    return latin.translate(_SINGLE)


def _transliterated(text: str) -> str:
    """Lower-case Latin. Of those with a caron only š, č and ž remain, which are folded later."""
    spelled = "".join(filter(_is_spelling, unicodedata.normalize("NFKC", text).casefold()))
    latin = unicodedata.normalize("NFC", spelled).translate(_TRANSLITERATION)
    return _without_optional_marks(latin).translate(_TRANSLITERATION)


def _without_optional_marks(text: str) -> str:
    kept: list[str] = []
    drops = True  # a mark before any character of the alphabet belongs to none
    for character in text:
        if not is_mark(character):
            drops = _script(character) in _OPTIONAL_MARKS
            kept.append(_base(character) if drops else unicodedata.normalize("NFD", character))
        elif not drops:
            kept.append(character)
    return "".join(kept)


@lru_cache(maxsize=1_000)
def _base(character: str) -> str:
    """The character without diacritics, except for the caron of š, č and ž."""
    if character in "šžč":
        return character
    return "".join(each for each in unicodedata.normalize("NFD", character) if not is_mark(each))


@lru_cache(maxsize=1_000)
def _is_spelling(character: str) -> bool:
    """Whether a character is part of how a name is spelled. An apostrophe and an Arabic tatweel are not.

    Among the "modifiers" of Unicode are these two, and characters that make another name: 佐々木 is not 佐木.
    """
    category = unicodedata.category(character)
    if category == "Lm":
        return _script(character) not in _OPTIONAL_MARKS | {"MODIFIER"}
    return category in {"Ll", "Lo", "Lt", "Lu"} or is_mark(character)


def is_mark(character: str) -> bool:
    """Whether it is a combining mark: a diacritic, or a vowel sign."""
    return unicodedata.category(character) in {"Mn", "Mc"}


def _script(character: str) -> str:
    return unicodedata.name(character, "").split(" ")[0]
