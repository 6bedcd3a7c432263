"""Rules on bitmaps agree with the same rules checked one by one; and the example in the docstring of the index."""

from datetime import timedelta

import pytest

from contracts.eligibility import Eligibility
from contracts.words import Category, Document, Rule, Sex
from services.matching.directory.bitmap_rules import BITMAP_RULES, Query, one_by_one
from services.matching.directory.bitmaps import IN_CATEGORY
from services.matching.directory.directory import Directory
from services.matching.directory.person_kinds import people_of
from services.matching.directory.shard import Shard
from services.matching.eligibility.rules import RULES, Case
from services.matching.model.entry import DirectoryEntry
from tests.support.builders import accepted, minimum, service
from tests.support.clock import START

SERVICES = (
    service(languages=["be"]),
    service(takes_referrals=False),
    service(areas=["PL"]),
    service(eligibility=Eligibility(sexes=[Sex.MALE])),
    service(eligibility=Eligibility(minimum_age=60, description="ask us")),
    service(documents=[Document.IDENTITY]),
)


@pytest.mark.parametrize("rule", [rule for rule, _ in RULES])
def test_a_rule_checked_one_by_one_agrees_with_its_bitmaps(rule: Rule) -> None:
    shard = Shard()
    for number, each in enumerate(SERVICES):
        shard.put(DirectoryEntry(f"p{number}/beds", f"p{number}", each, f"p{number}/beds@1"))
    shard.refresh(START.date())
    need = accepted(person=minimum(sex=Sex.FEMALE, languages=["ru"]))
    query = Query(Case(need, (), START, timedelta()), need, people_of(need))
    all_services = shard.bitmaps[IN_CATEGORY]
    plain = one_by_one(dict(RULES)[rule])
    assert plain(shard, query, all_services) == BITMAP_RULES[rule](shard, query, all_services)


def test_the_example_of_the_docstring_finds_one_shelter_of_three() -> None:
    directory = Directory()
    women = Eligibility(sexes=[Sex.FEMALE])
    for number, (languages, eligibility) in enumerate(
        ((["ru"], women), (["ru", "be"], Eligibility()), (["be"], Eligibility())), 1
    ):
        entry = service(categories=[Category.SHELTER], languages=languages, eligibility=eligibility)
        directory.put(f"p{number}", "beds", 1, entry)
    man = accepted(category=Category.SHELTER, person=minimum(sex=Sex.MALE, languages=["ru"]))
    result = directory.find(Case(man, (), START, timedelta()))
    assert [entry.id for entry in result.entries] == ["p2/beds"]
    left = {step.rule: step.left for step in result.steps}
    assert (left[Rule.CATEGORY], left[Rule.SEX], left[Rule.LANGUAGE]) == (3, 2, 1)
