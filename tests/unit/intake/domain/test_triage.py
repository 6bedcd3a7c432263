"""Triage raises urgency to its minimum."""

from itertools import product

import pytest

from contracts.words import Category, Flag, Urgency
from services.intake.domain.triage import triage

URGENT_FLAGS = [Flag.UNACCOMPANIED_CHILD, Flag.TRAFFICKING_VICTIM, Flag.GBV_SURVIVOR, Flag.MEDICAL_EMERGENCY]


@pytest.mark.parametrize("flag", URGENT_FLAGS)
def test_some_people_are_never_less_than_urgent(flag: Flag) -> None:
    assert triage(Urgency.NORMAL, Category.EDUCATION, [Flag.PREGNANT, flag]) is Urgency.URGENT


@pytest.mark.parametrize("category", [Category.TRAFFICKING, Category.GBV])
def test_some_needs_are_never_less_than_urgent(category: Category) -> None:
    assert triage(Urgency.NORMAL, category, []) is Urgency.URGENT


def test_an_urgency_above_the_minimum_stays_as_requested() -> None:
    assert triage(Urgency.EMERGENCY, Category.GBV, URGENT_FLAGS) is Urgency.EMERGENCY
    assert triage(Urgency.NORMAL, Category.SHELTER, [Flag.PREGNANT, Flag.SEPARATED_CHILD]) is Urgency.NORMAL


def test_triage_never_lowers_an_urgency() -> None:
    for urgency, category, flag in product(Urgency, Category, Flag):
        assert triage(urgency, category, [flag]).rank >= urgency.rank
