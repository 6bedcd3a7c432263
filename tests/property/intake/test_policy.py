"""Whatever is sent, in any order and repeatedly: each need only moves forward, and no field leaks.

The machine does not look into the policy's state. From messages and facts alone it records what an outsider could know.
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
from contracts.profiles import MinimalProfile, Region, RequestedNeed, Sealed
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
class Given:
    """What one provider was given in one attempt: the fields it may still have, and of which person."""

    provider: str
    fields: set[PersonalField] = field(default_factory=set)
    digest: str = ""
    end: Lifecycle | None = None
    recalled: dict[int, set[PersonalField]] = field(default_factory=dict)
    acknowledged: set[int] = field(default_factory=set)
    overdue: Counter[int] = field(default_factory=Counter)


class Referrals(RuleBasedStateMachine):
    """One referral, its agency, and the providers that accept its needs, with every message sent again."""

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
        self.given: dict[tuple[str, int], Given] = {}
        self.ends: dict[tuple[str, int], tuple[str, Lifecycle]] = {}
        self.consent: Consent | None = None
        self.may_contact = True

    def handle(self, event: Message, id_: str | None = None) -> tuple[str, Message]:
        """Decide, and check what must be true of every decision."""
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
        assert effects or journaled or not from_outside, "every message from outside is answered"
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
                given = self.given.setdefault((fact.need, fact.attempt), Given(fact.provider))
                assert given.provider == fact.provider, "one provider an attempt"
                assert (fact.need, fact.attempt) not in self.ends, "it no longer has the need"
                assert set(fact.fields) <= self.granted(fact.provider), "never a field without a grant"
                assert given.digest != fact.personal.digest or not given.fields & set(fact.fields), "no field twice"
                given.fields |= set(fact.fields)
                given.digest = fact.personal.digest
            case intake.ReleaseEnded():
                self.ends.setdefault((fact.need, fact.attempt), (fact.provider, fact.end))
            case intake.Recalled():
                given = self.given[fact.need, fact.attempt]
                assert fact.provider == given.provider
                assert set(fact.fields) <= given.fields, "nothing is recalled that was not released"
                assert fact.acknowledge_by == self.now.replace(microsecond=0) + WITHIN
                assert fact.recall == len(given.recalled) + 1
                given.recalled[fact.recall] = set(fact.fields)
                given.fields -= set(fact.fields)
            case intake.RecallOverdue():
                assert self.now >= fact.acknowledge_by
                given = self.given[fact.need, fact.attempt]
                assert fact.recall not in given.acknowledged
                given.overdue[fact.recall] += 1
            case intake.RecallConfirmed():
                given = self.given[fact.need, fact.attempt]
                assert set(fact.fields) == given.recalled[fact.recall]
                assert fact.recall not in given.acknowledged, "once"
                given.acknowledged.add(fact.recall)

    def granted(self, who: str) -> set[PersonalField]:
        """The fields that the consent in force lets a provider have."""
        assert self.consent is not None
        fields = {
            each
            for grant in self.consent.grants
            if grant.recipients == "any" or who in grant.recipients
            for each in grant.fields
        }
        return fields if self.may_contact else fields - {PersonalField.CONTACT}

    def check_answers(self, effects: Sequence[Effect]) -> None:
        """Answers go to outcomes, or to the provider that sent the message. A refusal is the only effect."""
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
        return self.handle(received(*needs, consent=grants))

    @rule(target=sent, needs=NEEDS, person=PERSONS, grants=CONSENTS, digest=DIGESTS, corrects=st.booleans())
    def send(
        self, needs: list[RequestedNeed], person: MinimalProfile, grants: Consent, digest: str, corrects: bool
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
        before, labels, gone = self.stream.state, {each.need for each in needs}, set(self.withdrawn)
        id_, _ = self.handle(event)
        if not corrects or labels & gone:
            assert self.stream.state == before, "a referral is submitted once; a withdrawn need does not come back"
        else:
            assert set(self.revisions) - self.withdrawn == labels, "as it should have been, whole"
        return id_, event

    @rule(target=sent, needs=st.lists(st.sampled_from(LABELS), max_size=2))
    def withdraw(self, needs: list[str]) -> tuple[str, Message]:
        known = set(self.revisions)
        open_ = known - self.withdrawn
        result = self.handle(withdrawal(*needs))
        gone = open_ - (set(self.revisions) - self.withdrawn)
        assert gone == (set() if not set(needs) <= known else open_ & set(needs) if needs else open_)
        return result

    @rule(target=sent)
    def ask(self) -> tuple[str, Message]:
        return self.handle(status_asked())

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
        result = self.handle(event)
        if at < START:
            assert self.stream.state == before, "what is older than the consent in force changes nothing"
        else:
            assert self.consent == now
        return result

    @rule(target=sent, label=st.sampled_from(LABELS), attempt=ATTEMPTS, who=st.sampled_from(PROVIDERS))
    def accept_an_offer(self, label: str, attempt: int, who: str) -> tuple[str, Message]:
        return self.handle(release_requested(label, attempt, provider=who))

    @rule(target=sent, label=st.sampled_from(LABELS), attempt=ATTEMPTS, who=st.sampled_from(PROVIDERS), end=ENDS)
    def lose_the_need(self, label: str, attempt: int, who: str, end: Lifecycle) -> tuple[str, Message]:
        return self.handle(release_ended(end, label, attempt, provider=who))

    @rule(
        target=sent,
        label=st.sampled_from(LABELS),
        attempt=ATTEMPTS,
        who=st.sampled_from(PROVIDERS),
        recall=st.integers(1, 3),
    )
    def confirm_a_deletion(self, label: str, attempt: int, who: str, recall: int) -> tuple[str, Message]:
        return self.handle(deletion_confirmed(recall, label, attempt, provider=who, at=self.now))

    @rule(who=st.sampled_from(PROVIDERS))
    def publish_a_key(self, who: str) -> None:
        self.keys.add(who)

    @rule(data=st.data())
    def fire(self, data: st.DataObject) -> None:
        if self.timers:
            timer = data.draw(st.sampled_from(self.timers))
            self.timers.remove(timer)
            self.now = max(self.now, timer.due_at)
            self.handle(elapsed(timer.name, timer.due_at, REFERRAL))

    @rule()
    def let_every_recall_be_overdue_twice(self) -> None:
        for timer in [each for each in self.timers if each.name.startswith("recall:")] * 2:
            self.now = max(self.now, timer.due_at)
            self.handle(elapsed(timer.name, timer.due_at, REFERRAL))

    @rule(minutes=st.integers(1, 600))
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

    @rule(earlier=sent, needs=NEEDS)
    def reuse_an_id(self, earlier: tuple[str, Message], needs: list[RequestedNeed]) -> None:
        id_, event = earlier
        known = any(entry.cause == f"topic/{id_}" for entry in self.stream.entries)
        other = received(*needs, corrects=True, region=Region(admin1="BY-HM"))
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
    def fields_no_longer_granted_are_recalled(self) -> None:
        """A provider may have every field that it was given and was not asked to delete, by the consent in force."""
        for key, given in self.given.items():
            ended = self.ends.get(key)
            may_keep = ended is None or ended[1] in (Lifecycle.DELIVERED, Lifecycle.PARTLY_DELIVERED)
            assert given.fields <= (self.granted(given.provider) if may_keep else set())

    @invariant()
    def a_recall_is_overdue_at_most_once(self) -> None:
        assert all(count == 1 for given in self.given.values() for count in given.overdue.values())

    @invariant()
    def each_recall_is_sent_to_its_provider_and_published(self) -> None:
        facts = [fact for entry in self.stream.entries for fact in entry.events()]
        sent = [fact["topic"] for fact in facts if fact["type"] == provider.Recall.ce_type()]
        followed = [intake.Recalled.read(fact["text"]) for fact in facts if fact["type"] == intake.Recalled.ce_type()]
        assert sent == [topics.notifications(each.provider) for each in followed]

    @invariant()
    def each_waiting_release_has_one_timer(self) -> None:
        names = Counter(timer.name for timer in self.timers)
        assert all(count == 1 for count in names.values()), names

    @invariant()
    def the_sealed_person_goes_only_to_providers_topics(self) -> None:
        for entry in self.stream.entries:
            for fact in entry.events():
                if '"box"' in fact["text"] and fact["topic"] is not None:
                    assert fact["type"] == intake.Released.ce_type()
                    assert fact["topic"].startswith("provider.")


Referrals.TestCase.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
TestReferrals = Referrals.TestCase
