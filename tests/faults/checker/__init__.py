"""Whether anything was lost, doubled or put out of order, read from topics and journals by code of its own.

It shares no code with the services: it knows the form of what is written, and the promises made of it. So a fault in
what the services think of themselves cannot hide here.

    evidence = await gather(kafka, mongo, "faults")     # when all is quiet: in mid-flight much is rightly unfinished
    assert violations(evidence) == []

`evidence.gone` names topics that were deleted on purpose: what stood there is not missed.
"""

from collections.abc import Callable, Iterator

from tests.faults.checker import journals, needs, tenants, topics

from .evidence import SERVICES, Evidence, Record
from .reading import gather, partitions, read_all

__all__ = ["CHECKS", "SERVICES", "Evidence", "Record", "gather", "partitions", "read_all", "violations"]

CHECKS: tuple[Callable[[Evidence], Iterator[str]], ...] = (
    journals.journals_have_no_gaps,
    journals.no_cause_has_two_entries,
    topics.each_id_has_one_body,
    topics.what_was_decided_was_told,
    topics.what_was_told_was_decided,
    topics.each_stream_was_told_in_order,
    tenants.nothing_sent_was_lost_at_a_gate,
    tenants.each_submission_had_one_effect,
    tenants.each_answer_was_heard,
    needs.statuses_rise,
    needs.each_need_has_ended_or_is_open,
    needs.each_offer_runs_its_course,
    needs.each_attempt_has_one_match_and_one_offer,
    needs.no_place_is_held_twice,
)


def violations(evidence: Evidence) -> list[str]:
    """Every broken promise, in words; none when all held."""
    return [f"{check.__name__}: {found}" for check in CHECKS for found in check(evidence)]
