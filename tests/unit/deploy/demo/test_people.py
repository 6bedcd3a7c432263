"""The made-up referrals of the demo."""

from datetime import timedelta

import pytest

from contracts.agency import Submitted
from contracts.intake import ReferralReceived
from deploy.demo.people import referrals
from tests.support.intake_world import IntakeGate


@pytest.mark.parametrize("days", range(0, 366, 30))
async def test_intake_admits_them_on_any_day_of_the_year_and_a_few_days_later(days: int) -> None:
    gate = IntakeGate()
    gate.clock.advance(days=days)
    made = list(referrals(120, days, gate.clock.now()))
    for later in (timedelta(), timedelta(days=4)):  # the demo's clock is fast
        gate.clock.advance(seconds=later.total_seconds())
        for number, (_, referral) in enumerate(made):
            gate.send(Submitted, referral.model_dump_json().encode(), id_=f"{later.days}-{number}")
    assert {each.type for each in await gate.run()} == {ReferralReceived.ce_type()}
