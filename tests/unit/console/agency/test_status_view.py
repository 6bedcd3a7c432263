"""The state of an agency's needs, computed from its status events."""

from datetime import UTC, datetime
from typing import Any

from contracts.base import Message
from contracts.cloudevents import CloudEvent
from contracts.outcomes import AgencyInputRefused, RecallChanged, RecommendationAnswered, StatusChanged
from contracts.profiles import Problem
from services.console.agency.status_view import ReferralOverview, line

AT = datetime(2026, 11, 24, 9, tzinfo=UTC)
IDS = {"agency": "a", "referral_id": "r", "need": "1", "need_id": "n"}


def status(reference: str, state: str, **more: Any) -> StatusChanged:
    fields = {**IDS, "reference": reference, "state": state, "fhir_status": "ready", "since": AT, **more}
    return StatusChanged.model_validate(fields)


def event(message: Message) -> CloudEvent:
    return CloudEvent("1", "/x", message.ce_type(), AT, b"")


def overview(*messages: Message, reference: str | None = None) -> ReferralOverview:
    result = ReferralOverview(reference)
    for each in messages:
        result.take(event(each), each)
    return result


REFUSED = AgencyInputRefused(
    agency="a", reference="R-3", referral_id="r", sent="", problems=[Problem(field="f", fix="correct it")]
)


def test_needs_are_listed_by_reference_in_their_present_state_and_refusals_come_last() -> None:
    result = overview(
        REFUSED, status("R-2", "waiting", code="full"), status("R-1", "accepted"), status("R-1", "matched")
    )
    assert [each[:3] for each in result.rows()] == [
        ("R-1", "1", "matched"),
        ("R-2", "1", "waiting"),
        ("R-3", "", "refused"),
    ]
    assert next(iter(overview(REFUSED).rows()))[4] == "f correct it"


def test_a_corrected_referral_is_no_longer_listed_as_refused() -> None:
    assert [each[2] for each in overview(REFUSED, status("R-3", "accepted")).rows()] == ["accepted"]


def test_an_overview_of_one_referral_ignores_others_and_answers_to_questions() -> None:
    answer = RecommendationAnswered(agency="a", reference="R-1", request_id="q", needs=[])
    result = overview(status("R-1", "accepted"), status("R-2", "waiting"), answer, reference="R-1")
    assert [message.reference for _, message in result.events] == ["R-1"]


def test_each_event_is_one_line() -> None:
    moved = status("R-1", "taken-up", what="overdue", overdue="start", provider="p", service="s", next_by=AT)
    assert line(event(moved), moved) == "2026-11-24 09:00:00  R-1  1  overdue  overdue: start  p/s  2026-11-24 09:00:00"
    assert line(event(REFUSED), REFUSED) == "2026-11-24 09:00:00  R-3  refused  f correct it"
    recall = RecallChanged(**IDS, reference="R-1", attempt=1, provider="p", service="s", recall=1, fields=[],
                           reason="withdrawn", state="overdue", since=AT, acknowledge_by=AT)  # fmt: skip
    assert "recall overdue  withdrawn  p/s" in line(event(recall), recall)
