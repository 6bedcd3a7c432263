"""What the policy writes down to learn from: once for each need, answer and stay, and of nobody's person."""

from datetime import timedelta

import pytest

from contracts import intake, matching, notification
from contracts.words import DecidedBy, DeclineCode, ExpiryCode, Urgency
from services.matching.model.limits import Limits
from services.matching.pricing.observations import ANSWERS, ASKED, STAYS, answers_of, needs_of, stays_of
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
    match = made.state(accepted().need_id).holds(attempt)
    assert match is not None
    made.handle(of_offer(kind, attempt, made.clock.now(), provider=match.provider, **changes))


def test_a_need_is_written_down_as_what_it_is_worth_where(made: MatchingWorld) -> None:
    (need,) = needs_of(made.claims.tables[ASKED].values())
    assert need.at == START
    assert need.worth.keys() == {"p1/beds", "p2/beds"}
    made.handle(accepted(revision=1, urgency=Urgency.EMERGENCY))
    (corrected,) = needs_of(made.claims.tables[ASKED].values())
    assert corrected.worth["p1/beds"] == pytest.approx(2 * need.worth["p1/beds"], abs=1e-3), "and a correction over it"


def test_an_acceptance_is_an_answer_and_the_beginning_of_a_stay_and_the_end_ends_it(made: MatchingWorld) -> None:
    made.clock.advance(hours=3)
    answer(made, notification.OfferAccepted)
    assert [(each.accepted, each.hours) for each in answers_of(made.claims.tables[ANSWERS].values())] == [(True, 3.0)]
    (stay,) = stays_of(made.claims.tables[STAYS].values())
    assert (stay.since, stay.until) == (START + timedelta(hours=3), None)
    made.clock.advance(days=2)
    answer(made, notification.Delivered)
    (stay,) = stays_of(made.claims.tables[STAYS].values())
    assert stay.until == START + timedelta(days=2, hours=3)
    assert stay.service in ("p1/beds", "p2/beds")


def test_a_no_and_silence_are_answers_and_what_the_person_decides_is_none(made: MatchingWorld) -> None:
    made.clock.advance(hours=1)
    answer(made, notification.Declined, code=DeclineCode.CONFLICT_OF_INTEREST)
    made.clock.advance(hours=24)
    answer(made, notification.Expired, attempt=2)
    told = sorted(answers_of(made.claims.tables[ANSWERS].values()), key=lambda each: each.day)
    assert [(each.accepted, each.hours) for each in told] == [(False, 1.0), (False, None)]
    other = MatchingWorld(ONE_BY_ONE)
    other.publish(service(), "p1")
    other.handle(accepted())
    answer(other, notification.Declined, code=DeclineCode.PERSON_DECLINED, by=DecidedBy.PERSON)
    assert not other.claims.tables[ANSWERS]


def test_an_answer_dated_before_its_offer_took_no_time(made: MatchingWorld) -> None:
    made.clock.advance(seconds=-5)
    answer(made, notification.OfferAccepted)
    assert [each.hours for each in answers_of(made.claims.tables[ANSWERS].values())] == [0.0]


@pytest.mark.parametrize("breaks", ["withdrawn", "not-started"])
def test_a_stay_that_was_broken_off_is_no_measure(made: MatchingWorld, breaks: str) -> None:
    answer(made, notification.OfferAccepted)
    made.clock.advance(hours=1)
    if breaks == "withdrawn":
        made.handle(withdrawn())
    else:
        answer(made, notification.Expired, code=ExpiryCode.NOT_STARTED)
    assert not made.claims.tables[STAYS]
    assert [each.accepted for each in answers_of(made.claims.tables[ANSWERS].values())] == [True], "it had accepted"


def test_nothing_is_written_down_of_the_person(made: MatchingWorld) -> None:
    answer(made, notification.OfferAccepted)
    rows = [doc for table in (ASKED, ANSWERS, STAYS) for doc in made.claims.tables[table].values()]
    assert len(rows) == 3
    told = {"day", "at", "worth", "service", "category", "since", "until", "accepted", "hours", "version"}
    assert all(doc.keys() <= told for doc in rows)
    person = minimum()
    assert not any(str(value) in str(rows) for value in (person.age_band.value, person.languages))


def test_nothing_is_written_down_where_nothing_is_to_be_learned() -> None:
    made = MatchingWorld(Limits(learns=False, at_once=dict.fromkeys(Urgency, 1)))
    made.publish(service(), "p1")
    made.handle(accepted())
    answer(made, notification.OfferAccepted)
    answer(made, notification.Delivered)
    assert not any(made.claims.tables.get(table) for table in (ASKED, ANSWERS, STAYS))


def test_a_referral_that_is_held_back_is_not_asked_for_twice() -> None:
    made = MatchingWorld()
    made.handle(accepted(held_back=intake.HeldBack.TOLD))
    assert not made.claims.tables.get(ASKED)
    assert isinstance(made.facts(accepted().need_id)[0], matching.NeedKept)
