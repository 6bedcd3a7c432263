"""Answers what a person could go to, without a need: nothing is claimed, journaled or put on a list."""

from datetime import datetime

from contracts.intake import HypotheticalNeed, RecommendationAsked
from contracts.matching import ServicesRecommended, Suggested, Suggestions
from contracts.words import Wait

from ..model.entry import DirectoryEntry
from ..model.limits import Limits
from ..ranking.score import Ranked, rank
from ..waitlist.queue import Waiter
from .choice import before, choose
from .context import MatchingContext
from .hypothetical_need import as_need

MOST = 10
"""Services told for one need: who reads them wants the best, and a message has its limits."""


def recommend(
    question: RecommendationAsked, now: datetime, context: MatchingContext, limits: Limits
) -> ServicesRecommended:
    """For each need by itself, as if it had been asked for now: what one would take is not taken from another."""
    return ServicesRecommended(
        request_id=question.request_id,
        agency=question.agency,
        reference=question.reference,
        needs=[_for(question, asked, now, context, limits) for asked in question.needs],
    )


def _for(
    question: RecommendationAsked, asked: HypotheticalNeed, now: datetime, context: MatchingContext, limits: Limits
) -> Suggestions:
    choice = choose(Waiter(as_need(question, asked), (), now, 0), "", now, context, limits)
    waiter = choice.waiter
    open_ = [_suggested(each, Wait.NONE, context) for each in choice.ranked]
    full = [
        (_wait(before(waiter, each.entry, now, context, limits), each.entry, context), each)
        for each in rank(waiter.need, choice.full, choice.unknown, choice.charges.prices, choice.charges.learned)
    ]
    shortest = [_suggested(each, wait, context) for wait in (Wait.SHORT, Wait.LONG) for its, each in full if its is wait]
    return Suggestions(
        need=asked.need,
        category=asked.category,
        urgency=asked.urgency,
        suggested=[*open_, *shortest][:MOST],
        funnel=choice.steps,
    )


def _wait(ahead: int, entry: DirectoryEntry, context: MatchingContext) -> Wait:
    return Wait.SHORT if ahead < entry.capacity and not context.marks.full(entry) else Wait.LONG


def _suggested(ranked: Ranked, wait: Wait, context: MatchingContext) -> Suggested:
    service = ranked.entry.service
    return Suggested(
        provider=ranked.entry.provider,
        service=service.service,
        name=service.name,
        areas=[] if service.address_confidential else service.areas,
        wait=wait,
        reasons=ranked.reasons,
        needs_assessment=ranked.unknown,
        answer_hours=context.charges.answer_hours.get(ranked.entry.id),
    )
