"""Answers what a person could go to, without a need: nothing is claimed, journaled or put on a list."""

from datetime import datetime

from contracts.intake import Posed, RecommendationAsked
from contracts.matching import Recommended, Suggested, Suggestions
from contracts.words import Wait

from ..model.entry import Entry
from ..model.limits import Limits
from ..ranking.score import Ranked, rank
from ..waitlist.queue import Waiter
from .choice import before, choose
from .context import Given
from .hypothetical_need import as_need

MOST = 10
"""Services told for one need: who reads them wants the best, and a message has its limits."""


def recommend(question: RecommendationAsked, now: datetime, given: Given, limits: Limits) -> Recommended:
    """For each need by itself, as if it had been asked for now: what one would take is not taken from another."""
    return Recommended(
        request_id=question.request_id,
        agency=question.agency,
        reference=question.reference,
        needs=[_for(question, asked, now, given, limits) for asked in question.needs],
    )


def _for(question: RecommendationAsked, asked: Posed, now: datetime, given: Given, limits: Limits) -> Suggestions:
    choice = choose(Waiter(as_need(question, asked), (), now, 0), "", now, given, limits)
    waiter = choice.waiter
    open_ = [_suggested(each, Wait.NONE, given) for each in choice.ranked]
    full = [
        (_wait(before(waiter, each.entry, now, given, limits), each.entry, given), each)
        for each in rank(waiter.need, choice.full, choice.unknown, choice.charges.prices, choice.charges.learned)
    ]
    shortest = [_suggested(each, wait, given) for wait in (Wait.SHORT, Wait.LONG) for its, each in full if its is wait]
    return Suggestions(
        need=asked.need,
        category=asked.category,
        urgency=asked.urgency,
        suggested=[*open_, *shortest][:MOST],
        funnel=choice.steps,
    )


def _wait(ahead: int, entry: Entry, given: Given) -> Wait:
    return Wait.SHORT if ahead < entry.capacity and not given.marks.full(entry) else Wait.LONG


def _suggested(ranked: Ranked, wait: Wait, given: Given) -> Suggested:
    service = ranked.entry.service
    return Suggested(
        provider=ranked.entry.provider,
        service=service.service,
        name=service.name,
        areas=[] if service.address_confidential else service.areas,
        wait=wait,
        reasons=ranked.reasons,
        needs_assessment=ranked.unknown,
        answer_hours=given.charges.answer_hours.get(ranked.entry.id),
    )
