"""Whatever comes, in whatever order and however often: an offer moves only along the lifecycle, and ends once.

The machine knows nothing of the policy's state. It keeps, from the facts alone, what an outsider could know.
"""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from contracts import intake, notification, operations, provider, topics
from contracts.base import Message
from contracts.matching import Broadcast
from contracts.words import Answer, Lifecycle, Urgency
from services.chassis.decider import Reply, SetTimer
from services.notification.policy import Deadline, NotificationPolicy
from services.notification.state import NEXT
from tests.kit.builders import NEED, answer_received, elapsed, match_revoked, matched
from tests.kit.clock import START
from tests.kit.stream import Stream, emitted, replied

ATTEMPTS = st.integers(1, 4)
PROVIDERS = st.sampled_from(["provider-1", "provider-2", "stranger"])
DEADLINES = {urgency: Deadline(timedelta(hours=1), timedelta(hours=3)) for urgency in Urgency}

LEADS_TO: dict[type[Message], Lifecycle] = {
    notification.Acknowledged: Lifecycle.ACKNOWLEDGED,
    notification.Accepted: Lifecycle.TAKEN_UP,
    notification.Declined: Lifecycle.DECLINED,
    notification.Expired: Lifecycle.EXPIRED,
    notification.Revoked: Lifecycle.REVOKED,
    notification.InProgress: Lifecycle.IN_PROGRESS,
    notification.NotDelivered: Lifecycle.NOT_DELIVERED,
}
ALLOWED = {state: {*answers.values(), Lifecycle.REVOKED} for state, answers in NEXT.items()}
for undecided in (Lifecycle.OFFERED, Lifecycle.ACKNOWLEDGED):
    ALLOWED[undecided].add(Lifecycle.EXPIRED)


class Offers(RuleBasedStateMachine):
    """One need, its matches, its providers' answers, its timers, and everything again."""

    sent = Bundle("sent")

    def __init__(self) -> None:
        super().__init__()
        self.stream = Stream("notification", NotificationPolicy(DEADLINES), NEED)
        self.now = START
        self.serial = 0
        self.timers: list[tuple[str, datetime]] = []
        self.offers: list[provider.Offer] = []
        self.phases: dict[int, Lifecycle] = {}
        self.broadcasts: dict[int, Broadcast | None] = {}
        self.decide_by: dict[int, datetime] = {}
        self.counts: Counter[tuple[int, str]] = Counter()

    def say(self, event: Message, id_: str | None = None) -> tuple[str, Message]:
        """Decide, and check all that has to hold of any decision."""
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
        """A fact moves its attempt one legal step."""
        if isinstance(fact, notification.Offered):
            assert fact.attempt > max(self.phases, default=0)
            open_ = [attempt for attempt, phase in self.phases.items() if phase in NEXT]
            together = all(fact.broadcast and self.broadcasts[attempt] == fact.broadcast for attempt in open_)
            assert together, "one open offer at a time, or several of one broadcast"
            self.phases[fact.attempt] = Lifecycle.OFFERED
            self.broadcasts[fact.attempt] = fact.broadcast
            self.decide_by[fact.attempt] = fact.decide_by
            return
        if isinstance(fact, notification.Declined | notification.Expired | notification.Revoked):
            mine = self.broadcasts[fact.attempt]
            others = {
                at: self.phases[at] for at, each in self.broadcasts.items() if each == mine and at != fact.attempt
            }
            if mine is None:
                assert not fact.others_open
            else:
                awaited = len(others) + 1 < mine.offers
                assert fact.others_open == (awaited or any(phase in NEXT for phase in others.values()))
        if isinstance(fact, notification.Expired):
            assert fact.undeliverable or self.now >= self.decide_by[fact.attempt], "not before its time"
        state = LEADS_TO.get(type(fact))
        if isinstance(fact, notification.Delivered):
            state = Lifecycle.PARTLY_DELIVERED if fact.partly else Lifecycle.DELIVERED
        if state is not None:
            assert state in ALLOWED.get(self.phases[fact.attempt], set()), (self.phases[fact.attempt], state)
            self.phases[fact.attempt] = state
            self.counts[(fact.attempt, "end" if state not in NEXT else state.value)] += 1
        elif isinstance(fact, notification.Reminded | intake.ReleaseRequested):
            self.counts[(fact.attempt, type(fact).__name__)] += 1

    def check_answer(self, answer: notification.AnswerReceived, effects: Any) -> None:
        """Either it counts and is its sender's own, or it is answered to its sender and nothing else happens."""
        facts, replies = emitted(effects), replied(effects)
        assert not (facts and replies)
        closing = (notification.Revoked, provider.OfferClosed)
        rivals = {fact.attempt for fact in facts if isinstance(fact, closing)}
        if rivals:  # those who were asked at the same time are told that they are late
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
        return self.say(matched(attempt, urgency=urgency))

    @rule(target=sent, attempt=ATTEMPTS, offers=st.integers(2, 3))
    def match_at_once(self, attempt: int, offers: int) -> tuple[str, Message]:
        """One of a broadcast: of the first, which begins with attempt 1, or of the second."""
        first = 1 if attempt <= 2 else 3
        return self.say(matched(attempt, broadcast=Broadcast(first=first, offers=offers)))

    @rule(target=sent, attempt=ATTEMPTS)
    def revoke(self, attempt: int) -> tuple[str, Message]:
        return self.say(match_revoked(attempt))

    @rule(target=sent, attempt=ATTEMPTS, who=PROVIDERS, answer=st.sampled_from(Answer))
    def answer(self, attempt: int, who: str, answer: Answer) -> tuple[str, Message]:
        event = answer_received(answer, attempt, provider=who, answered_at=self.now)
        id_, _ = self.say(event)
        return id_, event

    @rule(target=sent, answer=st.sampled_from(Answer), behind=st.integers(0, 1))
    def answer_rightly(self, answer: Answer, behind: int) -> tuple[str, Message]:
        event = answer_received(answer, max(1, max(self.phases, default=1) - behind), answered_at=self.now)
        id_, _ = self.say(event)
        return id_, event

    @rule(target=sent, data=st.data())
    def fire(self, data: st.DataObject) -> tuple[str, Message]:
        name, due = data.draw(st.sampled_from(self.timers or [("expire", START)]))
        self.now = max(self.now, due)
        return self.say(elapsed(name, due))

    @rule(target=sent, data=st.data())
    def lose_an_offer(self, data: st.DataObject) -> tuple[str, Message]:
        offer = data.draw(st.sampled_from(self.offers)) if self.offers else None
        text = offer.model_dump_json() if offer else ""
        kind = provider.Offer.ce_type() if offer else provider.Reminder.ce_type()
        lost = operations.Undeliverable(
            stream=NEED, event_type=kind, event_id="e", topic="t", reason="unknown-topic", text=text
        )
        return self.say(lost)

    @rule(minutes=st.integers(1, 240))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(earlier=sent)
    def deliver_again(self, earlier: tuple[str, Message]) -> None:
        id_, event = earlier
        before = self.stream.state
        decided = any(entry.cause == f"topic/{id_}" for entry in self.stream.entries)
        self.say(event, id_)
        assert self.stream.state == before or not decided, "an event takes effect once"

    @rule(earlier=sent)
    def send_again_under_another_id(self, earlier: tuple[str, Message]) -> None:
        self.say(earlier[1])

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

    @invariant()
    def one_end_and_one_acceptance_for_each_attempt(self) -> None:
        assert all(count == 1 for count in self.counts.values()), self.counts

    @invariant()
    def no_two_providers_believe_that_they_have_the_person(self) -> None:
        open_ = [phase for phase in self.phases.values() if phase in NEXT]
        if any(phase in (Lifecycle.TAKEN_UP, Lifecycle.IN_PROGRESS) for phase in open_):
            assert len(open_) == 1, "nor is anybody asked still"

    @invariant()
    def the_state_is_the_fold_of_the_journal(self) -> None:
        assert self.stream.folded() == self.stream.state

    @invariant()
    def what_outsiders_know_is_the_state(self) -> None:
        assert {offer.attempt: offer.phase for offer in self.stream.state.all} == self.phases

    @invariant()
    def a_release_is_asked_for_exactly_where_it_was_taken_up(self) -> None:
        taken_up = {attempt for attempt, what in self.counts if what == Lifecycle.TAKEN_UP}
        assert taken_up == {attempt for attempt, what in self.counts if what == "ReleaseRequested"}

    @invariant()
    def facts_go_to_our_topic_and_words_to_that_attempts_provider(self) -> None:
        for entry in self.stream.entries:
            for fact in entry.events():
                if fact["type"].startswith(f"{provider.Offer.ce_type().rsplit('.', 2)[0]}."):
                    told = NotificationPolicy.facts[fact["type"]].read(fact["text"])
                    assert fact["topic"] == topics.notifications(f"provider-{getattr(told, 'attempt', 0)}")


Offers.TestCase.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
TestOffers = Offers.TestCase
