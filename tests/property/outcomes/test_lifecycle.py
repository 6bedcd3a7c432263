"""The lifecycle of needs as one state machine over all four services: every event, in any order, repeated and late.

Hypothesis chooses what happens and which service reads when, and searches for the shortest story that breaks a promise.
Crashes and failures are left to ``tests/simulation``, whose world this test uses.
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
from tests.simulation import checks, run
from tests.simulation.people import TENANTS, People
from tests.simulation.world import World

_SERVICES = st.sampled_from(topics.SERVICES)
_SETTLES = st.sampled_from((True, True, False))
"""Whether everything is read before the next thing happens."""
_ANSWERS = st.sampled_from((Answer.ACCEPTED, Answer.ACCEPTED, Answer.DECLINED, *Answer))
_AGENCY_ACTIONS = (
    "submit",
    "correct",
    "correct_person",
    "withdraw",
    "request_status",
    "request_recommendation",
    "send_again",
)


class Lifecycle(RuleBasedStateMachine):
    """One system. What it reports in the end is checked by the simulation's checks."""

    def __init__(self) -> None:
        super().__init__()
        self._events = asyncio.new_event_loop()
        self.world = World(0, TENANTS)
        self.people = People(self.world, self.world.rng)

    @initialize(seed=st.integers(0, 999))
    def begin(self, seed: int) -> None:
        """Directories first, then a referral. The seed decides which tenants act."""
        self.world.rng = self.people.rng = Random(seed)
        self.people.publish_directories()
        self.world.start()
        self.people.submit()

    @rule(action=st.sampled_from(_AGENCY_ACTIONS), settles=_SETTLES)
    def an_agency_acts(self, action: str, settles: bool) -> None:
        """An agency sends something."""
        getattr(self.people, action)()
        self._settle(settles)

    @rule(settles=_SETTLES)
    def a_provider_answers(self, settles: bool) -> None:
        """A provider answers one of its offers: in time, late, twice, or with an answer that is not allowed."""
        self.people.answer()
        self._settle(settles)

    @rule(answer=_ANSWERS, settles=_SETTLES)
    def every_provider_answers(self, answer: Answer, settles: bool) -> None:
        """Every provider gives the same answer to every offer it has ever had."""
        self.people.answer_all(answer)
        self._settle(settles)

    @rule()
    def a_provider_publishes(self) -> None:
        """A provider publishes its services again, whether they are full or not."""
        self.people.publish_again()

    @rule(service=_SERVICES)
    def a_service_reads_some(self, service: str) -> None:
        """A service handles a part of what it has to read."""
        self._do(self.world.admit(self.world.services[service]))
        self._do(self.world.handle_batch(self.world.services[service], faultless=True))

    @rule(minutes=st.sampled_from((1, 20, 90, 600)), settles=_SETTLES)
    def time_passes(self, minutes: int, settles: bool) -> None:
        """Time passes, and timers that are due fire."""
        self.world.clock.advance(minutes=minutes)
        for service in self.world.services.values():
            self._do(self.world.fire_timers(service))
        self._settle(settles)

    @rule()
    def a_sweep_runs(self) -> None:
        """Matching and intake sweep, as they do periodically."""
        self._do(self.world.sweep())

    @invariant()
    def promises_hold(self) -> None:
        """At any moment, whatever has been read so far."""
        checks.during_the_run(self.world)

    def teardown(self) -> None:
        """Brings everything to its end, and checks it."""
        try:
            if self.people.referrals:
                self._do(run.end_all(self.world, self.people))
                checks.after_the_end(self.world, self.people)
        finally:
            self._events.close()

    def _settle(self, settles: bool) -> None:
        if settles:
            self._do(self.world.settle())

    def _do(self, action: Awaitable[None]) -> None:
        self._events.run_until_complete(action)


TestLifecycle = Lifecycle.TestCase
TestLifecycle.settings = settings(
    max_examples=int(os.environ.get("LIFECYCLES", "100")),
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    database=None,
)
