"""One canonical form for the spellings of a name: Belarusian, Russian, Ukrainian, and what passports make of them.

The letters are those of ICAO Doc 9303, part 3, section 6.B (transliteration of Cyrillic), which the passports of all
three countries follow closely. On top of it, what those passports, BGN/PCGN and the Ukrainian resolution 55 of 2010
spell in different ways is folded together, in both scripts:

- y, j, и, й, і, ї, ы are i; ie, є, э are e (Yevgeniy, Evgenii); soft and hard signs and apostrophes are nothing;
- ё is e in Russian passports, io in Belarusian ones, yo elsewhere, and often written е: it is e (Пётр, Piotr, Petr);
- g and h are g (г is G from Russian, H from Belarusian and Ukrainian); kh, х, stay apart from them;
- x is ks, w is v, ph is f, th is t, c and q are k, tz is ts (Maxim, Maksim, Максім, Максим);
- a letter that is doubled counts once (Наталля, Наталья; Mariia, Maria).

Letters with a caron are sh, ch, zh (ISO 9); other diacritics are dropped. A name in a third language's form is another
name: Аляксандр, Александр and Alexander differ, and so do Олена and Elena. To miss one is better than to take two
people for one. What is written in other scripts is compared as it is.
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
_LETTERS = {ord(letter): form for letter, form in {**_CYRILLIC, **_LATIN}.items()}

_PAIRS = (("sh", "š"), ("ch", "č"), ("zh", "ž"), ("kh", "χ"), ("ph", "f"), ("th", "t"), ("tz", "ts"))
_SINGLE = str.maketrans({"x": "ks", "c": "k", "q": "k", "h": "g", "w": "v", "y": "i", "j": "i"})
_DOUBLED = re.compile(r"(.)\1+")
_IE = re.compile("i+[eo]")
_APART = re.compile(r"[\s\-\u2010-\u2015.,;/_]+")


def name_of(text: str) -> str:
    """The parts of a name in canonical form, in alphabetical order: their order as written tells nothing.

    Empty where no letters are left. Whoever has applied it once may apply it again: nothing changes any more.
    """
    return " ".join(sorted(filter(None, map(_part, _APART.split(text)))))


def _part(text: str) -> str:
    letters = _letters(text)
    for pair, form in _PAIRS:
        letters = letters.replace(pair, form)
    once = _DOUBLED.sub(r"\1", letters.translate(_SINGLE))
    return _DOUBLED.sub(r"\1", _IE.sub("e", once))


def _letters(text: str) -> str:
    """Small Latin letters; with a caron only the three that the folds know."""
    composed = unicodedata.normalize("NFC", unicodedata.normalize("NFKC", text).casefold())
    spelled = composed.translate(_LETTERS)
    return "".join(map(_kept, spelled)).translate(_LETTERS)


@lru_cache(maxsize=1_000)
def _kept(each: str) -> str:
    """What is kept of a character."""
    return each if each in "šžč" else "".join(filter(_is_letter, unicodedata.normalize("NFD", each)))


def _is_letter(each: str) -> bool:
    """Not so: marks, and letters that only modify another, such as the Ukrainian apostrophe."""
    return unicodedata.category(each) in {"Ll", "Lo", "Lt", "Lu"}
