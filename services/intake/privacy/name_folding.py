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

A caron makes sh, ch, zh (ISO 9); other diacritics are dropped. The form that a name has in another language is a
different name: Аляксандр, Александр and Alexander differ, and so do Олена and Elena. It is better to miss a match than
to take two people for one. Names in other scripts are compared as they are written.
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
_DOUBLED = re.compile(r"(.)\1+")
_IE = re.compile("i+[eo]")
_SEPARATORS = re.compile(r"[\s\-\u2010-\u2015.,;/_]+")


def canonical_name(text: str) -> str:
    """The parts of a name in canonical form and alphabetical order, since people are written in either order.

    Empty if nothing of the alphabet is left. Applied to its own result it changes nothing.
    """
    return " ".join(sorted(filter(None, map(_canonical_part, _SEPARATORS.split(text)))))


def _canonical_part(text: str) -> str:
    latin = _transliterated(text)
    for pair, form in _PAIRS:
        latin = latin.replace(pair, form)
    once = _DOUBLED.sub(r"\1", latin.translate(_SINGLE))
    return _DOUBLED.sub(r"\1", _IE.sub("e", once))


def _transliterated(text: str) -> str:
    """Lower-case Latin. Of those with a caron only š, č and ž remain, which are folded later."""
    composed = unicodedata.normalize("NFC", unicodedata.normalize("NFKC", text).casefold())
    latin = composed.translate(_TRANSLITERATION)
    return "".join(map(_without_diacritics, latin)).translate(_TRANSLITERATION)


@lru_cache(maxsize=1_000)
def _without_diacritics(character: str) -> str:
    """The character without diacritics; empty if it is not of an alphabet."""
    if character in "šžč":
        return character
    return "".join(filter(_is_alphabetic, unicodedata.normalize("NFD", character)))


def _is_alphabetic(character: str) -> bool:
    """False for combining marks, and for modifiers such as the Ukrainian apostrophe."""
    return unicodedata.category(character) in {"Ll", "Lo", "Lt", "Lu"}
