"""Two people of one family never have one fingerprint; one person has one in every spelling of the name."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.agency import Person
from contracts.profiles import IdentityFingerprint
from contracts.words import Category, PersonalField, Sex
from services.intake.domain.deduplication import row_of
from services.intake.privacy.fingerprint import fingerprint_key, fingerprint_of
from services.intake.privacy.placeholder_names import PLACEHOLDER_PHRASES, PLACEHOLDERS
from tests.support.intake_world import consent, person
from tests.support.names import FAMILIES, SPELLINGS, WrittenName

KEY = fingerprint_key(b"s" * 32)
OPEN = consent(PersonalField.NAME)

DATES = st.dates(date(1930, 1, 1), date(2026, 1, 1))
DEFAULT_DATES = st.builds(date, st.integers(1930, 2026), st.sampled_from((1, 7)), st.just(1))
BIRTH_DATES = st.one_of(DATES, DEFAULT_DATES)
PHONES = st.from_regex(r"\+37529[1-9][0-9]{6}", fullmatch=True)
REAL_DATES = DATES.filter(lambda day: (day.month, day.day) not in {(1, 1), (7, 1)})
SEXES = st.sampled_from(list(Sex))

FOLDED = [
    ("Mario Rossi", "Marie Rossi"),
    ("Michelle Conti", "Michele Conti"),
    ("Renée Dupont", "Rene Dupont"),
    ("Гани Ахмедова", "Ганни Ахмедова"),
    ("Emilie Costa", "Emilio Costa"),
]
"""Names of one canonical form that may belong to two people."""
TRANSLITERATED = [
    ("Аляксей Навіцкі", "NAVITSKI ALIAKSEI"),
    ("Иван Петров", "Petrov, Ivan"),
    ("Сергій Шевченко", "Serhii Shevchenko"),
    ("أحمد نوري", "نوري احمد"),
    ("José Núñez", "NUNEZ JOSE"),
]


def fingerprint(written: WrittenName, born: date, phone: str) -> IdentityFingerprint:
    whole: dict[str, Any] = person(
        name=written.name,
        sex=written.sex.value,
        birth_date=born.isoformat(),
        contact={"may_contact": True, "phone": phone},
    )
    return fingerprint_of(KEY, Person.model_validate(whole), OPEN)


@given(BIRTH_DATES, PHONES)
def test_two_people_of_one_family_have_two_fingerprints(born: date, phone: str) -> None:
    for one, other in FAMILIES:
        fingerprints = {fingerprint(each, born, phone).person for each in (one, other)}
        assert len(fingerprints) == 2, (one, other)


@given(REAL_DATES, PHONES)
def test_every_spelling_of_one_person_has_one_fingerprint(born: date, phone: str) -> None:
    for spellings in SPELLINGS:
        fingerprints = {fingerprint(each, born, phone).person for each in spellings}
        assert len(fingerprints) == 1, spellings
        assert None not in fingerprints, spellings


@given(REAL_DATES, PHONES)
def test_people_of_the_table_differ_from_each_other(born: date, phone: str) -> None:
    fingerprints = [fingerprint(spellings[0], born, phone).person for spellings in SPELLINGS]
    assert len({*fingerprints}) == len(SPELLINGS)


@given(st.sampled_from(FOLDED), DEFAULT_DATES, REAL_DATES, PHONES)
def test_a_birth_date_that_stands_for_none_does_not_decide_between_names_that_are_only_folded_together(
    names: tuple[str, str], default: date, real: date, phone: str
) -> None:
    one, other = (WrittenName(name, Sex.FEMALE) for name in names)
    assert fingerprint(one, real, phone) == fingerprint(other, real, phone)
    assert fingerprint(one, default, phone) != fingerprint(other, default, phone)


@given(st.sampled_from(TRANSLITERATED), BIRTH_DATES, PHONES)
def test_on_every_birth_date_a_person_is_recognised_in_another_script_and_order(
    names: tuple[str, str], born: date, phone: str
) -> None:
    one, other = (WrittenName(name, Sex.MALE) for name in names)
    assert fingerprint(one, born, phone) == fingerprint(other, born, phone)


@given(st.sampled_from(PLACEHOLDERS), st.sampled_from(PLACEHOLDERS), SEXES, BIRTH_DATES, PHONES)
def test_a_placeholder_in_any_language_makes_no_fingerprint(
    one: str, other: str, sex: Sex, born: date, phone: str
) -> None:
    for name in (f"{one} {one}", f"{one} {other}", f"{one} Petrova".upper(), f"Ahmad, {one.title()}"):
        assert fingerprint(WrittenName(name, sex), born, phone).person is None, name


@given(st.sampled_from(PLACEHOLDER_PHRASES), SEXES, BIRTH_DATES, PHONES)
def test_nor_does_a_phrase_that_stands_for_a_name(phrase: str, sex: Sex, born: date, phone: str) -> None:
    for name in (phrase, phrase.upper(), f"{phrase} {phrase}"):
        assert fingerprint(WrittenName(name, sex), born, phone).person is None, name


@given(
    st.lists(st.sampled_from("AXxNn?Иаم-क"), min_size=2, max_size=4),
    st.integers(1, 4),
    st.sampled_from(["Petrova", "Kumar", "احمد", ""]),
    BIRTH_DATES,
    PHONES,
)
def test_one_character_is_no_name(characters: list[str], times: int, surname: str, born: date, phone: str) -> None:
    name = " ".join([*(each * times for each in characters), surname])
    assert fingerprint(WrittenName(name, Sex.MALE), born, phone).person is None


@pytest.mark.parametrize(
    "name",
    ["Unknown Unknown", "UNKNOWN, Unknown", "n/a n/a", "N/A", "Неизвестно Неизвестно", "неизвестная Иванова",
     "Невядома Невядома", "Jane Doe", "Doe, John", "XXX XXX", "X Y", "غير معروف", "不详 不详", "FNU Ahmadi",
     "Baby Girl Lopez", "Новорождённый Иванов", "Neizvestno Neizvestno", "Test Test", "no name"],
)  # fmt: skip
def test_names_that_are_none(name: str) -> None:
    assert fingerprint(WrittenName(name, Sex.FEMALE), date(1990, 3, 4), "+375291234567").person is None


@pytest.mark.parametrize("name", ["Doe Kofi", "Ivan I. Ivanov", "Lê Hoa", "王 明", "Xu Li", "Ng Aung Oo", "Jo Nes"])
def test_short_and_rare_names_are_names(name: str) -> None:
    assert fingerprint(WrittenName(name, Sex.MALE), date(1990, 3, 4), "+375291234567").person is not None


def test_the_rows_of_the_duplicate_check_are_those_of_people() -> None:
    born, phone = date(2009, 5, 6), "+375291234567"
    rows = [{row_of(fingerprint(each, born, phone), Category.SHELTER) for each in people} for people in SPELLINGS]
    assert [len(each) for each in rows] == [1] * len(SPELLINGS), "one person has several rows"
    rows = [{row_of(fingerprint(each, born, phone), Category.SHELTER) for each in people} for people in FAMILIES]
    assert [len(each) for each in rows] == [2] * len(FAMILIES), "two people have one row"
