"""Checks that nothing was lost, doubled or published out of order, by what is on the topics and in the journals.

It shares no code with the services, so that a fault of theirs cannot hide here: it only knows the format of what they
write, and what they promise.

    evidence = await gather(kafka, mongo, "faults")     # when all is processed: before, much is rightly unfinished
    assert violations(evidence) == []

`evidence.gone` names topics that were deleted on purpose: their records are not missed.
"""

from collections.abc import Callable, Iterator

from . import journals, needs, tenants, topics
from .evidence import SERVICES, Evidence, Record
from .reading import gather, partitions, read_all

__all__ = ["CHECKS", "SERVICES", "Evidence", "Record", "gather", "partitions", "read_all", "violations"]

CHECKS: tuple[Callable[[Evidence], Iterator[str]], ...] = (
    journals.journals_have_no_gaps,
    journals.no_cause_has_two_entries,
    topics.each_id_has_one_body,
    topics.each_decision_was_published,
    topics.each_publication_was_decided,
    topics.each_stream_was_published_in_order,
    tenants.no_input_was_lost_at_a_gate,
    tenants.each_submission_had_one_effect,
    tenants.each_answer_was_taken,
    needs.statuses_rise,
    needs.each_need_has_ended_or_is_open,
    needs.each_offer_runs_its_course,
    needs.each_attempt_has_one_match_and_one_offer,
    needs.no_place_is_held_twice,
)


def violations(evidence: Evidence) -> list[str]:
    """Every broken promise, as ``name of the check: description``."""
    return [f"{check.__name__}: {violation}" for check in CHECKS for violation in check(evidence)]
