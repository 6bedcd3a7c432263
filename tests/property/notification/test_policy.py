"""Any events in any order, any number of times: an offer moves only along the lifecycle, and ends once.

The state machine does not look at the policy's state. It keeps what can be known from the facts alone.
"""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule

from contracts import intake, notification, operations, provider, topics
from contracts.base import Message
from contracts.matching import Broadcast
from contracts.words import Answer, DeadlineKind, ExpiryCode, Lifecycle, Urgency
from services.chassis.decider import Reply, SetTimer
from services.notification.domain.deadlines import DeadlineRules, TimeLimits
from services.notification.domain.policy import NotificationPolicy
from services.notification.domain.transitions import NEXT
from tests.support.builders import NEED, answer_received, elapsed, match_revoked, matched
from tests.support.clock import START
from tests.support.stream import Stream, emitted, replied

ATTEMPTS = st.integers(1, 4)
PROVIDERS = st.sampled_from(["provider-1", "provider-2", "stranger"])
CHECK_INS = 2
HOURS = {
    name: timedelta(hours=hours)
    for name, hours in {"acknowledge": 1, "decide": 4, "start": 6, "close": 9, "escalate": 1, "grace": 2}.items()
}
RULES = DeadlineRules({urgency: TimeLimits(**HOURS) for urgency in Urgency}, check_ins=CHECK_INS)

WAITED_FOR = {
    DeadlineKind.ACKNOWLEDGE: {Lifecycle.OFFERED},
    DeadlineKind.DECIDE: {Lifecycle.OFFERED, Lifecycle.ACKNOWLEDGED},
    DeadlineKind.START: {Lifecycle.ACCEPTED_BY_PROVIDER, Lifecycle.APPOINTED, Lifecycle.NO_SHOW},
    DeadlineKind.CLOSE: {Lifecycle.IN_PROGRESS},
}
"""The states in which each clock runs."""

LEADS_TO: dict[type[Message], Lifecycle] = {
    notification.Acknowledged: Lifecycle.ACKNOWLEDGED,
    notification.OfferAccepted: Lifecycle.ACCEPTED_BY_PROVIDER,
    notification.Declined: Lifecycle.DECLINED,
    notification.Expired: Lifecycle.EXPIRED,
    notification.Revoked: Lifecycle.REVOKED,
    notification.Appointed: Lifecycle.APPOINTED,
    notification.NoShow: Lifecycle.NO_SHOW,
    notification.InProgress: Lifecycle.IN_PROGRESS,
    notification.NotDelivered: Lifecycle.NOT_DELIVERED,
}
ALLOWED = {state: {*answers.values(), Lifecycle.REVOKED} for state, answers in NEXT.items()}
for expiring in WAITED_FOR[DeadlineKind.DECIDE] | WAITED_FOR[DeadlineKind.START]:
    ALLOWED[expiring].add(Lifecycle.EXPIRED)


class OfferMachine(RuleBasedStateMachine):
    """One need with its matches, answers and timers, each of which may be repeated."""

    sent = Bundle("sent")

    def __init__(self) -> None:
        super().__init__()
        self.stream = Stream("notification", NotificationPolicy(RULES), NEED)
        self.now = START
        self.serial = 0
        self.timers: list[tuple[str, datetime]] = []
        self.fired: set[tuple[str, datetime]] = set()
        self.offers: list[provider.Offer] = []
        self.phases: dict[int, Lifecycle] = {}
        self.clocks: dict[tuple[int, DeadlineKind], notification.Running] = {}
        self.turns: dict[int, int] = {}
        self.broadcasts: dict[int, Broadcast | None] = {}
        self.decide_by: dict[int, datetime] = {}
        self.counts: Counter[tuple[int, str]] = Counter()

    def handle(self, event: Message, id_: str | None = None) -> tuple[str, Message]:
        """Decides an event, and checks what must hold for any decision. Returns the event with its id."""
        self.serial += 1
        id_ = id_ or str(self.serial)
        before, length = self.stream.state, len(self.stream.entries)
        effects = self.stream.handle(event, id=id_, now=self.now)
        for fact in emitted(effects):
            self.follow(fact)
        if not emitted(effects):
            assert self.stream.state == before
            assert len(self.stream.entries) == length, "what changes nothing is not journaled"
        if isinstance(event, notification.AnswerReceived):
            self.check_answer(event, effects)
        self.timers += [(each.name, each.due_at) for each in effects if isinstance(each, SetTimer)]
        self.offers += emitted(effects, provider.Offer)
        return id_, event

    def follow(self, fact: Any) -> None:
        """Checks that a fact moves its attempt one allowed step."""
        if isinstance(fact, notification.Offered):
            assert fact.attempt > max(self.phases, default=0)
            open_ = [attempt for attempt, phase in self.phases.items() if phase in NEXT]
            same_broadcast = all(fact.broadcast and self.broadcasts[attempt] == fact.broadcast for attempt in open_)
            assert same_broadcast, "one open offer at a time, or several of one broadcast"
            self.phases[fact.attempt] = Lifecycle.OFFERED
            self.note_clocks(fact)
            self.broadcasts[fact.attempt] = fact.broadcast
            self.decide_by[fact.attempt] = fact.decide_by
            return
        if isinstance(fact, notification.Declined | notification.Expired | notification.Revoked):
            broadcast = self.broadcasts[fact.attempt]
            others = {
                at: self.phases[at] for at, each in self.broadcasts.items() if each == broadcast and at != fact.attempt
            }
            if broadcast is None:
                assert not fact.others_open
            else:
                accepted = any(self.counts[at, Lifecycle.ACCEPTED_BY_PROVIDER.value] for at in (fact.attempt, *others))
                unread = len(others) + 1 < broadcast.offers and not accepted
                assert fact.others_open == (unread or any(phase in NEXT for phase in others.values()))
        if isinstance(fact, notification.Expired):
            self.check_expiry(fact)
        if isinstance(fact, notification.Reminded | notification.Overdue | notification.Escalated):
            self.check_step(fact)
        if isinstance(fact, notification.CheckedIn):
            assert fact.state == self.phases[fact.attempt]
            self.counts[(fact.attempt, f"check-in {fact.clocks[0].clock} {fact.count}")] += 1
            assert fact.count <= CHECK_INS
        self.note_clocks(fact)
        state = LEADS_TO.get(type(fact))
        if isinstance(fact, notification.Delivered):
            state = Lifecycle.PARTLY_DELIVERED if fact.partly else Lifecycle.DELIVERED
        if state is not None:
            assert state in ALLOWED.get(self.phases[fact.attempt], set()), (self.phases[fact.attempt], state)
            self.phases[fact.attempt] = state
            if state not in (Lifecycle.APPOINTED, Lifecycle.NO_SHOW):  # these may happen again
                self.counts[(fact.attempt, "end" if state not in NEXT else state.value)] += 1
        elif isinstance(fact, intake.ReleaseRequested):
            self.counts[(fact.attempt, type(fact).__name__)] += 1

    def note_clocks(self, fact: Any) -> None:
        """A restarted clock never ends earlier; turns count what brings no higher state."""
        for run in getattr(fact, "clocks", ()):
            before = self.clocks.get((fact.attempt, run.clock))
            assert before is None or run.due_at >= before.due_at
            assert run.remind_at <= run.due_at <= run.escalate_at <= (run.expires_at or run.escalate_at)
            self.clocks[fact.attempt, run.clock] = run
        if isinstance(fact, notification.CheckedIn | notification.Appointed | notification.NoShow):
            assert fact.turn == self.turns.get(fact.attempt, 0) + 1
            self.turns[fact.attempt] = fact.turn

    def check_step(self, fact: Any) -> None:
        """A step happens once per clock, in order, not before its time, and only while the clock runs."""
        run, step = self.clocks[fact.attempt, fact.clock], type(fact).__name__
        assert self.phases[fact.attempt] in WAITED_FOR[fact.clock]
        self.counts[(fact.attempt, f"{step} {fact.clock}")] += 1
        if isinstance(fact, notification.Reminded):
            assert run.remind_at <= self.now
            return
        assert (fact.state, fact.turn) == (self.phases[fact.attempt], self.turns.get(fact.attempt, 0))
        assert fact.due_at == run.due_at <= self.now
        if isinstance(fact, notification.Escalated):
            assert self.counts[fact.attempt, f"Overdue {fact.clock}"], "overdue comes first"

    def check_expiry(self, fact: notification.Expired) -> None:
        """An offer expires not before its time, and not without a warning."""
        clock = DeadlineKind.DECIDE if fact.code is None else DeadlineKind.START
        assert fact.code in (None, ExpiryCode.NOT_STARTED)
        assert self.phases[fact.attempt] in WAITED_FOR[clock]
        if not fact.undeliverable:
            expires_at = self.clocks[fact.attempt, clock].expires_at or self.clocks[fact.attempt, clock].due_at
            assert self.now >= expires_at
            assert self.counts[fact.attempt, f"Overdue {clock}"] == self.counts[fact.attempt, f"Escalated {clock}"] == 1

    def check_answer(self, answer: notification.AnswerReceived, effects: Any) -> None:
        """An answer either counts, for its sender's own offer, or is refused to its sender and changes nothing."""
        facts, replies = emitted(effects), replied(effects)
        assert not (facts and replies)
        closing = (notification.Revoked, provider.OfferClosed)
        rivals = {fact.attempt for fact in facts if isinstance(fact, closing)}
        if rivals:  # the other providers of the broadcast learn that they are late
            assert answer.answer is Answer.ACCEPTED
            assert all(self.broadcasts[each] == self.broadcasts[answer.attempt] for each in rivals)
        facts = [fact for fact in facts if not isinstance(fact, closing)]
        if facts:
            assert {(fact.provider, fact.attempt) for fact in facts} == {(answer.provider, answer.attempt)}
            assert answer.provider == f"provider-{answer.attempt}"
        for reply in replies:
            refused = reply.event
            assert isinstance(refused, provider.AnswerRefused)
            assert reply.topic == topics.notifications(answer.provider)
            if answer.provider != f"provider-{answer.attempt}":
                assert (refused.state, refused.allowed, refused.service) == ("unknown", [], "")
            else:
                assert refused.state == self.phases.get(answer.attempt, "unknown")

    @rule(target=sent, attempt=ATTEMPTS, urgency=st.sampled_from(Urgency))
    def match(self, attempt: int, urgency: Urgency) -> tuple[str, Message]:
        return self.handle(matched(attempt, urgency=urgency))

    @precondition(lambda self: not any(phase in NEXT for phase in self.phases.values()))
    @rule(target=sent, urgency=st.sampled_from(Urgency))
    def match_again(self, urgency: Urgency) -> tuple[str, Message]:
        return self.handle(matched(max(self.phases, default=0) + 1, urgency=urgency))

    @rule(target=sent, attempt=ATTEMPTS, offers=st.integers(2, 3))
    def match_as_broadcast(self, attempt: int, offers: int) -> tuple[str, Message]:
        """A match of a broadcast: of the first, which begins with attempt 1, or of the second."""
        first = 1 if attempt <= 2 else 3
        return self.handle(matched(attempt, broadcast=Broadcast(first=first, offers=offers)))

    @rule(target=sent, attempt=ATTEMPTS)
    def revoke(self, attempt: int) -> tuple[str, Message]:
        return self.handle(match_revoked(attempt))

    @rule(target=sent, attempt=ATTEMPTS, who=PROVIDERS, answer=st.sampled_from(Answer))
    def answer(self, attempt: int, who: str, answer: Answer) -> tuple[str, Message]:
        event = answer_received(answer, attempt, provider=who, answered_at=self.now, **self.appointed(answer, 5))
        id_, _ = self.handle(event)
        return id_, event

    @rule(
        target=sent, answer=st.sampled_from(Answer), hours=st.sampled_from([1, 5, 20, 2000]), behind=st.integers(0, 1)
    )
    def answer_own_offer(self, answer: Answer, hours: int, behind: int) -> tuple[str, Message]:
        appointed = self.appointed(answer, hours)
        attempt = max(1, max(self.phases, default=1) - behind)
        event = answer_received(answer, attempt, answered_at=self.now, **appointed)
        id_, _ = self.handle(event)
        return id_, event

    @precondition(lambda self: any(phase in NEXT for phase in self.phases.values()))
    @rule(
        target=sent, minutes=st.sampled_from([0, 7, 50, 200]), data=st.data(), hours=st.sampled_from([1, 5, 20, 2000])
    )
    def answer_what_is_allowed(self, minutes: int, data: st.DataObject, hours: int) -> tuple[str, Message]:
        follows = [*NEXT[self.phases[self.latest_open()]], Answer.CHECK_IN]
        return self.answer_latest(data.draw(st.sampled_from(follows)), minutes, hours)

    def answer_latest(self, answer: Answer, minutes: int, hours: int) -> tuple[str, Message]:
        self.now += timedelta(minutes=minutes)
        event = answer_received(answer, self.latest_open(), answered_at=self.now, **self.appointed(answer, hours))
        id_, _ = self.handle(event)
        return id_, event

    def latest_open(self) -> int:
        """The latest attempt that is open (in a broadcast one may end before the others), or else the last of all."""
        return max((at for at, phase in self.phases.items() if phase in NEXT), default=max(self.phases))

    def appointed(self, answer: Answer, hours: int) -> dict[str, Any]:
        with_time = answer in (Answer.APPOINTMENT_PROPOSED, Answer.APPOINTMENT_MOVED)
        return {"appointment_at": self.now + timedelta(hours=hours)} if with_time else {}

    @rule(target=sent, data=st.data())
    def fire(self, data: st.DataObject) -> tuple[str, Message]:
        name, due = data.draw(st.sampled_from(self.timers or [("expire", START)]))
        self.now = max(self.now, due)
        return self.handle(elapsed(name, due))

    @precondition(lambda self: set(self.timers) - self.fired)
    @rule()
    def let_time_go_by(self) -> None:
        due, name = min((due, name) for name, due in set(self.timers) - self.fired)
        self.fired.add((name, due))
        self.now = max(self.now, due)
        self.handle(elapsed(name, due))

    @rule(target=sent, data=st.data())
    def lose_an_offer(self, data: st.DataObject) -> tuple[str, Message]:
        offer = data.draw(st.sampled_from(self.offers)) if self.offers else None
        text = offer.model_dump_json() if offer else ""
        kind = provider.Offer.ce_type() if offer else provider.Reminder.ce_type()
        failed = operations.DeliveryFailed(
            stream=NEED, event_type=kind, event_id="e", topic="t", reason="unknown-topic", text=text
        )
        return self.handle(failed)

    @rule(minutes=st.integers(1, 240))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(earlier=sent)
    def deliver_again(self, earlier: tuple[str, Message]) -> None:
        id_, event = earlier
        before = self.stream.state
        decided = any(entry.cause == f"topic/{id_}" for entry in self.stream.entries)
        self.handle(event, id_)
        assert self.stream.state == before or not decided, "an event takes effect once"

    @rule(earlier=sent)
    def send_again_under_another_id(self, earlier: tuple[str, Message]) -> None:
        self.handle(earlier[1])

    @rule(earlier=sent, answer=st.sampled_from(Answer))
    def reuse_an_id(self, earlier: tuple[str, Message], answer: Answer) -> None:
        id_, _ = earlier
        known = any(entry.cause == f"topic/{id_}" for entry in self.stream.entries)
        before = self.stream.state
        effects = self.stream.handle(answer_received(answer, attempt=1, need="other"), id=id_, now=self.now)
        if known:
            assert self.stream.state == before
            assert all(isinstance(each, Reply) for each in effects)
        else:
            for fact in emitted(effects):
                self.follow(fact)
            self.timers += [(each.name, each.due_at) for each in effects if isinstance(each, SetTimer)]

    def teardown(self) -> None:
        """Lets all timers fire: when nobody answers any more, that is reported, and what can expire has expired."""
        fired = 0
        while fired < len(self.timers):
            self.timers[fired:] = sorted(self.timers[fired:], key=lambda timer: timer[1])
            name, due = self.timers[fired]
            fired += 1
            self.now = max(self.now, due)
            self.handle(elapsed(name, due))
        for attempt, phase in self.phases.items():
            assert phase not in NEXT or phase is Lifecycle.IN_PROGRESS
            if phase is Lifecycle.IN_PROGRESS:
                assert self.counts[attempt, "Overdue close"] == self.counts[attempt, "Escalated close"] == 1
        assert all(count == 1 for count in self.counts.values()), self.counts

    @invariant()
    def one_end_and_one_acceptance_for_each_attempt(self) -> None:
        assert all(count == 1 for count in self.counts.values()), self.counts

    @invariant()
    def no_two_providers_believe_that_they_have_the_person(self) -> None:
        open_ = [phase for phase in self.phases.values() if phase in NEXT]
        if any(phase in (Lifecycle.ACCEPTED_BY_PROVIDER, Lifecycle.IN_PROGRESS) for phase in open_):
            assert len(open_) == 1, "nobody else may be asked any longer"

    @invariant()
    def the_state_is_the_fold_of_the_journal(self) -> None:
        assert self.stream.folded() == self.stream.state

    @invariant()
    def no_offer_is_forgotten(self) -> None:
        """A timer is set for the next step, so that silence always has consequences."""
        for attempt, phase in self.phases.items():
            if phase in WAITED_FOR[DeadlineKind.DECIDE]:
                assert ("expire", self.clocks[attempt, DeadlineKind.DECIDE].due_at) in self.timers
            for clock in (DeadlineKind.ACKNOWLEDGE, DeadlineKind.START, DeadlineKind.CLOSE):
                if phase in WAITED_FOR[clock]:
                    run = self.clocks[attempt, clock]
                    steps = [("Reminded", "remind", run.remind_at), ("Overdue", "overdue", run.due_at)]
                    steps += [("Escalated", "escalate", run.escalate_at)]
                    left = [
                        (f"{clock}-{step}", at)
                        for what, step, at in steps
                        if not self.counts[attempt, f"{what} {clock}"]
                    ]
                    left += [(f"{clock}-expire", run.expires_at)] if run.expires_at else []
                    assert not left or left[0] in self.timers

    @invariant()
    def the_state_follows_from_the_facts_alone(self) -> None:
        assert {offer.terms.attempt: offer.phase for offer in self.stream.state.all} == self.phases

    @invariant()
    def a_release_is_requested_exactly_for_accepted_offers(self) -> None:
        accepted = {attempt for attempt, what in self.counts if what == Lifecycle.ACCEPTED_BY_PROVIDER}
        assert accepted == {attempt for attempt, what in self.counts if what == "ReleaseRequested"}

    @invariant()
    def messages_to_a_provider_go_to_the_topic_of_their_attempts_provider(self) -> None:
        for entry in self.stream.entries:
            for fact in entry.events():
                if fact["type"].startswith(f"{provider.Offer.ce_type().rsplit('.', 2)[0]}."):
                    message = NotificationPolicy.facts[fact["type"]].read(fact["text"])
                    assert fact["topic"] == topics.notifications(f"provider-{getattr(message, 'attempt', 0)}")


BEGINNINGS: list[list[Answer]] = [
    [],
    [Answer.ACCEPTED],
    [Answer.ACCEPTED, Answer.APPOINTMENT_PROPOSED],
    [Answer.ACCEPTED, Answer.APPOINTMENT_PROPOSED, Answer.NO_SHOW],
    [Answer.ACKNOWLEDGED, Answer.ACCEPTED, Answer.IN_PROGRESS],
]
WALK_STEPS = st.tuples(st.integers(0, 11), st.sampled_from([0, 7, 50, 200]), st.sampled_from([1, 5, 20, 2000]))


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(BEGINNINGS), st.lists(WALK_STEPS, min_size=3, max_size=25))
def test_an_accepted_offer_moves_only_along_the_lifecycle(
    begun: list[Answer], steps: list[tuple[int, int, int]]
) -> None:
    """An accepted offer and all that may follow, which the random machine rarely reaches."""
    walk = OfferMachine()
    walk.match_again(Urgency.URGENT)
    for answer in begun:
        walk.answer_latest(answer, 30, 5)
    for which, minutes, hours in steps:
        phase = walk.phases[max(walk.phases)]
        if phase not in NEXT:
            break
        follows = [*NEXT[phase], Answer.CHECK_IN]
        if phase in (Lifecycle.OFFERED, Lifecycle.ACKNOWLEDGED):
            follows = [each for each in follows if each is not Answer.DECLINED]
        if which < len(follows):
            walk.answer_latest(follows[which], minutes, hours)
        elif set(walk.timers) - walk.fired:  # no timer is left once help is long overdue
            walk.let_time_go_by()
        walk.no_offer_is_forgotten()
        walk.the_state_follows_from_the_facts_alone()
        walk.the_state_is_the_fold_of_the_journal()
        walk.one_end_and_one_acceptance_for_each_attempt()
        walk.a_release_is_requested_exactly_for_accepted_offers()
    walk.teardown()


OfferMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=50, deadline=None)
TestOffers = OfferMachine.TestCase
