"""Recommends services to an agency that has not referred anybody yet: nothing is claimed, journaled or queued."""

from contracts.intake import RecommendationAsked
from contracts.matching import ServicesRecommended, Suggested, Suggestions
from contracts.profiles import HypotheticalNeed
from contracts.words import Wait

from ..ranking.candidate import Candidate
from ..ranking.score import rank
from ..waitlist.queue import Waiter
from .choice import choose, count_ahead
from .context import Moment
from .hypothetical_need import as_need

MOST = 10
"""Services suggested for one need: readers want the best ones, and a message has its limits."""


def recommend(request: RecommendationAsked, moment: Moment) -> ServicesRecommended:
    """Suggestions for each need by itself, as if it were registered now: they do not compete with each other."""
    return ServicesRecommended(
        request_id=request.request_id,
        agency=request.agency,
        reference=request.reference,
        needs=[_suggestions(request, hypothetical, moment) for hypothetical in request.needs],
    )


def _suggestions(request: RecommendationAsked, hypothetical: HypotheticalNeed, moment: Moment) -> Suggestions:
    choice = choose(Waiter(as_need(request, hypothetical), (), moment.now, 0), "", moment)
    suggested = [_suggested(each, Wait.NONE) for each in choice.ranked]
    closed = [
        (_wait(each, choice.waiter, moment), each)
        for each in rank(choice.waiter.need, choice.closed, choice.charges.prices)
    ]
    for length in (Wait.SHORT, Wait.LONG):
        suggested += [_suggested(each, wait) for wait, each in closed if wait is length]
    return Suggestions(
        need=hypothetical.need,
        category=hypothetical.category,
        urgency=hypothetical.urgency,
        suggested=suggested[:MOST],
        funnel=choice.funnel,
    )


def _wait(candidate: Candidate, waiter: Waiter, moment: Moment) -> Wait:
    entry = candidate.entry
    short = count_ahead(waiter, entry, moment) < entry.capacity and not moment.context.entry_flags.full(entry)
    return Wait.SHORT if short else Wait.LONG


def _suggested(candidate: Candidate, wait: Wait) -> Suggested:
    service = candidate.entry.service
    return Suggested(
        provider=candidate.entry.provider,
        service=service.service,
        name=service.name,
        areas=[] if service.address_confidential else service.areas,
        wait=wait,
        reasons=candidate.reasons,
        needs_assessment=candidate.unknown,
    )
