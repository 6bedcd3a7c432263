"""Any two readers of a provider's topic agree with each other and with the system, whoever at the provider answers."""

from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.base import Message
from contracts.cloudevents import CloudEvent
from contracts.words import Answer, DecidedBy, Lifecycle, Urgency
from services.chassis.decider import Emit, Reply, SetTimer
from services.console.provider.cases import Inbox
from services.notification.domain.deadlines import DeadlineRules, TimeLimits
from services.notification.domain.offer import Accepted, Ended
from services.notification.domain.policy import NotificationPolicy
from tests.support.builders import NEED, answer_received, elapsed, match_revoked, matched
from tests.support.clock import START
from tests.support.stream import Stream

PROVIDER = "provider-1"
HOUR = timedelta(hours=1)
RULES = DeadlineRules(
    {
        urgency: TimeLimits(4 * HOUR, 24 * HOUR, start=72 * HOUR, close=200 * HOUR, escalate=HOUR, grace=HOUR)
        for urgency in Urgency
    }
)
TIMED = (Answer.APPOINTMENT_PROPOSED, Answer.APPOINTMENT_MOVED)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("answer"), st.sampled_from(Answer), st.integers(0, 30), st.sampled_from(DecidedBy)),
        st.tuples(st.just("time"), st.none(), st.none(), st.none()),
        st.tuples(st.just("revoke"), st.none(), st.none(), st.none()),
    ),
    max_size=14,
)


class ProviderTopic:
    """One offer that several people answer without waiting for each other, and all that its provider's topic holds."""

    def __init__(self) -> None:
        self.need = Stream("notification", NotificationPolicy(RULES), NEED)
        self.now = START
        self.timers: list[tuple[datetime, str]] = []
        self.messages: list[Message] = []
        self.decide(matched(provider=PROVIDER))

    def decide(self, event: Message) -> None:
        effects = self.need.handle(event, id=str(len(self.need.entries)) + str(self.now), now=self.now)
        self.timers += [(each.due_at, each.name) for each in effects if isinstance(each, SetTimer)]
        sent = (each for each in effects if isinstance(each, Emit | Reply))
        self.messages += [each.event for each in sent if each.topic == f"provider.{PROVIDER}.notifications"]

    def step(self, kind: str, answer: Any, hours: Any, by: Any) -> None:
        self.now += timedelta(minutes=1)
        if kind == "revoke":
            self.decide(match_revoked())
        elif kind == "answer":
            timed = {"appointment_at": self.now + hours * HOUR} if answer in TIMED else {}
            self.decide(answer_received(answer, provider=PROVIDER, by=by, answered_at=self.now, **timed))
        elif self.timers:
            due, name = min(self.timers)
            self.timers.remove((due, name))
            self.now = max(self.now, due)
            self.decide(elapsed(name, due))

    def read(self, start: int = 0) -> Inbox:
        inbox = Inbox()
        for number, message in enumerate(self.messages[start:]):
            inbox.take(CloudEvent(str(number), "/x", message.ce_type(), self.now, b""), message)
        return inbox


@settings(max_examples=300, deadline=None)
@given(STEPS, st.data())
def test_readers_agree_with_each_other_and_with_the_system(steps: list[Any], data: st.DataObject) -> None:
    topic = ProviderTopic()
    live = Inbox()
    for each in steps:
        seen = len(topic.messages)
        topic.step(*each)
        for message in topic.messages[seen:]:
            live.take(CloudEvent("x", "/x", message.ce_type(), topic.now, b""), message)
    (offer,) = topic.need.state.all
    (case,) = topic.read().cases.values()
    assert case.ended == isinstance(offer, Ended)
    if not isinstance(offer, Ended):
        assert case.state is offer.phase
        assert case.next[1] == offer.deadlines.next_due(offer.phase)[1]
        assert case.undecided == (not isinstance(offer, Accepted))
    elif offer.phase not in (Lifecycle.EXPIRED, Lifecycle.REVOKED):
        assert case.state is offer.phase
    if isinstance(offer, Accepted):
        assert case.appointment_at == offer.appointment_at

    start = data.draw(st.integers(0, len(topic.messages)), label="a reader that came later, after records had expired")
    for late in (*topic.read(start).cases.values(), *live.cases.values()):
        if late.closed or late.state is not None:
            assert (late.closed, late.state if not late.closed else None) == (
                case.closed,
                case.state if not case.closed else None,
            )
            assert late.ended == case.ended


def test_a_topic_has_more_than_the_offer() -> None:
    """Guards the property above: the answers of the walk are really confirmed and refused."""
    topic = ProviderTopic()
    for answer in (Answer.ACCEPTED, Answer.ACCEPTED, Answer.DELIVERED):
        topic.step("answer", answer, 1, DecidedBy.PROVIDER)
    kinds = [message.TYPE.split(".")[1] for message in topic.messages]
    assert kinds == ["offer", "answer-confirmed", "answer-refused", "answer-confirmed"]
