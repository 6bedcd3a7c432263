"""README's tables of states are those of the code."""

import pytest

from contracts.words import Answer, Lifecycle
from services.notification.domain.state import NEXT
from tests.tools.readme_states import NOTHING, README, needs, offers, told, written


def test_readme_has_the_tables_of_now() -> None:
    text = README.read_text()
    assert written(text) == text, "run make table"


def test_a_readme_without_a_place_for_them_is_said_to_have_none() -> None:
    with pytest.raises(ValueError, match="make table"):
        written("# Nothing here")


def test_every_answer_and_every_state_stands_in_them() -> None:
    head, *rows = offers()
    assert head[1:-1] == [state.value for state in NEXT]
    assert {row[0].strip("`") for row in rows} >= {answer.value for answer in Answer}
    assert {row[0].strip("*") for row in list(told())[1:]} == {state.value for state in Lifecycle}


def test_an_end_is_final() -> None:
    assert {row[-1] for row in [*list(offers())[1:], *list(needs())[1:]]} == {NOTHING}
