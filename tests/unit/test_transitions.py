"""The tables of states in ``contracts/README.md`` match the code."""

import pytest

from contracts.words import Answer, Lifecycle
from services.notification.domain.transitions import NEXT
from tests.tools.readme_states import NOTHING, README, needs, offers, statuses, written


def test_readme_has_the_current_tables() -> None:
    text = README.read_text()
    assert written(text) == text, "run make table"


def test_a_readme_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="make table"):
        written("# Nothing here")


def test_every_answer_and_every_state_has_a_row() -> None:
    head, *rows = offers()
    assert head[1:-1] == [state.value for state in NEXT]
    assert {row[0].strip("`") for row in rows} >= {answer.value for answer in Answer}
    assert {row[0].strip("*") for row in list(statuses())[1:]} == {state.value for state in Lifecycle}


def test_nothing_changes_after_an_end() -> None:
    assert {row[-1] for row in [*list(offers())[1:], *list(needs())[1:]]} == {NOTHING}
