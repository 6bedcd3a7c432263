"""What the policy writes down for the prices: once for each need and stay, and without personal data."""

from datetime import timedelta

import pytest

from contracts import intake, matching, notification
from contracts.words import ExpiryCode, Urgency
from services.matching.domain.state import match_of
from services.matching.model.limits import Limits
from services.matching.pricing.observations import ASKED, STAYS, needs_of, stays_of
from tests.support.builders import accepted, minimum, of_offer, service, withdrawn
from tests.support.clock import START
from tests.support.matching_world import MatchingWorld

ONE_BY_ONE = Limits(at_once=dict.fromkeys(Urgency, 1))


@pytest.fixture
def made() -> MatchingWorld:
    world = MatchingWorld(ONE_BY_ONE)
    for provider in ("p1", "p2"):
        world.publish(service(), provider)
    world.handle(accepted())
    return world


def answer(made: MatchingWorld, kind: type[notification.OfferAccepted], attempt: int = 1, **changes: object) -> None:
    match = match_of(made.state(accepted().need_id), attempt)
    assert match is not None
    made.handle(of_offer(kind, attempt, made.clock.now(), provider=match.provider, **changes))


def test_a_need_is_written_down_with_its_value_at_each_service(made: MatchingWorld) -> None:
    (need,) = needs_of(made.claims.tables[ASKED].values())
    assert need.at == START
    assert need.worth.keys() == {"p1/beds", "p2/beds"}
    made.handle(accepted(revision=1, urgency=Urgency.EMERGENCY))
    (corrected,) = needs_of(made.claims.tables[ASKED].values())
    assert corrected.worth["p1/beds"] == pytest.approx(2 * need.worth["p1/beds"], abs=1e-3), "a correction replaces it"


def test_a_stay_begins_with_the_acceptance_and_ends_with_the_outcome(made: MatchingWorld) -> None:
    made.clock.advance(hours=3)
    answer(made, notification.OfferAccepted)
    (stay,) = stays_of(made.claims.tables[STAYS].values())
    assert (stay.since, stay.until) == (START + timedelta(hours=3), None)
    made.clock.advance(days=2)
    answer(made, notification.Delivered)
    (stay,) = stays_of(made.claims.tables[STAYS].values())
    assert stay.until == START + timedelta(days=2, hours=3)
    assert stay.service in ("p1/beds", "p2/beds")


@pytest.mark.parametrize("reason", ["withdrawn", "not-started"])
def test_a_stay_that_was_broken_off_is_deleted(made: MatchingWorld, reason: str) -> None:
    answer(made, notification.OfferAccepted)
    made.clock.advance(hours=1)
    if reason == "withdrawn":
        made.handle(withdrawn())
    else:
        answer(made, notification.Expired, code=ExpiryCode.NOT_STARTED)
    assert not made.claims.tables[STAYS]


def test_rows_hold_no_personal_data(made: MatchingWorld) -> None:
    answer(made, notification.OfferAccepted)
    rows = [doc for table in (ASKED, STAYS) for doc in made.claims.tables[table].values()]
    assert len(rows) == 2
    fields = {"day", "at", "worth", "service", "category", "since", "until", "version"}
    assert all(doc.keys() <= fields for doc in rows)
    person = minimum()
    assert not any(str(value) in str(rows) for value in (person.age_band.value, person.languages))


def test_nothing_is_written_down_without_prices() -> None:
    made = MatchingWorld(Limits(learns=False, at_once=dict.fromkeys(Urgency, 1)))
    made.publish(service(), "p1")
    made.handle(accepted())
    answer(made, notification.OfferAccepted)
    answer(made, notification.Delivered)
    assert not any(made.claims.tables.get(table) for table in (ASKED, STAYS))


def test_a_referral_that_is_held_back_is_not_written_down() -> None:
    made = MatchingWorld()
    made.handle(accepted(held_back=intake.HeldBack.AGENCY_KNOWS))
    assert not made.claims.tables.get(ASKED)
    assert isinstance(made.facts(accepted().need_id)[0], matching.NeedKept)
