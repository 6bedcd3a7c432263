"""From the gate to the needs that are published: a birthday of a real, sealed person, and what is readable of it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from contracts import agency
from contracts.intake import NeedRegistered, ReferralReceived
from contracts.words import AgeBand
from services.chassis.decider import Effect, SetTimer
from services.intake.context_loader import IntakeContextLoader
from services.intake.domain.context import IntakeContext
from services.intake.domain.policy import IntakePolicy
from services.intake.outbound.provider_keys import ProviderKeys
from tests.support.builders import elapsed
from tests.support.intake_world import IntakeGate, body, person
from tests.support.stream import Stream, emitted

MIDNIGHT = datetime(2026, 4, 16, 21, tzinfo=UTC)


class Referred:
    """One referral behind intake's gate, with its timers."""

    def __init__(self, gate: IntakeGate, received: ReferralReceived) -> None:
        providers = ProviderKeys(lambda provider: True)
        self.loader = IntakeContextLoader(providers, gate.claims, gate.keys)
        self.stream = Stream("intake", IntakePolicy(), received.referral_id)
        self.timers: list[SetTimer] = []
        self._keep(self.stream.handle(received, now=received.received_at, context=IntakeContext(providers)))

    async def elapse(self, until: datetime) -> list[NeedRegistered]:
        """Fire what is due, and return the needs that are published."""
        published: list[NeedRegistered] = []
        while due := [each for each in self.timers if each.due_at <= until]:
            timer = due[0]
            self.timers.remove(timer)
            event = elapsed(timer.name, timer.due_at, self.stream.name)
            context = await self.loader.gather([(self.stream.state, event)])
            effects = self.stream.handle(event, now=max(timer.due_at, until), context=context)
            self._keep(effects)
            published += emitted(effects, NeedRegistered)
        return published

    def _keep(self, effects: Sequence[Effect]) -> None:
        self.timers += [each for each in effects if isinstance(each, SetTimer)]

    def text(self) -> bytes:
        """All that intake has stored of the referral in clear."""
        due = [(timer.name, timer.due_at) for timer in self.timers]
        return orjson.dumps([self.stream.documents, due], default=str)


async def refer(gate: IntakeGate, **changes: Any) -> Referred:
    consent = {**body()["consent"], "given_by": "caregiver"}
    out = await gate.passed(body(consent=consent, **changes))
    return Referred(gate, ReferralReceived.read(out.event.data))


async def test_someone_who_turns_18_while_waiting_is_published_as_an_adult() -> None:
    referral = await refer(IntakeGate(), person=person(birth_date="2008-04-17"))
    assert await referral.elapse(MIDNIGHT - timedelta(seconds=1)) == []
    [need] = await referral.elapse(MIDNIGHT)
    assert (need.person.age_band, need.revision) == (AgeBand.ADULT, 1)
    assert await referral.elapse(MIDNIGHT + timedelta(days=365)) == []


async def test_until_the_month_of_the_birthday_nothing_readable_contains_its_day() -> None:
    gate = IntakeGate()
    referral = await refer(gate, person=person(birth_date="2008-04-17"))
    for readable in (referral.text(), *gate.written()):
        assert b"2008" not in readable
        assert b"-04-17" not in readable
        assert b"-04-16" not in readable
    [need] = await referral.elapse(MIDNIGHT)
    assert "2008" not in need.model_dump_json()


async def test_a_member_of_the_household_has_birthdays_too() -> None:
    child = {"member": "child", "birth_date": "2021-04-17", "sex": "male"}
    referral = await refer(IntakeGate(), household=[child], person=person(birth_date="2009-05-01"))
    [need] = await referral.elapse(MIDNIGHT)
    assert [each.age_band for each in need.people] == [AgeBand.ADOLESCENT, AgeBand.CHILD]


async def test_who_is_known_by_an_age_band_only_has_no_timer() -> None:
    referral = await refer(IntakeGate(), person=person(birth_date=None, age_band="12-17"))
    assert referral.timers == []


async def test_of_an_erased_person_nothing_is_published() -> None:
    gate = IntakeGate()
    referral = await refer(gate, person=person(birth_date="2008-04-17"))
    gate.claims.tables["keys"].clear()
    assert await referral.elapse(MIDNIGHT + timedelta(days=1)) == []


@pytest.mark.parametrize("days", [0, 1])
async def test_a_repetition_after_the_birthday_is_the_same_request(days: int) -> None:
    gate = IntakeGate()
    referral = await refer(gate, person=person(birth_date="2008-04-17"))
    gate.clock.advance(seconds=(MIDNIGHT + timedelta(days=days) - gate.clock.now()).total_seconds())
    await referral.elapse(gate.clock.now())
    consent = {**body()["consent"], "given_by": "legal-guardian"}
    gate.send(agency.Submitted, body(consent=consent, person=person(birth_date="2008-04-17")))
    again = [each for each in await gate.run() if each.type == ReferralReceived.ce_type()][-1]
    received = ReferralReceived.read(again.event.data)
    stored = referral.stream.state.stored
    assert (received.person, received.household) == (stored.person, stored.household)
