"""What is published for analysts, and what is suppressed."""

from datetime import date, timedelta
from typing import Any

from contracts.words import Category
from services.outcomes.domain.indicators import PublicationRules, indicators
from tests.support.clock import START

RULES = PublicationRules()
SETTLED = RULES.as_of(START.date() + timedelta(days=1))


def row(state: str = "open", category: Category = Category.SHELTER, sent_at: Any = START, **later: str) -> Any:
    """The row of a need: its state at the start, and after so many hours (``h30="delivered"``)."""
    history = [{"at": sent_at.isoformat(), "category": category.value, "area": "BY-BR", "state": state}]
    for hours, later_state in later.items():
        at = sent_at + timedelta(hours=int(hours.removeprefix("h")))
        history.append({**history[0], "at": at.isoformat(), "state": later_state})
    return {"sent_at": sent_at.isoformat(), "history": history}


def counts(rows: list[Any], now: Any = SETTLED, rules: PublicationRules = RULES) -> dict[tuple[str, str], int | None]:
    return {(cell.category.value, cell.state): cell.count for _, cell in indicators(rows, rules, now)}


def test_a_cell_of_k_is_counted_and_a_smaller_one_is_null() -> None:
    rows = [row("delivered")] * 5 + [row("unmet")] * 4
    assert counts(rows) == {("shelter", "delivered"): 5, ("shelter", "unmet"): None}


def test_sensitive_categories_have_a_higher_threshold() -> None:
    for category in (Category.PROTECTION, Category.CHILD_PROTECTION, Category.GBV, Category.TRAFFICKING):
        assert counts([row(category=category)] * 9) == {(category.value, "open"): None}
        assert counts([row(category=category)] * 10) == {(category.value, "open"): 10}


def test_a_higher_k_applies_to_sensitive_categories_too() -> None:
    assert PublicationRules(k=20).threshold(Category.GBV) == 20


def test_a_window_is_published_once_it_has_settled_and_not_before() -> None:
    assert counts([row()] * 5, SETTLED - timedelta(seconds=1)) == {}
    assert counts([row()] * 5, SETTLED) == {("shelter", "open"): 5}


def test_a_window_shows_the_states_of_when_it_settled_whenever_it_is_counted() -> None:
    rows = [row(h2="waiting", h30="delivered", h100="unmet")] * 5
    assert counts(rows) == counts(rows, SETTLED + timedelta(days=90)) == {("shelter", "delivered"): 5}


def test_the_cohort_is_by_the_day_on_which_a_need_was_sent() -> None:
    rows = [row()] * 5 + [row(sent_at=START + timedelta(days=1))] * 6
    published = indicators(rows, RULES, SETTLED + timedelta(days=1))
    assert [(cell.window_start, cell.count) for _, cell in published] == [
        (date(2026, 3, 1), 5),
        (date(2026, 3, 2), 6),
    ]


def test_a_need_read_after_its_window_settled_does_not_change_it() -> None:
    late = row()
    late["history"][0]["at"] = (SETTLED + timedelta(hours=1)).isoformat()
    assert counts([row()] * 5 + [late]) == {("shelter", "open"): 5}


def test_published_windows_can_be_left_out() -> None:
    rows = [row()] * 5 + [row(sent_at=START + timedelta(days=1))] * 5
    now = SETTLED + timedelta(days=1)
    assert len(indicators(rows, RULES, now)) == 2
    ((_, cell),) = indicators(rows, RULES, now, after=date(2026, 3, 2))
    assert cell.window_start == date(2026, 3, 2)


def test_the_key_of_a_cell_does_not_depend_on_its_count() -> None:
    five, six = (indicators([row()] * count, RULES, SETTLED)[0][0] for count in (5, 6))
    assert five == six == "2026-03-01/2026-03-02/shelter/BY-BR/open"


def test_there_are_no_totals() -> None:
    rows = [row("delivered")] * 7 + [row("unmet")] * 2
    assert 9 not in counts(rows).values()
