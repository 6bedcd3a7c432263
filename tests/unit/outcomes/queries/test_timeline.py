"""The timeline of a need, read from the journal."""

from datetime import timedelta

from contracts import intake, notification
from contracts.texts import sentences
from contracts.words import DeadlineKind, DecidedBy, Lifecycle
from services.outcomes.domain.policy import OutcomesPolicy
from services.outcomes.queries.timeline import Line, timeline, timelines
from tests.support.builders import NEED, accepted, match_revoked, matched, of_offer, recall, status_due, withdrawn
from tests.support.clock import START
from tests.support.stream import Stream


def minute(minutes: int) -> dict[str, object]:
    return {"at": START + timedelta(minutes=minutes)}


def a_need() -> Stream:
    """Read in another order than things happened: notification first."""
    stream = Stream("outcomes", OutcomesPolicy(sentences), NEED)
    person = {"by": DecidedBy.PERSON, **minute(4)}
    stream.handle(of_offer(notification.Offered, **minute(2)), at=START + timedelta(minutes=2))  # type: ignore[arg-type]
    stream.handle(of_offer(notification.Reminded, **minute(3)), at=START + timedelta(minutes=3))  # type: ignore[arg-type]
    stream.handle(of_offer(notification.Declined, **person), at=START + timedelta(minutes=4))  # type: ignore[arg-type]
    stream.handle(matched(), at=START + timedelta(minutes=1))
    stream.handle(accepted(), at=START)
    stream.handle(withdrawn(), at=START + timedelta(minutes=5))
    stream.handle(match_revoked(), at=START + timedelta(minutes=6))
    return stream


def test_lines_are_in_the_order_in_which_things_happened() -> None:
    assert [line.what for line in timeline(a_need().documents)] == [
        "accepted",
        "matched",
        "offered",
        "reminded",
        "declined",
        "withdrawn",
        "match-revoked",
    ]


def test_a_recall_has_a_line_and_so_has_its_confirmation_by_the_provider() -> None:
    stream = a_need()
    stream.handle(recall(intake.Recalled, **minute(7)))  # type: ignore[arg-type]
    stream.handle(recall(intake.RecallConfirmed, **minute(8)))  # type: ignore[arg-type]
    sent, deleted = timeline(stream.documents)[-2:]
    assert (sent.what, sent.by, sent.to, sent.code) == ("recalled", "system", "provider-1/beds", "consent-changed")
    assert (deleted.what, deleted.by) == ("recall-acknowledged", "provider-1")


def test_a_line_has_when_who_where_and_why() -> None:
    lines = {line.what: line for line in timeline(a_need().documents)}
    assert lines["accepted"] == Line(START, "accepted", 0, by="brest-migration")
    assert lines["matched"].to == "provider-1/beds"
    assert (lines["declined"].by, lines["declined"].code) == ("person", "no-capacity")
    assert (lines["withdrawn"].by, lines["withdrawn"].code) == ("brest-migration", "resolved")


def test_overdue_is_by_the_system_and_names_the_clock() -> None:
    stream = Stream("outcomes", OutcomesPolicy(sentences), NEED)
    late = {"clock": DeadlineKind.START, "state": Lifecycle.ACCEPTED_BY_PROVIDER, "due_at": START}
    stream.handle(of_offer(notification.Overdue, **late))
    assert timeline(stream.documents) == [
        Line(START, "overdue", 1, by="system", to="provider-1/beds", code="start"),
    ]


def test_timelines_are_json_with_a_timeline_for_each_need_that_has_one() -> None:
    documents = a_need().documents
    needs = timelines({"empty": [], NEED: documents})
    assert needs is not None
    (need,) = needs["needs"]
    assert need["need"] == NEED
    assert need["lines"][4] == {
        "at": (START + timedelta(minutes=4)).isoformat(),
        "what": "declined",
        "attempt": 1,
        "by": "person",
        "to": "provider-1/beds",
        "code": "no-capacity",
    }
    assert timelines({"empty": []}) is None


def test_a_reply_has_no_line() -> None:
    stream = a_need()
    before = timeline(stream.documents)
    stream.handle(status_due())
    assert timeline(stream.documents) == before


def test_a_need_without_a_journal_has_no_lines() -> None:
    assert timeline([]) == []
