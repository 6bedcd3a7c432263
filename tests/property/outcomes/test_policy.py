"""Three topics without a common order, and every event repeated: one state, and one last status for the agency."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import reduce
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts import intake, matching, notification
from contracts.base import Message
from contracts.matching import Broadcast
from contracts.outcomes import Noted, StatusChanged
from contracts.texts import sentences
from contracts.words import ALREADY_SERVED, Category, DeadlineKind, DecidedBy, Happening, HeldBack, Lifecycle
from services.outcomes.domain.indicators import SENSITIVE, PublicationRules, indicators, need_row
from services.outcomes.domain.policy import OutcomesPolicy
from services.outcomes.domain.rank import rank_of
from services.outcomes.domain.state import NeedTimeline
from services.outcomes.queries.timeline import timeline
from tests.support.builders import (
    NEED,
    OF_NEED,
    accepted,
    closed,
    match_revoked,
    matched,
    of_offer,
    on_hold,
    unmet,
    waiting,
    withdrawn,
)
from tests.support.clock import START
from tests.support.stream import Stream, emitted


@dataclass(frozen=True)
class Published:
    """An event on its topic."""

    topic: str
    event: Message
    at: datetime


class History:
    """Writes what the three services would, with a minute between any two events."""

    def __init__(self) -> None:
        self.events: list[Published] = []

    @property
    def at(self) -> datetime:
        return START + timedelta(minutes=len(self.events))

    def publish(self, topic: str, event: Message) -> None:
        self.events.append(Published(topic, event, self.at))

    def publish_of_offer(self, kind: type[Message], attempt: int, **fields: Any) -> None:
        self.publish("notification", of_offer(kind, attempt, at=self.at, **fields))


@st.composite
def histories(draw: st.DrawFn) -> list[Published]:
    """A random history of one need: attempts, waits, a correction, a withdrawal at any point."""
    past = History()
    held_back = draw(st.sampled_from([None, None, *HeldBack]))
    past.publish("intake", accepted(held_back=held_back))
    if held_back is not None:
        past.publish("matching", waiting(code=ALREADY_SERVED if held_back is HeldBack.AGENCY_KNOWS else None))
        past.publish("intake", accepted(revision=1))
    attempt = 0
    for _ in range(draw(st.integers(1, 4))):
        has_waited = attempt == 0 and held_back is HeldBack.AGENCY_UNAWARE
        if not has_waited and draw(st.booleans()):
            past.publish("matching", waiting(attempt) if attempt == 0 or draw(st.booleans()) else on_hold(attempt))
        at_once = draw(st.sampled_from([1, 1, 2, 3]))
        if at_once > 1:
            broadcast = Broadcast(first=attempt + 1, offers=at_once)
            accepted_attempt = _broadcast(draw, past, broadcast)
            if accepted_attempt:
                return _end(draw, past, accepted_attempt, broadcast)
            attempt += at_once
            continue
        attempt += 1
        past.publish("matching", matched(attempt))
        past.publish_of_offer(notification.Offered, attempt)
        if draw(st.booleans()):
            past.publish_of_offer(notification.Reminded, attempt)
        _late(draw, past, attempt, DeadlineKind.ACKNOWLEDGE, Lifecycle.OFFERED)
        state, turn = Lifecycle.OFFERED, 0
        if draw(st.booleans()):
            past.publish_of_offer(notification.Acknowledged, attempt)
            state, turn = Lifecycle.ACKNOWLEDGED, draw(st.integers(0, 2))
            for count in range(turn):
                past.publish_of_offer(
                    notification.CheckedIn, attempt, state=state, count=count + 1, turn=count + 1, clocks=[]
                )
        end = draw(st.sampled_from(["declined", "expired", "changed", "withdrawn", "accepted", "nothing"]))
        if end == "declined":
            past.publish_of_offer(notification.Declined, attempt)
            if draw(st.integers(0, 5)) == 0:
                past.publish("matching", closed(attempt))
                return past.events
        elif end == "expired":
            _late(draw, past, attempt, DeadlineKind.DECIDE, state, turn)
            past.publish_of_offer(notification.Expired, attempt, undeliverable=draw(st.booleans()))
        elif end == "changed":
            past.publish("intake", accepted(revision=attempt, category=Category.HEALTH))
            past.publish("matching", match_revoked(attempt, cause="changed"))
            past.publish_of_offer(notification.Revoked, attempt, cause="changed")
        elif end == "accepted":
            return _help(draw, past, attempt)
        elif end == "withdrawn":
            return _withdraw(draw, past, attempt)
        else:
            return past.events
    if draw(st.booleans()):
        past.publish("matching", unmet(attempt))
    if draw(st.booleans()):
        past.publish("intake", withdrawn())
    return past.events


def _broadcast(draw: st.DrawFn, past: History, broadcast: Broadcast) -> int | None:
    """Several offers at once. They fail one by one, or one is accepted: then its attempt is returned."""
    left = list(range(broadcast.first, broadcast.first + broadcast.offers))
    for attempt in left:
        past.publish("matching", matched(attempt, broadcast=broadcast))
    for attempt in left:
        past.publish_of_offer(notification.Offered, attempt, broadcast=broadcast)
    while left:
        attempt = left.pop(draw(st.integers(0, len(left) - 1)))
        if draw(st.booleans()):
            past.publish_of_offer(notification.Acknowledged, attempt, broadcast=broadcast)
        if draw(st.integers(0, 3)) == 0:
            past.publish_of_offer(notification.OfferAccepted, attempt, provider_reference="P-1", broadcast=broadcast)
            for other in left:
                past.publish_of_offer(
                    notification.Revoked, other, cause="taken-by-another", others_open=True, broadcast=broadcast
                )
            for other in left:
                past.publish("matching", match_revoked(other, cause="taken-by-another"))
            return attempt
        how = draw(st.sampled_from([notification.Declined, notification.Expired]))
        past.publish_of_offer(how, attempt, others_open=bool(left), broadcast=broadcast)
    return None


def _help(draw: st.DrawFn, past: History, attempt: int) -> list[Published]:
    past.publish_of_offer(notification.OfferAccepted, attempt, provider_reference="P-1")
    state, turn = Lifecycle.ACCEPTED_BY_PROVIDER, 0
    for what in draw(st.lists(st.sampled_from(["check-in", "appointed", "no-show"]), max_size=4)):
        turn, when = turn + 1, START + timedelta(days=draw(st.integers(1, 3)))
        if what == "check-in":
            past.publish_of_offer(notification.CheckedIn, attempt, state=state, count=1, turn=turn, clocks=[])
        elif what == "appointed":
            past.publish_of_offer(notification.Appointed, attempt, appointment_at=when, turn=turn)
            state = Lifecycle.APPOINTED
        elif state is Lifecycle.APPOINTED:
            past.publish_of_offer(notification.NoShow, attempt, appointment_at=when, turn=turn, by=DecidedBy.PROVIDER)
            state = Lifecycle.NO_SHOW
    _late(draw, past, attempt, DeadlineKind.START, state, turn)
    return _end(draw, past, attempt, turn=turn)


def _end(
    draw: st.DrawFn, past: History, attempt: int, broadcast: Broadcast | None = None, turn: int = 0
) -> list[Published]:
    if draw(st.booleans()):
        past.publish_of_offer(notification.InProgress, attempt, provider_reference="P-1", broadcast=broadcast)
        if broadcast is None:
            _late(draw, past, attempt, DeadlineKind.CLOSE, Lifecycle.IN_PROGRESS, turn)
    end = draw(st.sampled_from([notification.Delivered, notification.NotDelivered, None]))
    if end is None:
        return _withdraw(draw, past, attempt) if draw(st.booleans()) else past.events
    past.publish_of_offer(end, attempt, provider_reference="P-1", broadcast=broadcast)
    if draw(st.booleans()):  # a withdrawal that comes too late
        past.publish("intake", withdrawn())
        past.publish("matching", match_revoked(attempt))
    return past.events


def _late(draw: st.DrawFn, past: History, attempt: int, clock: DeadlineKind, state: Lifecycle, turn: int = 0) -> None:
    """Nothing, overdue, or overdue and escalated."""
    for kind in (notification.Overdue, notification.Escalated)[: draw(st.integers(0, 2))]:
        past.publish_of_offer(kind, attempt, clock=clock, state=state, turn=turn, due_at=START)


def _withdraw(draw: st.DrawFn, past: History, attempt: int) -> list[Published]:
    past.publish("intake", withdrawn())
    if draw(st.booleans()):
        past.publish("matching", match_revoked(attempt))
        past.publish_of_offer(notification.Revoked, attempt)
    return past.events


@st.composite
def interleaved(draw: st.DrawFn) -> tuple[list[Published], list[Published]]:
    """A history, and the same with another order between topics."""
    history = draw(histories())
    queues: dict[str, list[Published]] = {}
    for event in history:
        queues.setdefault(event.topic, []).append(event)
    order = draw(st.permutations([event.topic for event in history]))
    iterators = {topic: iter(queue) for topic, queue in queues.items()}
    return history, [next(iterators[topic]) for topic in order]


@st.composite
def shuffled(draw: st.DrawFn) -> tuple[list[Published], list[Published]]:
    """A history, and the same in any order, with some events repeated."""
    history = draw(histories())
    again = draw(st.lists(st.sampled_from(history), max_size=5))
    return history, draw(st.permutations(history + again))


def read(history: Sequence[Published]) -> tuple[Stream, list[StatusChanged]]:
    """The stream after these events, and all statuses that the agency reads."""
    stream = Stream("outcomes", OutcomesPolicy(sentences), NEED)
    statuses: list[StatusChanged] = []
    for published in history:
        statuses += emitted(stream.handle(published.event, now=published.at), StatusChanged)
    return stream, statuses


def without_repetitions(statuses: Sequence[StatusChanged]) -> list[StatusChanged]:
    """Without those that were sent again because a withdrawal came too late."""
    return [each for index, each in enumerate(statuses) if index == 0 or each != statuses[index - 1]]


def check_same_outcome(history: Sequence[Published], reordered: Sequence[Published]) -> None:
    in_order, statuses = read(history)
    stream, reordered_statuses = read(reordered)
    assert stream.state == in_order.state
    assert reordered_statuses[-1] == statuses[-1], "the last status is exactly the same"
    ranks = [(rank_of(each) or (), each.at) for each in without_repetitions(reordered_statuses)]
    assert all(lower < higher for lower, higher in pairwise(ranks)), "statuses rise in rank, and within a state in time"
    assert timeline(stream.documents) == timeline(in_order.documents), "the timeline is complete"
    assert need_row(stream.state) == need_row(in_order.state)
    ended = stream.state.top.ended
    assert stream.state.end_reported == ended == reordered_statuses[-1].state.ended, "every end is reported"


@settings(max_examples=150, deadline=None)
@given(interleaved())
def test_any_interleaving_of_the_topics_leads_to_one_state_and_one_last_status(case: tuple[Any, Any]) -> None:
    check_same_outcome(*case)


@settings(max_examples=150, deadline=None)
@given(shuffled())
def test_any_order_and_any_repetition_leads_to_one_state_and_one_last_status(case: tuple[Any, Any]) -> None:
    check_same_outcome(*case)


def _leaves_others_open(event: Message) -> bool:
    """Whether an offer ends while others of its broadcast are open: that is noted, but no step of the need."""
    return bool(getattr(event, "others_open", False))


def _repeats(history: Sequence[Published]) -> int:
    """The number of steps that the need has already taken with another offer of the same broadcast."""
    steps: Counter[Any] = Counter()
    for event in (published.event for published in history):
        if isinstance(event, matching.Matched | notification.Offered | notification.Acknowledged) and event.broadcast:
            steps[type(event), event.broadcast.first] += 1
    return sum(count - 1 for count in steps.values())


@settings(max_examples=100, deadline=None)
@given(histories())
def test_an_agency_reads_every_step_if_events_are_read_in_order(history: list[Published]) -> None:
    _, statuses = read(history)
    events = [published.event for published in history]
    if not any(isinstance(event, intake.NeedWithdrawn) for event in events):
        without_status = (intake.NeedRegistered, matching.MatchRevoked)
        silent = [event for event in events[1:] if isinstance(event, without_status) or _leaves_others_open(event)]
        assert len(statuses) == len(history) - len(silent) - _repeats(history)


@settings(max_examples=100, deadline=None)
@given(histories())
def test_the_state_is_the_fold_of_the_journal_even_with_repetitions(history: list[Published]) -> None:
    stream, _ = read(history)
    assert stream.folded() == stream.state
    assert stream.folded(repeats=2) == stream.state


@st.composite
def noted(draw: st.DrawFn) -> Noted:
    """Any event, sensible or not; with few times and few names, so that ties are frequent."""
    return Noted(
        **OF_NEED,
        what=draw(st.sampled_from(["something", *Happening])),
        state=draw(st.sampled_from([*Lifecycle, None])),
        attempt=draw(st.integers(0, 2)),
        turn=draw(st.integers(0, 1)),
        overdue=draw(st.sampled_from([None, DeadlineKind.ACKNOWLEDGE, DeadlineKind.DECIDE])),
        escalated=draw(st.booleans()),
        at=START + timedelta(minutes=draw(st.integers(0, 3))),
        provider=draw(st.sampled_from([None, "a", "b"])),
        broadcast=draw(st.sampled_from([None, None, Broadcast(first=1, offers=2)])),
        revision=draw(st.integers(0, 2)),
        category=draw(st.sampled_from([None, Category.FOOD, Category.CASH])),
        area="BY-BR",
        requested_at=START,
    )


@settings(max_examples=300, deadline=None)
@given(st.lists(noted(), max_size=6).flatmap(lambda events: st.tuples(st.just(events), st.permutations(events * 2))))
def test_joining_is_commutative_and_idempotent(case: tuple[list[Noted], list[Noted]]) -> None:
    once, reordered = (reduce(NeedTimeline.join, events, NeedTimeline()) for events in case)
    assert once == reordered
    assert all(earlier.at < later.at and earlier.rank < later.rank for earlier, later in pairwise(once.rises))
    ranks = [rank for each in case[0] if (rank := rank_of(each)) is not None]
    assert (once.top and once.top.rank) == max(ranks, default=None)


# indicators -----------------------------------------------------------------------------------------------------------

STATES = st.sampled_from(["open", "waiting", "delivered", "not-delivered", "unmet"])


@st.composite
def rows(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Many needs in few cells, sent within four days, whose states change for a fortnight."""
    needs = []
    for _ in range(draw(st.integers(0, 60))):
        sent_at = START + timedelta(hours=draw(st.integers(0, 95)))
        category = draw(st.sampled_from([Category.SHELTER, Category.GBV])).value
        history = [{"at": sent_at.isoformat(), "category": category, "area": "BY-BR", "state": "open"}]
        if draw(st.booleans()):
            at = sent_at + timedelta(hours=draw(st.integers(1, 400)))
            history.append({**history[0], "at": at.isoformat(), "state": draw(STATES)})
        needs.append({"sent_at": sent_at.isoformat(), "history": history})
    return needs


@settings(max_examples=150, deadline=None)
@given(rows(), st.integers(0, 600), st.integers(1, 7))
def test_no_published_count_is_below_k_and_no_other_is_suppressed(
    needs: list[dict[str, Any]], hours: int, window_days: int
) -> None:
    rules, now = PublicationRules(window_days=window_days), START + timedelta(hours=hours)
    cells: Counter[Any] = Counter()
    for each in needs:
        first, end = rules.window(datetime.fromisoformat(each["sent_at"]).date())
        if rules.as_of(end) <= now:
            at = rules.as_of(end).isoformat()
            entry = [entry for entry in each["history"] if entry["at"] <= at][-1]
            cells[(first, entry["category"], entry["state"])] += 1
    published = indicators(needs, rules, now)
    assert len({key for key, _ in published}) == len(published) == len(cells)
    for _, cell in published:
        truth = cells[(cell.window_start, cell.category.value, cell.state)]
        assert cell.k == (10 if cell.category in SENSITIVE else 5)
        assert cell.count == (truth if truth >= cell.k else None)
        assert cell.as_of <= now


@settings(max_examples=100, deadline=None)
@given(rows(), st.integers(0, 600), st.integers(0, 600))
def test_a_window_counted_later_is_exactly_the_same(needs: list[dict[str, Any]], hours: int, more: int) -> None:
    rules, now = PublicationRules(), START + timedelta(hours=hours)
    earlier, later = indicators(needs, rules, now), indicators(needs, rules, now + timedelta(hours=more))
    assert set(dict(earlier)) <= set(dict(later))
    assert [dict(later)[key] for key, _ in earlier] == [cell for _, cell in earlier]


@given(st.dates(date(1990, 1, 1), date(2100, 1, 1)), st.integers(1, 366))
def test_every_day_is_in_exactly_one_window(day: date, window_days: int) -> None:
    first, end = PublicationRules(window_days=window_days).window(day)
    assert first <= day < end
    assert (end - first).days == window_days
    assert PublicationRules(window_days=window_days).window(end)[0] == end
