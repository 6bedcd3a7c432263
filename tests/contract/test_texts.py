"""The texts of codes are complete in every language, and none is left over."""

import re
from datetime import UTC, datetime
from importlib import resources

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

from contracts import texts
from contracts.texts import LANGUAGES, VOCABULARIES, catalogue, sentences, text
from contracts.words import DeclineCode, Lifecycle, NextStep
from services.matching.domain import facts
from services.matching.ranking.score import WEIGHTS_OF

CODES = {(vocabulary, code) for vocabulary, codes in VOCABULARIES.items() for code in codes}
PLACEHOLDER = re.compile(r"\{[^}]*\}|%[a-zA-Z]")
CYRILLIC = re.compile("[а-яёіў]", re.IGNORECASE)
BY = datetime(2026, 3, 1, 12, tzinfo=UTC)


def parsed(language: str) -> Catalog:
    with resources.files(texts).joinpath(f"{language}.po").open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_every_code_and_no_other(language: str) -> None:
    entries = [(entry.context, entry.id) for entry in parsed(language) if entry.id]
    assert len(set(entries)) == len(entries)
    assert set(entries) == CODES
    assert set(catalogue(language)) == CODES


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_empty_fuzzy_or_obsolete(language: str) -> None:
    entries = parsed(language)
    assert not entries.obsolete
    for entry in entries:
        assert not entry.fuzzy or not entry.id, entry.id
        assert str(entry.string).strip() == str(entry.string) != "" or not entry.id, entry.id


def test_all_languages_have_the_same_placeholders() -> None:
    for vocabulary, code in CODES - {("format", "time")}:
        placeholders = {tuple(sorted(PLACEHOLDER.findall(text(vocabulary, code, language)))) for language in LANGUAGES}
        assert len(placeholders) == 1, (vocabulary, code)
    for language in LANGUAGES:
        assert sorted(PLACEHOLDER.findall(text("format", "time", language))) == ["%H", "%M", "%Y", "%d", "%m"]


def test_each_language_is_written_in_its_own_alphabet() -> None:
    for vocabulary, code in CODES - {("format", "time")}:
        english, russian, belarusian = (text(vocabulary, code, language) for language in LANGUAGES)
        assert not CYRILLIC.search(english)
        assert CYRILLIC.search(russian)
        assert CYRILLIC.search(belarusian)
        assert not re.search("[іўІЎ]", russian), russian
        assert not re.search("[ищъИЩЪ]", belarusian), belarusian
        assert not re.search("[A-Za-z]", PLACEHOLDER.sub("", russian + belarusian)), code


def test_sentences_end_with_a_full_stop_and_parts_of_sentences_do_not() -> None:
    for language in LANGUAGES:
        for vocabulary, code in CODES:
            sentence = text(vocabulary, code, language)
            if vocabulary in ("what", "answer-fault", "explained", "changed"):
                assert sentence.endswith("."), sentence
                assert sentence[0].isupper(), sentence
            elif vocabulary != "format":
                assert not sentence.endswith("."), sentence
                assert sentence[0].islower(), sentence


def test_every_cause_of_matching_has_a_text() -> None:
    assert {facts.ATTEMPTS_EXHAUSTED, facts.NO_PLACE} <= VOCABULARIES["unmet"]


def test_every_term_of_the_score_has_texts() -> None:
    assert (
        VOCABULARIES["term"] == VOCABULARIES["worse"] == {"price", *(term for of in WEIGHTS_OF.values() for term in of)}
    )


def test_a_status_is_put_into_a_few_sentences() -> None:
    by_language = sentences("declined", code="no-capacity", step=NextStep.SYSTEM_MATCHES, by=None)
    assert by_language == {
        "en": "The request has been declined. Reason: there are no free places. "
        "Next: a suitable service is being looked for.",
        "ru": "Запрос отклонён. Причина: нет свободных мест. Дальше: идёт поиск подходящей услуги.",
        "be": "Запыт адхілены. Прычына: няма свабодных месцаў. Далей: ідзе пошук прыдатнай паслугі.",
    }


def test_times_are_in_utc() -> None:
    by_language = sentences("offered", code=None, step=NextStep.PROVIDER_ACKNOWLEDGES, by=BY)
    assert by_language["en"].endswith("Due by 2026-03-01 12:00 UTC.")
    assert by_language["be"].endswith("Тэрмін: да 01.03.2026 12:00 UTC.")


def test_a_code_without_a_text_is_left_out() -> None:
    assert sentences("declined", code="of-tomorrow", step=NextStep.NOTHING, by=None) == sentences(
        "declined", code=None, step=NextStep.NOTHING, by=None
    )
    with pytest.raises(KeyError):
        text("declined", "of-tomorrow", "en")
    with pytest.raises(KeyError):
        catalogue("../en")


@given(
    st.sampled_from(sorted(VOCABULARIES["what"])),
    st.none() | st.sampled_from([*DeclineCode, *Lifecycle]),
    st.sampled_from(list(NextStep)),
    st.none() | st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.timezones()),
)
def test_every_status_is_complete_in_all_languages(
    what: str, code: str | None, step: NextStep, by: datetime | None
) -> None:
    by_language = sentences(what, code=code, step=step, by=by)
    assert set(by_language) == set(LANGUAGES)
    for language, sentence in by_language.items():
        assert sentence.startswith(text("what", what, language))
        assert text("next", step, language) in sentence
        assert "{" not in sentence
        assert sentence.endswith(".")
