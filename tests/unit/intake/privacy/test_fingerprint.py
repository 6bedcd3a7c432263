"""When a person is recognised, and when not."""

from typing import Any

import pytest

from contracts.agency import Consent, Person
from contracts.profiles import IdentityFingerprint
from contracts.words import PersonalField
from services.intake.domain.consent import may_link
from services.intake.privacy.fingerprint import canonical_phone, fingerprint_key, fingerprint_of
from services.intake.privacy.name_folding import canonical_name
from tests.support.intake_world import body, consent, person

KEY = fingerprint_key(b"s" * 32)
OPEN = consent(PersonalField.NAME)


def fingerprint(consent: Consent = OPEN, key: bytes = KEY, **changes: Any) -> IdentityFingerprint:
    return fingerprint_of(key, Person.model_validate(person(**changes)), consent)


@pytest.mark.parametrize(
    "spellings",
    [
        "Иван Иванов|Іван Іванов|Ivan Ivanov|IVAN  IVANOV|Ivanov, Ivan",
        "Максім|Максим|Maksim|Maxim|Maksym",
        "Наталля|Наталья|Наталія|Natallia|Natalia|Nataliya|Natalija",
        "Юлия|Юлія|Yulia|Iuliia|Yuliya|Julija",
        "Евгений|Yevgeniy|Evgenii|Evgeny",
        "Сергій|Serhii|Sergiy|Serhiy",
        "Ганна|Hanna|Ganna",
        "Дмитрий|Dmitriy|Dmitrii|Dmitry|Dmitri",
        "Анна-Мария|Maria Anna|Anna Mariia",
        "Шевченко|Shevchenko|Ševčenko",
        "Щербак|Shcherbak",
        "Фёдор|Федор|Fedor|Fyodor|Fjodor",
        "Пётр|Petr|Piotr|Pyotr",
        "Кавалёва Святлана|Kavaliova Sviatlana|KAVALEVA SVIATLANA|Kavalyova Sviatlana",
        "Зеленський|Zelenskyi|Zelensky|Зеленский|Zelenskiy",
        "Мар'яна|Марʼяна|Mariana|Maryana",
        "محمد|محمد",
    ],
)
def test_spellings_of_one_name_are_the_same(spellings: str) -> None:
    assert len({canonical_name(each) for each in spellings.split("|")}) == 1


@pytest.mark.parametrize(
    "names",
    [
        "Аляксандр|Александр|Alexander",
        "Олена|Elena",
        "Хаврошин|Гаврошин",
        "Иван Петров|Иван Петренко",
        "Анна|Инна",
        "Шура|Сура",
    ],
)
def test_different_names_stay_different(names: str) -> None:
    assert len({canonical_name(each) for each in names.split("|")}) == len(names.split("|"))


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("+375 29 765-43-21", "375297654321"),
        ("00375297654321", "375297654321"),
        ("375 (29) 765.43.21", "375297654321"),
        ("8 (029) 765 43 21", "375297654321"),
        ("8 912 345 67 89", "79123456789"),
        ("+7 912 345 67 89", "79123456789"),
        ("+48 601 234 567", "48601234567"),
        ("050 123 45 67", ""),  # Ukrainian, or that of many other countries
        ("+0 12 34 56 78", ""),
        ("+375", ""),
        ("call in the evening", ""),
        ("+375 29 765 43 21 or 22", ""),
    ],
)
def test_a_phone_counts_where_its_country_is_known(text: str, digits: str) -> None:
    assert canonical_phone(text) == digits


NOWHERE: dict[str, Any] = {"may_contact": False, "phone": None, "email": None}


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "Canaria"},
        {"name": None},
        {"birth_date": None, "age_band": "18-59"},
        {"contact": NOWHERE},
        {"contact": {**NOWHERE, "phone": "ask her sister"}},
    ],
)
def test_less_than_name_birth_date_and_phone_gives_no_fingerprint(changes: dict[str, Any]) -> None:
    assert fingerprint(**changes).person is None


def test_each_of_the_three_distinguishes_people() -> None:
    others = [
        {"name": "Canario Lopez"},
        {"birth_date": "1988-02-04"},
        {"contact": {**NOWHERE, "phone": "+375297654322"}},
    ]
    assert len({fingerprint(**changes).person for changes in ({}, *others)} - {None}) == 4


def test_a_person_is_recognised_in_every_spelling() -> None:
    again = fingerprint(name="LOPEZ Canaria", case_code=None, contact={**NOWHERE, "phone": "80297654321"})
    assert again == fingerprint()


def test_without_consent_to_release_the_name_there_is_no_fingerprint() -> None:
    for closed in (consent(PersonalField.NAME, recipients=["provider-1"]), consent(PersonalField.CONTACT)):
        assert not may_link(closed)
        assert fingerprint(consent=closed).person is None


def test_a_fingerprint_contains_nothing_plain_and_needs_the_key() -> None:
    text = fingerprint().model_dump_json()
    assert fingerprint(key=fingerprint_key(b"t" * 32)) != fingerprint()
    plain = body()["person"]
    for each in (plain["name"], plain["birth_date"], "canaria", "1988", "7654321"):
        assert each not in text
