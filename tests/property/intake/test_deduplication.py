"""Whatever agencies send about one person, and whatever gets lost: one need has the row, and none is forgotten."""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from contracts.intake import NeedWithdrawn
from contracts.profiles import IdentityFingerprint
from contracts.words import ALREADY_SERVED, Category, Flag, HeldBack, Urgency
from services.intake.jobs.sweep import DuplicateSweep
from tests.support.builders import minimum
from tests.support.duplicates import Front, need
from tests.support.matching_world import complete
from tests.support.memory_twins import MemoryClaims

PERSONS = st.sampled_from(
    [
        IdentityFingerprint(),
        IdentityFingerprint(person="p1"),
        IdentityFingerprint(person="p1"),
        IdentityFingerprint(person="p2"),
    ]
)
CATEGORIES = st.sampled_from([Category.SHELTER, Category.SHELTER, Category.GBV])
URGENCIES = st.sampled_from([Urgency.URGENT, Urgency.URGENT, Urgency.EMERGENCY])
FLAGS = st.sampled_from([[], [], [Flag.GBV_SURVIVOR]])


class Persons(RuleBasedStateMachine):
    """Referrals are submitted and corrected; their needs end; notices to linked needs are lost or late."""

    def __init__(self) -> None:
        super().__init__()
        self.front = Front(link_confidential=True)
        self.ended: set[str] = set()

    def known(self, number: int) -> str:
        names = sorted(self.front.streams)
        return names[number % len(names)]

    @rule(marks=PERSONS, category=CATEGORIES, urgency=URGENCIES, flags=FLAGS)
    def submit(self, marks: IdentityFingerprint, category: Category, urgency: Urgency, flags: list[Flag]) -> None:
        name = f"r{len(self.front.streams)}"
        request = need(name, category=category, urgency=urgency)
        self.front.submit(name, request, marks=marks, person=minimum(flags=flags))

    @precondition(lambda self: self.front.streams)
    @rule(number=st.integers(0, 9), marks=PERSONS, category=CATEGORIES, urgency=URGENCIES)
    def correct(self, number: int, marks: IdentityFingerprint, category: Category, urgency: Urgency) -> None:
        name = self.known(number)
        self.front.submit(name, need(name, category=category, urgency=urgency), marks=marks, corrects=True)

    @precondition(lambda self: self.front.streams)
    @rule(number=st.integers(0, 9))
    def withdraw(self, number: int) -> None:
        self.front.withdraw(self.known(number))

    @precondition(lambda self: self.front.streams)
    @rule(number=st.integers(0, 9), end=st.sampled_from(["delivered", "unmet", "not-delivered"]))
    def end(self, number: int, end: str) -> None:
        name = self.known(number)
        held_back = self.front.now(name).held_back
        if name not in self.ended and (held_back is None or (held_back is HeldBack.AGENCY_UNAWARE and end == "unmet")):
            self.front.end(name, end)
            self.ended.add(name)

    @rule(lossy=st.booleans())
    def lose(self, lossy: bool) -> None:
        self.front.lossy = lossy

    @precondition(lambda self: self.front.lost)
    @rule(number=st.integers(0, 9))
    def late(self, number: int) -> None:
        self.front.handle(self.front.lost[number % len(self.front.lost)])

    @rule()
    def sweep(self) -> None:
        claims = MemoryClaims()
        claims.tables["served"], claims.tables["linked"] = dict(self.front.served), dict(self.front.links)
        was, self.front.lossy = self.front.lossy, False
        for event, _ in complete(DuplicateSweep(claims).suspicions()):
            self.front.handle(event)
        self.front.lossy = was
        for doc in self.front.links.values():
            assert doc["row"] in self.front.served, "after a sweep no need waits for a row that is free"

    @invariant()
    def each_row_belongs_to_one_need(self) -> None:
        holders: dict[str, Any] = {}
        for name, stream in self.front.streams.items():
            for serving in stream.state.needs.serving.values():
                assert holders.setdefault(serving.row, name) == name
                doc = self.front.served[serving.row]
                assert (doc["referral"], doc["turn"]) == (name, serving.turn), "the row is its own"
        assert len(holders) == len(self.front.served), "no row without a need"

    @invariant()
    def a_need_that_is_held_back_has_a_reason(self) -> None:
        for name, stream in self.front.streams.items():
            state = stream.state
            assert state == stream.folded(repeats=2)
            if not state.stored or "bed" in state.needs.withdrawn:
                assert not state.needs.links
                assert not state.needs.serving
                continue
            held_back, link = self.front.now(name).held_back, state.needs.links.get("bed")
            if link is not None:
                assert held_back is link.held_back
                assert f"{name}/bed:{link.turn}" in self.front.links
            elif held_back is not None:
                assert held_back is HeldBack.AGENCY_UNAWARE, "a need whose agency knows is closed, or resumes"

    @invariant()
    def an_agency_that_must_not_know_does_not_learn_of_the_other_referral(self) -> None:
        for name in self.front.streams:
            published = self.front.published(name)
            if any(isinstance(each, NeedWithdrawn) and each.reason == ALREADY_SERVED for each in published):
                assert self.front.now(name).held_back is HeldBack.AGENCY_KNOWS


Persons.TestCase.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
TestPersons = Persons.TestCase
