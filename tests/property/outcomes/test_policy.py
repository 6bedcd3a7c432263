"""Three topics without a common order, and everything more than once: one state, one last word to the agency."""

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
from services.outcomes.domain.indicators import SENSITIVE, Disclosure, indicators, row
from services.outcomes.domain.policy import OutcomesPolicy
from services.outcomes.domain.state import NeedTimeline, rank_of
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
class Sent:
    """An event as it stands on its topic."""

    topic: str
    event: Message
    at: datetime


class History:
    """Writes what the three services would, with a minute between any two events."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []

    @property
    def at(self) -> datetime:
        return START + timedelta(minutes=len(self.sent))

    def say(self, topic: str, event: Message) -> None:
        self.sent.append(Sent(topic, event, self.at))

    def tell(self, kind: type[Message], attempt: int, **more: Any) -> None:
        self.say("notification", of_offer(kind, attempt, at=self.at, **more))


@st.composite
def histories(draw: st.DrawFn) -> list[Sent]:
    """All that can become of one need, by chance: attempts, waits, a correction, a withdrawal at any point."""
    past = History()
    held_back = draw(st.sampled_from([None, None, *HeldBack]))
    past.say("intake", accepted(held_back=held_back))
    if held_back is not None:
        past.say("matching", waiting(code=ALREADY_SERVED if held_back is HeldBack.TOLD else None))
        past.say("intake", accepted(revision=1))
    attempt = 0
    for _ in range(draw(st.integers(1, 4))):
        has_waited = attempt == 0 and held_back is HeldBack.UNTOLD
        if not has_waited and draw(st.booleans()):
            past.say("matching", waiting(attempt) if attempt == 0 or draw(st.booleans()) else on_hold(attempt))
        at_once = draw(st.sampled_from([1, 1, 2, 3]))
        if at_once > 1:
            broadcast = Broadcast(first=attempt + 1, offers=at_once)
            taken_up = _broadcast(draw, past, broadcast)
            if taken_up:
                return _end(draw, past, taken_up, broadcast)
            attempt += at_once
            continue
        attempt += 1
        past.say("matching", matched(attempt))
        past.tell(notification.Offered, attempt)
        if draw(st.booleans()):
            past.tell(notification.Reminded, attempt)
        _late(draw, past, attempt, DeadlineKind.ACKNOWLEDGE, Lifecycle.OFFERED)
        state, turn = Lifecycle.OFFERED, 0
        if draw(st.booleans()):
            past.tell(notification.Acknowledged, attempt)
            state, turn = Lifecycle.ACKNOWLEDGED, draw(st.integers(0, 2))
            for count in range(turn):
                past.tell(notification.CheckedIn, attempt, state=state, count=count + 1, turn=count + 1, clocks=[])
        end = draw(st.sampled_from(["declined", "expired", "changed", "withdrawn", "taken-up", "nothing"]))
        if end == "declined":
            past.tell(notification.Declined, attempt)
            if draw(st.integers(0, 5)) == 0:
                past.say("matching", closed(attempt))
                return past.sent
        elif end == "expired":
            _late(draw, past, attempt, DeadlineKind.DECIDE, state, turn)
            past.tell(notification.Expired, attempt, undeliverable=draw(st.booleans()))
        elif end == "changed":
            past.say("intake", accepted(revision=attempt, category=Category.HEALTH))
            past.say("matching", match_revoked(attempt, cause="changed"))
            past.tell(notification.Revoked, attempt, cause="changed")
        elif end == "taken-up":
            return _help(draw, past, attempt)
        elif end == "withdrawn":
            return _withdraw(draw, past, attempt)
        else:
            return past.sent
    if draw(st.booleans()):
        past.say("matching", unmet(attempt))
    if draw(st.booleans()):
        past.say("intake", withdrawn())
    return past.sent


def _broadcast(draw: st.DrawFn, past: History, broadcast: Broadcast) -> int | None:
    """Several offers at once. All fail, one by one; or one is taken up: its attempt is returned."""
    left = list(range(broadcast.first, broadcast.first + broadcast.offers))
    for attempt in left:
        past.say("matching", matched(attempt, broadcast=broadcast))
    for attempt in left:
        past.tell(notification.Offered, attempt, broadcast=broadcast)
    while left:
        attempt = left.pop(draw(st.integers(0, len(left) - 1)))
        if draw(st.booleans()):
            past.tell(notification.Acknowledged, attempt, broadcast=broadcast)
        if draw(st.integers(0, 3)) == 0:
            past.tell(notification.OfferAccepted, attempt, provider_reference="P-1", broadcast=broadcast)
            for other in left:
                past.tell(notification.Revoked, other, cause="taken-by-another", others_open=True, broadcast=broadcast)
            for other in left:
                past.say("matching", match_revoked(other, cause="taken-by-another"))
            return attempt
        how = draw(st.sampled_from([notification.Declined, notification.Expired]))
        past.tell(how, attempt, others_open=bool(left), broadcast=broadcast)
    return None


def _help(draw: st.DrawFn, past: History, attempt: int) -> list[Sent]:
    past.tell(notification.OfferAccepted, attempt, provider_reference="P-1")
    state, turn = Lifecycle.ACCEPTED_BY_PROVIDER, 0
    for what in draw(st.lists(st.sampled_from(["check-in", "appointed", "no-show"]), max_size=4)):
        turn, when = turn + 1, START + timedelta(days=draw(st.integers(1, 3)))
        if what == "check-in":
            past.tell(notification.CheckedIn, attempt, state=state, count=1, turn=turn, clocks=[])
        elif what == "appointed":
            past.tell(notification.Appointed, attempt, appointment_at=when, turn=turn)
            state = Lifecycle.APPOINTED
        elif state is Lifecycle.APPOINTED:
            past.tell(notification.NoShow, attempt, appointment_at=when, turn=turn, by=DecidedBy.PROVIDER)
            state = Lifecycle.NO_SHOW
    _late(draw, past, attempt, DeadlineKind.START, state, turn)
    return _end(draw, past, attempt, turn=turn)


def _end(draw: st.DrawFn, past: History, attempt: int, broadcast: Broadcast | None = None, turn: int = 0) -> list[Sent]:
    if draw(st.booleans()):
        past.tell(notification.InProgress, attempt, provider_reference="P-1", broadcast=broadcast)
        if broadcast is None:
            _late(draw, past, attempt, DeadlineKind.CLOSE, Lifecycle.IN_PROGRESS, turn)
    end = draw(st.sampled_from([notification.Delivered, notification.NotDelivered, None]))
    if end is None:
        return _withdraw(draw, past, attempt) if draw(st.booleans()) else past.sent
    past.tell(end, attempt, provider_reference="P-1", broadcast=broadcast)
    if draw(st.booleans()):  # a withdrawal that comes too late
        past.say("intake", withdrawn())
        past.say("matching", match_revoked(attempt))
    return past.sent


def _late(draw: st.DrawFn, past: History, attempt: int, clock: DeadlineKind, state: Lifecycle, turn: int = 0) -> None:
    """Overdue, and escalated, or neither."""
    for kind in (notification.Overdue, notification.Escalated)[: draw(st.integers(0, 2))]:
        past.tell(kind, attempt, clock=clock, state=state, turn=turn, due_at=START)


def _withdraw(draw: st.DrawFn, past: History, attempt: int) -> list[Sent]:
    past.say("intake", withdrawn())
    if draw(st.booleans()):
        past.say("matching", match_revoked(attempt))
        past.tell(notification.Revoked, attempt)
    return past.sent


@st.composite
def interleaved(draw: st.DrawFn) -> tuple[list[Sent], list[Sent]]:
    """A history, and the same with the order kept within each topic only."""
    history = draw(histories())
    queues: dict[str, list[Sent]] = {}
    for sent in history:
        queues.setdefault(sent.topic, []).append(sent)
    order = draw(st.permutations([sent.topic for sent in history]))
    iterators = {topic: iter(queue) for topic, queue in queues.items()}
    return history, [next(iterators[topic]) for topic in order]


@st.composite
def shuffled(draw: st.DrawFn) -> tuple[list[Sent], list[Sent]]:
    """A history, and the same in any order, with some of it more than once."""
    history = draw(histories())
    again = draw(st.lists(st.sampled_from(history), max_size=5))
    return history, draw(st.permutations(history + again))


def read(history: Sequence[Sent]) -> tuple[Stream, list[StatusChanged]]:
    """The stream after these events, and all that was told to the agency."""
    stream = Stream("outcomes", OutcomesPolicy(sentences), NEED)
    told: list[StatusChanged] = []
    for sent in history:
        told += emitted(stream.handle(sent.event, now=sent.at), StatusChanged)
    return stream, told


def rises(told: Sequence[StatusChanged]) -> list[StatusChanged]:
    """Without what was only said once more, because a withdrawal came too late."""
    return [each for index, each in enumerate(told) if index == 0 or each != told[index - 1]]


def check(history: Sequence[Sent], otherwise: Sequence[Sent]) -> None:
    in_order, told = read(history)
    stream, told_otherwise = read(otherwise)
    assert stream.state == in_order.state
    assert told_otherwise[-1] == told[-1], "the last word is the same to the letter"
    ranks = [(rank_of(each) or (), each.at) for each in rises(told_otherwise)]
    assert all(lower < higher for lower, higher in pairwise(ranks)), "statuses rise; in one state, remarks do in time"
    assert timeline(stream.documents) == timeline(in_order.documents), "the timeline has it all"
    assert row(stream.state) == row(in_order.state)
    assert stream.state.end_told == stream.state.top.ended == told_otherwise[-1].state.ended, "no end is kept back"


@settings(max_examples=150, deadline=None)
@given(interleaved())
def test_any_interleaving_of_the_topics_leads_to_one_state_and_one_last_word(case: tuple[Any, Any]) -> None:
    check(*case)


@settings(max_examples=150, deadline=None)
@given(shuffled())
def test_so_does_any_order_and_any_repetition(case: tuple[Any, Any]) -> None:
    check(*case)


def _of_others(event: Message) -> bool:
    """The end of an offer while others of its broadcast are open: it is noted, and is no step of the need's."""
    return bool(getattr(event, "others_open", False))


def _repeats(history: Sequence[Sent]) -> int:
    """Steps that the need has taken already with another offer of the same broadcast."""
    steps: Counter[Any] = Counter()
    for event in (sent.event for sent in history):
        if isinstance(event, matching.Matched | notification.Offered | notification.Acknowledged) and event.broadcast:
            steps[type(event), event.broadcast.first] += 1
    return sum(count - 1 for count in steps.values())


@settings(max_examples=100, deadline=None)
@given(histories())
def test_read_as_it_happened_an_agency_is_told_of_every_step(history: list[Sent]) -> None:
    _, told = read(history)
    if not any(isinstance(sent.event, intake.NeedWithdrawn) for sent in history):
        untold = (intake.NeedRegistered, matching.MatchRevoked)
        silent = [sent for sent in history[1:] if isinstance(sent.event, untold) or _of_others(sent.event)]
        assert len(told) == len(history) - len(silent) - _repeats(history)


@settings(max_examples=100, deadline=None)
@given(histories())
def test_the_state_is_the_fold_of_the_journal_also_where_it_is_folded_with_repetitions(history: list[Sent]) -> None:
    stream, _ = read(history)
    assert stream.folded() == stream.state
    assert stream.folded(repeats=2) == stream.state


@st.composite
def noted(draw: st.DrawFn) -> Noted:
    """Any note at all, sensible or not; few times and few names, so that ties are many."""
    return Noted(
        **OF_NEED,
        what=draw(st.sampled_from(["it", *Happening])),
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
@given(st.lists(noted(), max_size=6).flatmap(lambda notes: st.tuples(st.just(notes), st.permutations(notes * 2))))
def test_the_state_is_a_join_whatever_is_joined(case: tuple[list[Noted], list[Noted]]) -> None:
    once, otherwise = (reduce(NeedTimeline.join, notes, NeedTimeline()) for notes in case)
    assert once == otherwise
    assert all(earlier.at < later.at and earlier.rank < later.rank for earlier, later in pairwise(once.steps))
    ranks = [its for each in case[0] if (its := rank_of(each)) is not None]
    assert (once.top and once.top.rank) == max(ranks, default=None)


# indicators -----------------------------------------------------------------------------------------------------------

STATES = st.sampled_from(["open", "waiting", "delivered", "not-delivered", "unmet"])


@st.composite
def rows(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Many needs in few cells, sent within four days, whose states change for a fortnight."""
    made = []
    for _ in range(draw(st.integers(0, 60))):
        sent_at = START + timedelta(hours=draw(st.integers(0, 95)))
        category = draw(st.sampled_from([Category.SHELTER, Category.GBV])).value
        history = [{"at": sent_at.isoformat(), "category": category, "area": "BY-BR", "state": "open"}]
        if draw(st.booleans()):
            at = sent_at + timedelta(hours=draw(st.integers(1, 400)))
            history.append({**history[0], "at": at.isoformat(), "state": draw(STATES)})
        made.append({"sent_at": sent_at.isoformat(), "history": history})
    return made


@settings(max_examples=150, deadline=None)
@given(rows(), st.integers(0, 600), st.integers(1, 7))
def test_no_published_count_is_below_k_and_none_that_could_be_is_held_back(
    made: list[dict[str, Any]], hours: int, window_days: int
) -> None:
    rules, now = Disclosure(window_days=window_days), START + timedelta(hours=hours)
    cells: Counter[Any] = Counter()
    for each in made:
        first, end = rules.window(datetime.fromisoformat(each["sent_at"]).date())
        if rules.as_of(end) <= now:
            at = rules.as_of(end).isoformat()
            stood = [then for then in each["history"] if then["at"] <= at][-1]
            cells[(first, stood["category"], stood["state"])] += 1
    published = indicators(made, rules, now)
    assert len({key for key, _ in published}) == len(published) == len(cells)
    for _, cell in published:
        truth = cells[(cell.window_start, cell.category.value, cell.state)]
        assert cell.k == (10 if cell.category in SENSITIVE else 5)
        assert cell.count == (truth if truth >= cell.k else None)
        assert cell.as_of <= now


@settings(max_examples=100, deadline=None)
@given(rows(), st.integers(0, 600), st.integers(0, 600))
def test_a_window_counted_later_is_the_same_to_the_letter(made: list[dict[str, Any]], hours: int, more: int) -> None:
    rules, now = Disclosure(), START + timedelta(hours=hours)
    earlier, later = indicators(made, rules, now), indicators(made, rules, now + timedelta(hours=more))
    assert set(dict(earlier)) <= set(dict(later))
    assert [dict(later)[key] for key, _ in earlier] == [cell for _, cell in earlier]


@given(st.dates(date(1990, 1, 1), date(2100, 1, 1)), st.integers(1, 366))
def test_every_day_is_in_exactly_one_window(day: date, window_days: int) -> None:
    first, end = Disclosure(window_days=window_days).window(day)
    assert first <= day < end
    assert (end - first).days == window_days
    assert Disclosure(window_days=window_days).window(end)[0] == end
