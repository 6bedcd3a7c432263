"""Whatever is sent, in whatever order and however often: each need moves only forward, and no field leaks.

The machine knows nothing of the policy's state. It keeps, from what was sent and from the facts alone, what an outsider
could know.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from contracts import intake, provider, topics
from contracts.agency import Consent, Grant
from contracts.base import Message
from contracts.intake import RequestedNeed, Sealed
from contracts.words import Category, LegalBasis, Lifecycle, PersonalField, Urgency
from services.chassis.decider import Effect, Reply, SetTimer
from services.intake.domain.policy import IntakePolicy
from tests.support.builders import REFERRAL, elapsed, minimum
from tests.support.clock import START
from tests.support.intake_world import (
    consent,
    consent_received,
    deletion_confirmed,
    received,
    release_ended,
    release_requested,
    requested,
    status_asked,
    withdrawal,
)
from tests.support.stream import Stream, emitted, replied

LABELS = ["bed", "doctor", "lawyer"]
PROVIDERS = ["provider-1", "provider-2"]
FIELDS = st.lists(st.sampled_from([PersonalField.NAME, PersonalField.CONTACT, PersonalField.NOTE]), unique=True)
GRANTS = st.lists(
    st.builds(
        Grant,
        recipients=st.one_of(st.just("any"), st.lists(st.sampled_from(PROVIDERS), min_size=1, unique=True)),
        fields=FIELDS,
    ),
    min_size=1,
    max_size=2,
)
CONSENTS = GRANTS.map(lambda grants: consent().model_copy(update={"grants": grants}))
NEEDS = st.lists(
    st.builds(
        requested,
        st.sampled_from(LABELS),
        urgency=st.sampled_from([Urgency.NORMAL, Urgency.EMERGENCY]),
        category=st.sampled_from([Category.SHELTER, Category.GBV]),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda each: each.need,
)
PERSONS = st.sampled_from([minimum(), minimum(household_size=2)])
SILENT = "not to be contacted"
DIGESTS = st.sampled_from(["Maria", "Marija", SILENT])
ATTEMPTS = st.integers(1, 3)
ENDS = st.sampled_from(
    [Lifecycle.DELIVERED, Lifecycle.PARTLY_DELIVERED, Lifecycle.NOT_DELIVERED, Lifecycle.EXPIRED, Lifecycle.REVOKED]
)
WITHIN = timedelta(hours=5)


@dataclass
class Told:
    """What one provider has been told for one attempt: the fields it may still have, and of which person."""

    provider: str
    given: set[PersonalField] = field(default_factory=set)
    digest: str = ""
    end: Lifecycle | None = None
    recalled: dict[int, set[PersonalField]] = field(default_factory=dict)
    acknowledged: set[int] = field(default_factory=set)
    overdue: Counter[int] = field(default_factory=Counter)


class Referrals(RuleBasedStateMachine):
    """One referral, its agency, the providers that accept its needs, and everything again."""

    sent = Bundle("sent")

    def __init__(self) -> None:
        super().__init__()
        self.stream = Stream("intake", IntakePolicy(WITHIN), REFERRAL)
        self.now = START
        self.serial = 0
        self.keys: set[str] = set()
        self.timers: list[SetTimer] = []
        self.first: dict[str, Any] = {}
        self.revisions: dict[str, list[int]] = defaultdict(list)
        self.withdrawn: set[str] = set()
        self.told: dict[tuple[str, int], Told] = {}
        self.ends: dict[tuple[str, int], tuple[str, Lifecycle]] = {}
        self.consent: Consent | None = None
        self.may_contact = True

    def say(self, event: Message, id_: str | None = None) -> tuple[str, Message]:
        """Decide, and check all that has to hold of any decision."""
        self.serial += 1
        id_ = id_ or str(self.serial)
        before, length = self.stream.state, len(self.stream.entries)
        journaled = any(entry.cause == f"topic/{id_}" for entry in self.stream.entries)
        effects = self.stream.handle(event, id=id_, now=self.now, context=frozenset(self.keys))
        facts = emitted(effects)
        for fact in facts:
            self.follow(fact)
        if not facts:
            assert self.stream.state == before
            assert len(self.stream.entries) == length, "what changes nothing is not journaled"
        self.check_answers(effects)
        from_outside = isinstance(
            event,
            intake.ReferralReceived
            | intake.ConsentReceived
            | intake.WithdrawalReceived
            | intake.StatusAsked
            | intake.DeletionConfirmed,
        )
        assert effects or journaled or not from_outside, "nobody is met with silence"
        self.timers += [each for each in effects if isinstance(each, SetTimer)]
        return id_, event

    def follow(self, fact: Any) -> None:
        """A fact moves its need forward."""
        match fact:
            case intake.ReferralStored():
                self.consent, self.may_contact = fact.consent, fact.may_contact
            case intake.NeedRegistered():
                assert fact.need not in self.withdrawn, "nothing is accepted after it was withdrawn"
                assert fact.revision == len(self.revisions[fact.need]), "revisions rise one by one"
                self.revisions[fact.need].append(fact.revision)
                assert fact.requested_at == self.first.setdefault(fact.need, fact.requested_at)
            case intake.NeedWithdrawn():
                assert fact.need in self.revisions
                assert fact.need not in self.withdrawn, "once"
                self.withdrawn.add(fact.need)
            case intake.Released():
                assert fact.need in self.revisions
                assert fact.need not in self.withdrawn
                assert fact.provider in self.keys
                assert fact.fields
                told = self.told.setdefault((fact.need, fact.attempt), Told(fact.provider))
                assert told.provider == fact.provider, "one provider an attempt"
                assert (fact.need, fact.attempt) not in self.ends, "it has the need no more"
                assert set(fact.fields) <= self.granted(fact.provider), "never a field without a grant"
                assert told.digest != fact.personal.digest or not told.given & set(fact.fields), "no field twice"
                told.given |= set(fact.fields)
                told.digest = fact.personal.digest
            case intake.ReleaseEnded():
                self.ends.setdefault((fact.need, fact.attempt), (fact.provider, fact.end))
            case intake.Recalled():
                told = self.told[fact.need, fact.attempt]
                assert fact.provider == told.provider
                assert set(fact.fields) <= told.given, "nothing is recalled that it was not given"
                assert fact.acknowledge_by == self.now.replace(microsecond=0) + WITHIN
                assert fact.recall == len(told.recalled) + 1
                told.recalled[fact.recall] = set(fact.fields)
                told.given -= set(fact.fields)
            case intake.RecallOverdue():
                assert self.now >= fact.acknowledge_by
                told = self.told[fact.need, fact.attempt]
                assert fact.recall not in told.acknowledged
                told.overdue[fact.recall] += 1
            case intake.RecallConfirmed():
                told = self.told[fact.need, fact.attempt]
                assert set(fact.fields) == told.recalled[fact.recall]
                assert fact.recall not in told.acknowledged, "once"
                told.acknowledged.add(fact.recall)

    def granted(self, who: str) -> set[PersonalField]:
        """What the consent in force lets a provider know."""
        assert self.consent is not None
        fields = {
            each
            for grant in self.consent.grants
            if grant.recipients == "any" or who in grant.recipients
            for each in grant.fields
        }
        return fields if self.may_contact else fields - {PersonalField.CONTACT}

    def check_answers(self, effects: Sequence[Effect]) -> None:
        """Answers go to outcomes, or to the provider that sent it; a refusal is all there is."""
        for reply in replied(effects):
            if isinstance(reply.event, provider.ProviderInputRefused):
                assert reply.topic == topics.notifications(reply.event.provider)
                assert list(effects) == [reply]
                continue
            assert reply.topic == topics.inbox("outcomes")
            if isinstance(reply.event, intake.ReferralRefused):
                assert list(effects) == [reply], "a refused event emits no facts"
                assert reply.event.problems

    @initialize(target=sent, needs=NEEDS, grants=CONSENTS, keys=st.sets(st.sampled_from(PROVIDERS)))
    def begin(self, needs: list[RequestedNeed], grants: Consent, keys: set[str]) -> tuple[str, Message]:
        self.keys |= keys
        return self.say(received(*needs, consent=grants))

    @rule(target=sent, needs=NEEDS, person=PERSONS, grants=CONSENTS, digest=DIGESTS, corrects=st.booleans())
    def send(
        self, needs: list[RequestedNeed], person: intake.MinimalProfile, grants: Consent, digest: str, corrects: bool
    ) -> tuple[str, Message]:
        box = Sealed(key_id=REFERRAL, box=f"{self.serial}", digest=digest)
        event = received(
            *needs,
            corrects=corrects,
            person=person,
            consent=grants.model_copy(update={"given_at": self.now}),
            personal=box,
            may_contact=digest != SILENT,
            received_at=self.now,
        )
        before, named, gone = self.stream.state, {each.need for each in needs}, set(self.withdrawn)
        id_, _ = self.say(event)
        if not corrects or named & gone:
            assert self.stream.state == before, "a referral is submitted once; what is withdrawn does not come back"
        else:
            assert set(self.revisions) - self.withdrawn == named, "as it should have been, whole"
        return id_, event

    @rule(target=sent, needs=st.lists(st.sampled_from(LABELS), max_size=2))
    def withdraw(self, needs: list[str]) -> tuple[str, Message]:
        known = set(self.revisions)
        open_ = known - self.withdrawn
        result = self.say(withdrawal(*needs))
        gone = open_ - (set(self.revisions) - self.withdrawn)
        assert gone == (set() if not set(needs) <= known else open_ & set(needs) if needs else open_)
        return result

    @rule(target=sent)
    def ask(self) -> tuple[str, Message]:
        return self.say(status_asked())

    @rule(target=sent, grants=GRANTS, stale=st.integers(0, 3))
    def change_consent(self, grants: list[Grant], stale: int) -> tuple[str, Message]:
        return self.consents(grants, self.now if stale else START - timedelta(days=1), LegalBasis.CONSENT)

    @rule(target=sent, basis=st.sampled_from(LegalBasis))
    def withdraw_consent(self, basis: LegalBasis) -> tuple[str, Message]:
        result = self.consents([], self.now, basis)
        if basis is LegalBasis.CONSENT:
            assert set(self.revisions) == self.withdrawn, "all needs have ended"
        return result

    def consents(self, grants: list[Grant], at: datetime, basis: LegalBasis) -> tuple[str, Message]:
        now = consent().model_copy(update={"grants": grants, "given_at": at, "basis": basis})
        event = consent_received().model_copy(update={"consent": now, "received_at": self.now})
        before = self.stream.state
        result = self.say(event)
        if at < START:
            assert self.stream.state == before, "what is older than the consent in force changes nothing"
        else:
            assert self.consent == now
        return result

    @rule(target=sent, label=st.sampled_from(LABELS), attempt=ATTEMPTS, who=st.sampled_from(PROVIDERS))
    def accept_an_offer(self, label: str, attempt: int, who: str) -> tuple[str, Message]:
        return self.say(release_requested(label, attempt, provider=who))

    @rule(target=sent, label=st.sampled_from(LABELS), attempt=ATTEMPTS, who=st.sampled_from(PROVIDERS), end=ENDS)
    def have_it_no_more(self, label: str, attempt: int, who: str, end: Lifecycle) -> tuple[str, Message]:
        return self.say(release_ended(end, label, attempt, provider=who))

    @rule(
        target=sent,
        label=st.sampled_from(LABELS),
        attempt=ATTEMPTS,
        who=st.sampled_from(PROVIDERS),
        recall=st.integers(1, 3),
    )
    def say_it_is_deleted(self, label: str, attempt: int, who: str, recall: int) -> tuple[str, Message]:
        return self.say(deletion_confirmed(recall, label, attempt, provider=who, at=self.now))

    @rule(who=st.sampled_from(PROVIDERS))
    def publish_a_key(self, who: str) -> None:
        self.keys.add(who)

    @rule(data=st.data())
    def fire(self, data: st.DataObject) -> None:
        if self.timers:
            timer = data.draw(st.sampled_from(self.timers))
            self.timers.remove(timer)
            self.now = max(self.now, timer.due_at)
            self.say(elapsed(timer.name, timer.due_at, REFERRAL))

    @rule()
    def let_every_recall_fall_due_twice(self) -> None:
        for timer in [each for each in self.timers if each.name.startswith("recall:")] * 2:
            self.now = max(self.now, timer.due_at)
            self.say(elapsed(timer.name, timer.due_at, REFERRAL))

    @rule(minutes=st.integers(1, 600))
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

    @rule(earlier=sent, needs=NEEDS)
    def reuse_an_id(self, earlier: tuple[str, Message], needs: list[RequestedNeed]) -> None:
        id_, event = earlier
        known = any(entry.cause == f"topic/{id_}" for entry in self.stream.entries)
        other = received(*needs, corrects=True, region=intake.Region(admin1="BY-HM"))
        if known and other != event:
            before = self.stream.state
            effects = self.stream.handle(other, id=id_, now=self.now, context=frozenset(self.keys))
            assert self.stream.state == before
            assert [type(each) for each in effects] == [Reply]

    @invariant()
    def the_state_is_the_fold_of_the_journal(self) -> None:
        assert self.stream.folded() == self.stream.state

    @invariant()
    def what_outsiders_know_is_the_state(self) -> None:
        assert set(self.stream.state.needs.open) == set(self.revisions) - self.withdrawn

    @invariant()
    def what_is_granted_no_more_is_under_recall(self) -> None:
        """What a provider has and is not told to delete, it may have by the consent of now."""
        for key, told in self.told.items():
            ended = self.ends.get(key)
            may_keep = ended is None or ended[1] in (Lifecycle.DELIVERED, Lifecycle.PARTLY_DELIVERED)
            assert told.given <= (self.granted(told.provider) if may_keep else set())

    @invariant()
    def a_recall_is_overdue_at_most_once(self) -> None:
        assert all(count == 1 for told in self.told.values() for count in told.overdue.values())

    @invariant()
    def a_recall_is_sent_to_its_provider_as_it_is_told_to_the_others(self) -> None:
        facts = [fact for entry in self.stream.entries for fact in entry.events()]
        sent = [fact["topic"] for fact in facts if fact["type"] == provider.Recall.ce_type()]
        followed = [intake.Recalled.read(fact["text"]) for fact in facts if fact["type"] == intake.Recalled.ce_type()]
        assert sent == [topics.notifications(each.provider) for each in followed]

    @invariant()
    def at_most_one_timer_for_each_release_that_waits(self) -> None:
        names = Counter(timer.name for timer in self.timers)
        assert all(count == 1 for count in names.values()), names

    @invariant()
    def the_sealed_person_goes_to_no_topic_but_that_of_a_provider_who_may_know(self) -> None:
        for entry in self.stream.entries:
            for fact in entry.events():
                if '"box"' in fact["text"] and fact["topic"] is not None:
                    assert fact["type"] == intake.Released.ce_type()
                    assert fact["topic"].startswith("provider.")


Referrals.TestCase.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
TestReferrals = Referrals.TestCase
