"""Where an agency's needs stand, by what was told."""

from datetime import UTC, datetime
from typing import Any

from contracts.base import Message
from contracts.cloudevents import CloudEvent
from contracts.intake import Problem
from contracts.outcomes import AgencyInputRefused, RecallChanged, RecommendationAnswered, StatusChanged
from services.console.agency.status_view import ReferralOverview, line

AT = datetime(2026, 11, 24, 9, tzinfo=UTC)
IDS = {"agency": "a", "referral_id": "r", "need": "1", "need_id": "n"}


def status(reference: str, state: str, **more: Any) -> StatusChanged:
    said = {**IDS, "reference": reference, "state": state, "fhir_status": "ready", "since": AT, **more}
    return StatusChanged.model_validate(said)


def event(message: Message) -> CloudEvent:
    return CloudEvent("1", "/x", message.ce_type(), AT, b"")


def standing(*told: Message, reference: str | None = None) -> ReferralOverview:
    found = ReferralOverview(reference)
    for each in told:
        found.take(event(each), each)
    return found


REFUSED = AgencyInputRefused(
    agency="a", reference="R-3", referral_id="r", sent="", problems=[Problem(field="f", fix="mend")]
)


def test_needs_are_told_by_reference_as_they_stand_now_and_what_was_refused_is_at_the_end() -> None:
    found = standing(
        REFUSED, status("R-2", "waiting", code="full"), status("R-1", "accepted"), status("R-1", "matched")
    )
    assert [each[:3] for each in found.rows()] == [
        ("R-1", "1", "matched"),
        ("R-2", "1", "waiting"),
        ("R-3", "", "refused"),
    ]
    assert next(iter(standing(REFUSED).rows()))[4] == "f mend"


def test_a_referral_that_was_mended_is_refused_no_more() -> None:
    assert [each[2] for each in standing(REFUSED, status("R-3", "accepted")).rows()] == ["accepted"]


def test_only_one_referral_is_kept_where_one_is_asked_for_and_answers_to_questions_are_none() -> None:
    answer = RecommendationAnswered(agency="a", reference="R-1", request_id="q", needs=[])
    found = standing(status("R-1", "accepted"), status("R-2", "waiting"), answer, reference="R-1")
    assert [told.reference for _, told in found.told] == ["R-1"]


def test_each_thing_told_is_one_line() -> None:
    moved = status("R-1", "taken-up", what="overdue", overdue="start", provider="p", service="s", next_by=AT)
    assert line(event(moved), moved) == "2026-11-24 09:00:00  R-1  1  overdue  overdue: start  p/s  2026-11-24 09:00:00"
    assert line(event(REFUSED), REFUSED) == "2026-11-24 09:00:00  R-3  refused  f mend"
    recall = RecallChanged(**IDS, reference="R-1", attempt=1, provider="p", service="s", recall=1, fields=[],
                           reason="withdrawn", state="overdue", since=AT, acknowledge_by=AT)  # fmt: skip
    assert "recall overdue  withdrawn  p/s" in line(event(recall), recall)
