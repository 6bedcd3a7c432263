"""What each decline code leads to, for the need and for the service that declined."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from contracts import intake, matching, topics
from contracts.notification import Declined, EntryProblemsFound, NotDelivered
from contracts.steps import DeclineStep, next_step
from contracts.words import DeclineCode, Document, NotDeliveredCode, Rule, Urgency
from services.matching.domain.state import EndedNeed, HeldNeed, MatchedNeed, WaitingNeed
from tests.support.builders import OF_NEED, of_offer, service
from tests.support.clock import START
from tests.support.matching_world import MatchingWorld, complete
from tests.unit.matching.asking import need, world

README = Path(__file__).parents[4] / "contracts" / "README.md"


def declined(code: DeclineCode, number: int = 1, attempt: int = 1, **changes: Any) -> Declined:
    return of_offer(Declined, attempt, need_id=f"n{number}", referral_id=f"r{number}", code=code, **changes)


def person_corrected(number: int = 1) -> intake.PersonCorrected:
    return intake.PersonCorrected(**{**OF_NEED, "need_id": f"n{number}", "referral_id": f"r{number}"})


def notices_to_providers(made: MatchingWorld) -> list[tuple[str, str, str]]:
    """The notices to providers about their entries: provider, entry, field."""
    notices = [EntryProblemsFound.read(record.value or b"") for record in made.log.read(topics.inbox("notification"))]
    return [(each.provider, each.entry, each.problems[0].field) for each in notices]


# the table ------------------------------------------------------------------------------------------------------------


def test_every_code_has_its_next_step_and_every_step_has_a_code() -> None:
    assert {next_step(code) for code in DeclineCode} == set(DeclineStep)


@pytest.mark.parametrize("code", list(DeclineCode))
def test_the_readme_has_the_same_table(code: DeclineCode) -> None:
    rows = [line.split("|") for line in README.read_text().splitlines() if line.startswith("|")]
    (row,) = (row for row in rows if f"`{code.value}`" in row[1])
    assert row[2].strip() == f"`{next_step(code).value}`"


@pytest.mark.parametrize("code", list(DeclineCode))
def test_what_follows_for_the_need_is_what_the_table_says(code: DeclineCode) -> None:
    made = world(1, 1)
    made.handle(need(), declined(code))
    phase = type(made.state("n1"))
    assert (
        phase
        is {
            DeclineStep.RE_ROUTE: MatchedNeed,
            DeclineStep.SERVICE_FULL: MatchedNeed,
            DeclineStep.WAIT: WaitingNeed,
            DeclineStep.ASK_AGENCY: HeldNeed,
            DeclineStep.CLOSE: EndedNeed,
        }[next_step(code)]
    )
    assert sorted(doc["service"] for doc in made.rows.values()) == (["p2/beds"] if phase is MatchedNeed else [])


@pytest.mark.parametrize("code", list(NotDeliveredCode))
def test_a_provider_that_cannot_help_after_all_does_not_end_the_need(code: NotDeliveredCode) -> None:
    made = world(1, 1)
    made.handle(need(), of_offer(NotDelivered, need_id="n1", referral_id="r1", code=code))
    cannot = code is NotDeliveredCode.LACK_OF_RESOURCES
    assert (next_step(code), type(made.state("n1"))) == (
        (DeclineStep.WAIT, WaitingNeed) if cannot else (DeclineStep.CLOSE, EndedNeed)
    )
    assert not made.rows, "its place is free"
    made.run_sweep()
    assert [match.provider for match in made.matches("n1")] == (["p2"] if cannot else [])


@pytest.mark.parametrize("code", list(DeclineCode))
def test_a_code_that_rules_the_service_out_for_good_does_so(code: DeclineCode) -> None:
    made = world(1)
    made.handle(need(), declined(code))
    made.publish(service(capacity=2), "p1")  # a newer entry changes nothing
    made.elapse(hours=30)
    made.run_sweep()
    again = made.record("n1").attempt == 2
    assert again is (not code.for_good and next_step(code) not in (DeclineStep.ASK_AGENCY, DeclineStep.CLOSE))


# no capacity ----------------------------------------------------------------------------------------------------------


def test_a_full_service_takes_nobody_until_a_newer_entry_and_its_provider_is_notified() -> None:
    made = world(3)
    made.handle(need(1), declined(DeclineCode.NO_CAPACITY))
    made.restart()
    made.handle(need(2))
    waits = made.facts("n2")[-1]
    assert isinstance(waits, matching.Waiting)
    assert [(step.rule, step.left) for step in waits.funnel[-2:]] == [(Rule.RULED_OUT, 1), (Rule.FULL, 0)]
    made.elapse(hours=30)
    assert made.run_sweep() == 0, "there is no place, so nobody is recalled"
    assert [type(made.state(each)) for each in ("n1", "n2")] == [WaitingNeed] * 2
    assert notices_to_providers(made) == [("p1", "beds", "capacity")]
    made.publish(service(capacity=3), "p1")
    made.run_sweep()
    assert [type(made.state(each)) for each in ("n1", "n2")] == [MatchedNeed] * 2


def test_an_entry_newer_than_the_answer_overrides_it() -> None:
    made = world(3)
    made.handle(need(1))
    made.clock.advance(minutes=5)
    made.publish(service(capacity=3), "p1")
    made.handle(declined(DeclineCode.NO_CAPACITY, at=START + timedelta(minutes=4)))
    made.handle(need(2))
    assert isinstance(made.state("n2"), MatchedNeed)
    assert made.full == set()


@pytest.mark.parametrize(("updated", "answered", "full"), [(-60, 4, True), (60, 4, False), (60, 9, True)])
def test_a_capacity_is_as_old_as_its_provider_says_and_never_newer_than_its_entry(
    updated: int, answered: int, full: bool
) -> None:
    """The entry is published again after 5 minutes; a capacity that was updated before is no newer information."""
    made = world(3)
    made.handle(need(1))
    made.clock.advance(minutes=5)
    made.publish(service(capacity=3, capacity_updated=START + timedelta(minutes=updated)), "p1")
    made.handle(declined(DeclineCode.NO_CAPACITY, at=START + timedelta(minutes=answered)))
    assert bool(made.full) is full


def test_an_entry_is_flagged_once_and_a_newer_flag_replaces_an_older_one() -> None:
    made = world(3)
    made.handle(need(1), need(2))
    made.handle(declined(DeclineCode.NO_CAPACITY, 1), declined(DeclineCode.NO_CAPACITY, 2))
    assert made.full == {"p1/beds@1"}
    assert len(notices_to_providers(made)) == 1
    made.publish(service(capacity=3), "p1")
    made.run_sweep()
    made.handle(declined(DeclineCode.NO_CAPACITY, 1, attempt=2))
    assert made.full == {"p1/beds@2"}
    for id_, event, topic in list(made.sent):
        made.send(event, topic, id_)
    made.run()
    assert "p1/beds@2" in made.full, "an old answer that comes again does not lift it"


# missing documents ----------------------------------------------------------------------------------------------------


def test_the_agency_is_asked_for_what_is_missing_and_the_need_keeps_the_end_of_its_wait() -> None:
    made = world(1, 1)
    missing = [Document.MEDICAL_RECORD]
    made.handle(need(urgency=Urgency.URGENT), declined(DeclineCode.MISSING_DOCUMENTS, missing=missing))
    held = made.facts("n1")[-1]
    assert isinstance(held, matching.OnHold)
    assert (held.provider, held.service, held.cause, held.missing) == ("p1", "beds", "missing-documents", missing)
    assert (held.since, held.until) == (START, START + timedelta(days=7))
    made.run_sweep()
    assert isinstance(made.state("n1"), HeldNeed), "it is not on the waiting list"


@pytest.mark.parametrize("correction", [person_corrected(), need(revision=1)])
def test_a_correction_resumes_the_need_with_the_service_that_asked(correction: Any) -> None:
    made = world(1)
    made.handle(need(), declined(DeclineCode.MISSING_DOCUMENTS))
    made.handle(correction)
    match = made.match("n1")
    assert match is not None
    assert (match.provider, match.attempt) == ("p1", 2)


def test_a_need_that_is_not_on_hold_stays_as_it_is_after_such_a_correction() -> None:
    made = world(1)
    made.handle(need())
    before = made.state("n1")
    made.handle(person_corrected(), person_corrected(2))
    assert made.state("n1") == before
    assert made.facts("n2") == []


def test_an_old_correction_that_comes_again_does_not_answer_a_later_request() -> None:
    made = world(1)
    made.handle(need(), person_corrected(), declined(DeclineCode.MISSING_DOCUMENTS))
    id_, correction, topic = made.sent[1]
    made.send(correction, topic, id_)
    made.run()
    assert isinstance(made.state("n1"), HeldNeed)


def test_without_a_correction_the_need_is_unmet_at_the_end_of_its_wait_for_that_cause() -> None:
    made = world(1)
    made.handle(need(urgency=Urgency.URGENT), declined(DeclineCode.MISSING_DOCUMENTS))
    made.elapse(days=6)
    assert isinstance(made.state("n1"), HeldNeed)
    made.elapse(days=1)
    unmet = made.facts("n1")[-1]
    assert isinstance(unmet, matching.Unmet)
    assert unmet.cause == "missing-documents"


def test_a_need_on_hold_can_be_withdrawn() -> None:
    made = world(1)
    made.handle(need(), declined(DeclineCode.MISSING_DOCUMENTS))
    made.handle(intake.NeedWithdrawn(**{**OF_NEED, "need_id": "n1", "referral_id": "r1"}, reason="resolved"))
    assert isinstance(made.state("n1"), EndedNeed)


# back to waiting, no longer needed ------------------------------------------------------------------------------------


def test_lack_of_resources_puts_the_need_back_on_the_list_and_it_is_matched_elsewhere() -> None:
    made = world(1, 1)
    made.handle(need(), declined(DeclineCode.LACK_OF_RESOURCES))
    assert [type(fact).__name__ for fact in made.facts("n1")[-2:]] == ["AttemptEnded", "Waiting"]
    made.run_sweep()
    match = made.match("n1")
    assert match is not None
    assert match.provider == "p2"


def test_a_need_that_is_no_longer_needed_is_closed_with_that_cause() -> None:
    made = world(1, 1)
    made.handle(need(), declined(DeclineCode.NO_LONGER_NEEDED))
    closed = made.facts("n1")[-1]
    assert isinstance(closed, matching.Closed)
    assert (closed.cause, closed.provider, closed.attempt) == ("no-longer-needed", "p1", 1)
    assert made.rows == {}


# not eligible ---------------------------------------------------------------------------------------------------------


def disputes(made: MatchingWorld) -> int:
    """How many warnings a sweep logs for the operator."""
    with capture_logs() as lines:
        complete(made.sweep.suspicions(made.clock.now()))
    return sum(line["event"] == "rules_disputed" for line in lines)


def test_after_so_many_needs_the_rules_are_shown_as_disputed_once() -> None:
    made = world(9, dispute_after=2)
    made.handle(need(1), declined(DeclineCode.NOT_ELIGIBLE, 1))
    assert notices_to_providers(made) == []
    assert disputes(made) == 0
    made.handle(need(2), need(3))
    made.handle(declined(DeclineCode.NOT_ELIGIBLE, 2), declined(DeclineCode.NOT_ELIGIBLE, 3))
    assert notices_to_providers(made) == [("p1", "beds", "eligibility")]
    assert (disputes(made), disputes(made)) == (1, 0)
    assert sorted(doc["need"] for doc in made.claims.tables["disputes"].values()) == ["n1", "n2"]


def test_other_codes_dispute_nothing() -> None:
    made = world(9, dispute_after=1)
    made.handle(need(1), declined(DeclineCode.OUT_OF_AREA))
    assert notices_to_providers(made) == []


def test_a_newer_entry_starts_from_zero_and_an_answer_to_the_older_one_does_not_count() -> None:
    made = world(9, dispute_after=2)
    made.handle(*map(need, range(1, 6)))
    made.handle(declined(DeclineCode.NOT_ELIGIBLE, 1))
    made.publish(service(capacity=9), "p1")
    made.handle(declined(DeclineCode.NOT_ELIGIBLE, 2), declined(DeclineCode.NOT_ELIGIBLE, 3))
    assert notices_to_providers(made) == []
    made.handle(need(6), need(7))
    made.handle(declined(DeclineCode.NOT_ELIGIBLE, 6))
    assert {doc["version"] for doc in made.claims.tables["disputes"].values()} == {"p1/beds@2"}
    made.handle(declined(DeclineCode.NOT_ELIGIBLE, 7))
    assert notices_to_providers(made) == [("p1", "beds", "eligibility")]


def test_two_matchers_at_once_do_not_both_count_as_the_same_number() -> None:
    made = world(9, dispute_after=2)
    made.handle(need(1))
    taken = {"service": "p1/beds", "version": "p1/beds@1", "need": "n9"}

    def rival(step: str) -> None:
        if step == "decided":
            made.claims.tables["disputes"].setdefault("p1/beds@1#0", taken)

    made.loop._fault = rival
    made.handle(declined(DeclineCode.NOT_ELIGIBLE, 1))
    assert set(made.claims.tables["disputes"]) == {"p1/beds@1#0", "p1/beds@1#1"}
    assert notices_to_providers(made) == [("p1", "beds", "eligibility")]


def test_a_number_claimed_before_a_crash_is_the_needs_own() -> None:
    made = world(9, dispute_after=2)
    made.handle(need(1))
    made.claims.tables["disputes"]["p1/beds@1#0"] = {"service": "p1/beds", "version": "p1/beds@1", "need": "n1"}
    made.handle(declined(DeclineCode.NOT_ELIGIBLE, 1))
    assert set(made.claims.tables["disputes"]) == {"p1/beds@1#0"}
    assert notices_to_providers(made) == []


def test_an_entry_from_a_clock_that_was_ahead_is_full_like_any_other() -> None:
    made = world()
    made.clock.advance(days=400)
    made.publish(service(capacity=3), "p1")
    made.clock.advance(days=-400)
    made.handle(need(1), declined(DeclineCode.NO_CAPACITY))
    assert len(made.full) == 1


def test_an_entry_that_is_dated_in_the_future_counts_as_confirmed_when_it_is_read() -> None:
    made = MatchingWorld(stale_after=timedelta(days=365))
    made.directory.put("p1", "beds", 1, service(), START + timedelta(days=400))
    entry = made.directory.get("p1/beds")
    assert entry is not None
    assert entry.confirmed_until == (START + timedelta(days=365)).date()
