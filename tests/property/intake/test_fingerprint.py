"""Names and phone numbers have one canonical form in every spelling, and a canonical form does not change."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from services.intake.privacy.fingerprint import canonical_phone
from services.intake.privacy.name_folding import canonical_name

NAMES = st.text(max_size=40)
_ALPHABET = "абвгґдеёєжзиіїйклмнопрстуўфхцчшщъыьэюяABCDEFGHIJKLMNOPQRSTUVWXYZšžčłüéñß'’ -\u0301"
LIKELY = st.text(st.sampled_from(_ALPHABET), max_size=30)


@given(st.one_of(NAMES, LIKELY))
def test_a_canonical_name_does_not_change(name: str) -> None:
    assert canonical_name(canonical_name(name)) == canonical_name(name)


@given(st.lists(LIKELY, max_size=4), st.randoms(use_true_random=False), st.sampled_from([" ", "  ", "-", ", ", "\t"]))
def test_the_order_of_parts_and_their_separators_do_not_matter(parts: list[str], chance: object, gap: str) -> None:
    mixed = list(parts)
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    assert canonical_name(gap.join(mixed)) == canonical_name(" ".join(parts))


@given(LIKELY)
def test_case_does_not_matter(name: str) -> None:
    assert canonical_name(name.upper()) == canonical_name(name.lower()) == canonical_name(name)


@given(st.text(st.sampled_from("abdefgiklmnoprtuv "), max_size=20), st.sampled_from("\u0300\u0301\u0308\u0327\u0328"))
def test_diacritics_do_not_matter(name: str, accent: str) -> None:
    accented = "".join(each + accent if each.isalpha() else each for each in name)
    assert canonical_name(accented) == canonical_name(name)
    assert canonical_name(unicodedata.normalize("NFC", accented)) == canonical_name(name)


@given(
    st.from_regex(r"[1-9][0-9]{7,14}", fullmatch=True),
    st.lists(st.integers(0, 14), max_size=5),
    st.sampled_from(" -.()"),
)
def test_a_number_is_its_digits(digits: str, places: list[int], separator: str) -> None:
    written = digits
    for place in places:
        written = written[:place] + separator + written[place:]
    assert canonical_phone(f"+{written}") == canonical_phone(f"00{written}") == digits
    assert canonical_phone("+" + canonical_phone(f"+{written}")) == digits
