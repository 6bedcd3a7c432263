"""The whole life of needs as one state machine: every event, in any order, again, and late; on all four services.

Hypothesis chooses what happens and who reads when, and looks for the shortest story that breaks a promise. Crashes and
failures are left to ``tests/simulation``, whose world this is.
"""

import asyncio
import os
from collections.abc import Awaitable
from random import Random

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from contracts import topics
from contracts.words import Answer
from tests.simulation import run
from tests.simulation.people import TENANTS, People
from tests.simulation.world import World

_SERVICES = st.sampled_from(topics.SERVICES)
_READ = st.sampled_from((True, True, False))
"""Whether all of it is read before anything else happens, which it mostly is."""
_ANSWERS = st.sampled_from((Answer.ACCEPTED, Answer.ACCEPTED, Answer.DECLINED, *Answer))


class Lifecycle(RuleBasedStateMachine):
    """One system. What is told at the end is checked by the books of the simulation."""

    def __init__(self) -> None:
        super().__init__()
        self._events = asyncio.new_event_loop()
        self.world = World(0, TENANTS)
        self.people = People(self.world, self.world.chance)

    @initialize(seed=st.integers(0, 999))
    def begin(self, seed: int) -> None:
        """Directories first, then a referral. The seed decides who is asked and who answers."""
        self.world.chance = self.people.chance = Random(seed)
        self.people.open_doors()
        self.world.start()
        self.people.submit()

    @rule(
        what=st.sampled_from(("submit", "correct", "correct_person", "withdraw", "ask", "wonder", "repeat")), read=_READ
    )
    def an_agency(self, what: str, read: bool) -> None:
        """Says something."""
        getattr(self.people, what)()
        self._read(read)

    @rule(read=_READ)
    def a_provider(self, read: bool) -> None:
        """Answers an offer it has ever had: now, late, twice, or impossibly."""
        self.people.answer()
        self._read(read)

    @rule(answer=_ANSWERS, read=_READ)
    def every_provider(self, answer: Answer, read: bool) -> None:
        """Says the same to every offer it has ever had."""
        self.people.answer_all(answer)
        self._read(read)

    @rule()
    def a_provider_publishes(self) -> None:
        """Its services again, be they full or not."""
        self.people.republish()

    @rule(service=_SERVICES)
    def some_are_read(self, service: str) -> None:
        """Of what came in, and of what others said."""
        self._do(self.world.admit(self.world.services[service]))
        self._do(self.world.batch(self.world.services[service], calm=True))

    @rule(minutes=st.sampled_from((1, 20, 90, 600)), read=_READ)
    def time_passes(self, minutes: int, read: bool) -> None:
        """And timers elapse."""
        self.world.clock.advance(minutes=minutes)
        for service in self.world.services.values():
            self._do(self.world.tick(service))
        self._read(read)

    @rule()
    def a_matcher_sweeps(self) -> None:
        """As it does from time to time."""
        self._do(self.world.look())

    @invariant()
    def places_hold(self) -> None:
        """At any moment, whatever has been read so far."""
        run.no_place_is_taken_twice(self.world)
        run.nobody_is_served_twice(self.world)

    def teardown(self) -> None:
        """Peace, then the books."""
        try:
            if self.people.referrals:
                self._do(run.peace(self.world, self.people))
                run.balance(self.world, self.people)
        finally:
            self._events.close()

    def _read(self, read: bool) -> None:
        if read:
            self._do(self.world.settle())

    def _do(self, what: Awaitable[None]) -> None:
        self._events.run_until_complete(what)


TestLifecycle = Lifecycle.TestCase
TestLifecycle.settings = settings(
    max_examples=int(os.environ.get("LIFECYCLES", "100")),
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    database=None,
)
