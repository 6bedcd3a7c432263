"""What intake decides when consent changes: what is released, what is recalled, and which recalls are confirmed."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from contracts import agency, intake, provider, topics
from contracts.agency import Grant
from contracts.profiles import Sealed
from contracts.words import LegalBasis, Lifecycle, PersonalField
from services.chassis.decider import Effect, Emit, SetTimer
from services.intake.domain.policy import IntakePolicy
from tests.support.builders import REFERRAL, elapsed
from tests.support.clock import START
from tests.support.intake_world import (
    consent,
    consent_received,
    corrected,
    deletion_confirmed,
    received,
    release_ended,
    release_requested,
    requested,
    withdrawal,
)
from tests.support.stream import Stream, emitted, replied

NAME, CONTACT, NOTE = PersonalField.NAME, PersonalField.CONTACT, PersonalField.NOTE
KEYS = {"provider-1", "provider-2"}
WITHIN = timedelta(hours=10)
LATER = START + timedelta(hours=1)


@pytest.fixture
def known() -> Stream:
    """Two needs, bed and school; name and contact are granted to any."""
    stream = Stream("intake", IntakePolicy(WITHIN), REFERRAL)
    stream.handle(received(requested("bed"), requested("school")))
    return stream


@pytest.fixture
def disclosed(known: Stream) -> Stream:
    """Provider 1 has accepted bed, and was given name and contact."""
    known.handle(release_requested(), context=KEYS)
    return known


def change(stream: Stream, *fields: PersonalField, now: Any = START, keys: Any = KEYS, **how: Any) -> Sequence[Effect]:
    return stream.handle(consent_received(*fields, **how), context=keys, now=now, id=str(len(stream.entries)))


def recalls(effects: Sequence[Effect]) -> list[tuple[list[PersonalField], str]]:
    """The fields that a provider must delete, and why."""
    return [(each.fields, each.reason) for each in emitted(effects, provider.Recall)]


def releases(effects: Sequence[Effect]) -> list[tuple[str, list[PersonalField]]]:
    return [(each.provider, each.fields) for each in emitted(effects, intake.Released)]


def refused(effects: Sequence[Effect]) -> list[str]:
    """The fields of a refusal, which must be the only effect."""
    [reply] = replied(effects)
    assert len(effects) == 1
    assert isinstance(reply.event, intake.ReferralRefused | provider.ProviderInputRefused)
    return [problem.field for problem in reply.event.problems]


# wider ----------------------------------------------------------------------------------------------------------------


def test_new_recipients_are_published_to_matching_like_a_correction(known: Stream) -> None:
    effects = change(known, NAME, CONTACT, recipients=["p2", "p1"])
    again = emitted(effects, intake.NeedRegistered)
    assert [(each.need, each.revision, each.recipients) for each in again] == [
        ("bed", 1, ["p1", "p2"]),
        ("school", 1, ["p1", "p2"]),
    ]
    assert all(each.topic == topics.INTAKE for each in effects if isinstance(each, Emit) and each.event in again)


def test_a_field_granted_later_is_released_and_no_other_field_again(disclosed: Stream) -> None:
    assert releases(change(disclosed, NAME, CONTACT, NOTE)) == [("provider-1", [NOTE])]
    assert releases(change(disclosed, NAME, CONTACT, NOTE, PersonalField.PLACE)) == [
        ("provider-1", [PersonalField.PLACE])
    ]


def test_a_provider_without_a_grant_gets_fields_granted_later(known: Stream) -> None:
    change(known)
    assert emitted(known.handle(release_requested(), context=KEYS), intake.Released) == []
    assert releases(change(known, NAME)) == [("provider-1", [NAME])]


@pytest.mark.parametrize("end", [Lifecycle.DELIVERED, Lifecycle.NOT_DELIVERED, Lifecycle.REVOKED])
def test_nothing_more_is_released_to_a_provider_that_no_longer_has_the_need(disclosed: Stream, end: Lifecycle) -> None:
    disclosed.handle(release_ended(end), context=KEYS)
    assert releases(change(disclosed, *PersonalField)) == []
    assert releases(disclosed.handle(release_requested(), context=KEYS, id="late")) == []


def test_an_end_that_arrives_before_the_acceptance_counts(known: Stream) -> None:
    known.handle(release_ended(Lifecycle.REVOKED), context=KEYS)
    assert known.handle(release_requested(), context=KEYS) == []


def test_fields_granted_later_wait_for_a_key_with_one_timer(known: Stream) -> None:
    change(known)
    known.handle(release_requested(), context=set())
    waits = [each for each in change(known, NAME, keys=set()) if isinstance(each, SetTimer)]
    assert [each.name for each in waits] == ["release:bed:1:0"]
    assert not [each for each in change(known, NAME, NOTE, keys=set()) if isinstance(each, SetTimer)]
    assert releases(known.handle(elapsed("release:bed:1:0", waits[0].due_at), context=KEYS)) == [
        ("provider-1", [NAME, NOTE])
    ]


def test_a_wait_for_a_key_ends_with_the_grant_and_starts_again_with_another(known: Stream) -> None:
    known.handle(release_requested(), context=set())
    change(known, keys=set())
    [left] = known.handle(elapsed("release:bed:1:0", START), context=set())
    assert isinstance(left, Emit)
    assert isinstance(left.event, intake.NothingToRelease)
    assert [each.name for each in change(known, NAME, keys=set()) if isinstance(each, SetTimer)] == ["release:bed:1:0"]


def test_a_corrected_person_is_released_again_to_the_provider_that_has_the_need(disclosed: Stream) -> None:
    personal = Sealed(key_id=REFERRAL, box="new", digest="another telephone number")
    effects = disclosed.handle(corrected(requested("bed"), requested("school"), personal=personal), context=KEYS)
    [released] = emitted(effects, intake.Released)
    assert (released.fields, released.personal) == ([NAME, CONTACT], personal)


# narrower -------------------------------------------------------------------------------------------------------------


def test_a_field_that_is_no_longer_granted_is_recalled_with_a_deadline(disclosed: Stream) -> None:
    effects = change(disclosed, NAME, now=LATER)
    assert recalls(effects) == [([CONTACT], "consent-changed")]
    [order] = [each for each in effects if isinstance(each, Emit) and isinstance(each.event, provider.Recall)]
    assert order.topic == topics.notifications("provider-1")
    assert order.event.acknowledge_by == LATER + WITHIN  # type: ignore[attr-defined]
    [fact] = emitted(effects, intake.Recalled)
    assert (fact.provider, fact.need, fact.attempt, fact.recall) == ("provider-1", "bed", 1, 1)
    assert [each for each in effects if isinstance(each, SetTimer)] == [SetTimer("recall:bed:1:1", LATER + WITHIN)]
    assert recalls(change(disclosed, NAME, given_at=LATER)) == [], "once"


def test_a_provider_that_is_no_longer_a_recipient_must_delete_everything(disclosed: Stream) -> None:
    effects = change(disclosed, NAME, CONTACT, recipients=["provider-2"])
    assert recalls(effects) == [([NAME, CONTACT], "consent-changed")]
    assert {each.need: each.recipients for each in emitted(effects, intake.NeedRegistered)} == {
        "bed": ["provider-2"],
        "school": ["provider-2"],
    }


def test_a_recalled_field_can_be_released_and_recalled_again_under_the_next_number(
    disclosed: Stream,
) -> None:
    change(disclosed, NAME)
    assert releases(change(disclosed, NAME, CONTACT)) == [("provider-1", [CONTACT])]
    [fact] = emitted(change(disclosed, NAME), intake.Recalled)
    assert (fact.recall, fact.fields) == (2, [CONTACT])


def test_a_correction_that_narrows_consent_recalls_as_well(disclosed: Stream) -> None:
    effects = disclosed.handle(corrected(requested("bed"), requested("school"), consent=consent(NAME)), context=KEYS)
    assert recalls(effects) == [([CONTACT], "consent-changed")]


def test_do_not_contact_recalls_the_contact_and_blocks_its_release(disclosed: Stream) -> None:
    personal = Sealed(key_id=REFERRAL, box="new", digest="not to be contacted")
    effects = disclosed.handle(
        corrected(requested("bed"), requested("school"), personal=personal, may_contact=False), context=KEYS
    )
    assert recalls(effects) == [([CONTACT], "do-not-contact")]
    assert releases(effects) == [("provider-1", [NAME])]
    assert releases(change(disclosed, *PersonalField)) == [
        ("provider-1", [field for field in PersonalField if field not in (NAME, CONTACT)])
    ]


@pytest.mark.parametrize("end", [Lifecycle.DELIVERED, Lifecycle.PARTLY_DELIVERED])
def test_a_provider_that_has_delivered_keeps_its_fields_until_consent_changes(
    disclosed: Stream, end: Lifecycle
) -> None:
    assert recalls(disclosed.handle(release_ended(end), context=KEYS)) == []
    assert recalls(disclosed.handle(withdrawal(), context=KEYS)) == []
    assert recalls(change(disclosed, NAME)) == [([CONTACT], "consent-changed")]


@pytest.mark.parametrize("end", [Lifecycle.NOT_DELIVERED, Lifecycle.EXPIRED, Lifecycle.REVOKED, Lifecycle.DECLINED])
def test_a_provider_that_lost_the_need_without_delivery_must_delete_everything(
    disclosed: Stream, end: Lifecycle
) -> None:
    assert recalls(disclosed.handle(release_ended(end), context=KEYS)) == [([NAME, CONTACT], end.value)]
    assert disclosed.handle(release_ended(end), context=KEYS, id="again") == []


def test_the_end_of_another_provider_changes_nothing(disclosed: Stream) -> None:
    assert disclosed.handle(release_ended(Lifecycle.REVOKED, provider="provider-2"), context=KEYS) == []


# withdrawn ------------------------------------------------------------------------------------------------------------


def test_without_any_consent_everything_is_recalled_and_the_needs_end(disclosed: Stream) -> None:
    effects = change(disclosed, grants=[])
    assert {each.need: each.reason for each in emitted(effects, intake.NeedWithdrawn)} == {
        "bed": "consent-withdrawn",
        "school": "consent-withdrawn",
    }
    assert recalls(effects) == [([NAME, CONTACT], "consent-withdrawn")]
    assert disclosed.state.needs.open == []


@pytest.mark.parametrize("basis", [each for each in LegalBasis if each is not LegalBasis.CONSENT])
def test_on_another_legal_basis_the_needs_stay_open_without_recipients(disclosed: Stream, basis: LegalBasis) -> None:
    effects = change(disclosed, grants=[], basis=basis)
    assert emitted(effects, intake.NeedWithdrawn) == []
    assert [each.recipients for each in emitted(effects, intake.NeedRegistered)] == [[], []]
    assert recalls(effects) == [([NAME, CONTACT], "consent-withdrawn")]
    assert disclosed.state.stored.consent.basis is basis


def test_a_release_that_waited_carries_only_what_is_granted_when_it_leaves(known: Stream) -> None:
    known.handle(release_requested(), context=set())
    change(known, NAME, keys=set())
    assert releases(known.handle(elapsed("release:bed:1:0", START), context=KEYS)) == [("provider-1", [NAME])]


def test_a_release_requested_before_consent_was_withdrawn_never_happens(known: Stream) -> None:
    known.handle(release_requested(), context=set())
    change(known, grants=[], keys=set())
    assert known.handle(elapsed("release:bed:1:0", START), context=KEYS) == []
    assert known.handle(release_requested("school"), context=KEYS) == []


# refusals -------------------------------------------------------------------------------------------------------------


def test_a_consent_older_than_the_one_in_force_is_refused(known: Stream) -> None:
    assert refused(change(known, grants=[], given_at=START - timedelta(minutes=1))) == ["consent.given_at"]
    change(known, NAME)
    old = consent(*PersonalField).model_copy(update={"given_at": START - timedelta(days=1)})
    before = known.state
    assert refused(change(known, *PersonalField, given_at=old.given_at)) == ["consent.given_at"]
    stale = corrected(requested("bed"), requested("school"), requested("food"), consent=old)
    assert refused(known.handle(stale, context=KEYS)) == ["consent.given_at"]
    assert known.state == before


def test_a_consent_dated_in_the_future_does_not_block_a_later_one(known: Stream) -> None:
    """A little is a wrong clock or zone; more is refused (`consent_rules`)."""
    assert refused(change(known, NAME, given_at=START + timedelta(days=9000))) == ["consent.given_at"]
    change(known, NAME, given_at=START + timedelta(hours=20))
    withdrawn = intake.ConsentReceived(
        **{**dict(consent_received(grants=[])), "received_at": LATER, "consent": _given(LATER)}
    )
    assert emitted(known.handle(withdrawn, context=KEYS), intake.NeedWithdrawn)


def _given(at: Any) -> agency.Consent:
    return consent().model_copy(update={"given_at": at, "grants": []})


def test_the_same_consent_again_is_answered_but_not_journaled(known: Stream) -> None:
    effects = change(known, NAME, CONTACT)
    assert [type(each.event) for each in replied(effects)] == [intake.StatusDue, intake.StatusDue]
    assert len(known.entries) == 1


def test_a_change_that_no_other_service_sees_is_answered(known: Stream) -> None:
    effects = change(known, NAME)
    assert [type(each) for each in emitted(effects)] == [intake.ReferralStored]
    assert len(replied(effects)) == 2


def test_a_consent_for_an_unknown_referral_is_refused_under_the_type_that_was_sent() -> None:
    stream = Stream("intake", IntakePolicy(), REFERRAL)
    [reply] = replied(change(stream, NAME))
    assert isinstance(reply.event, intake.ReferralRefused)
    assert reply.event.sent == agency.ConsentChanged.TYPE


def test_one_id_for_two_bodies_is_refused(disclosed: Stream) -> None:
    disclosed.handle(consent_received(NAME), id="x", context=KEYS)
    assert refused(disclosed.handle(consent_received(NOTE), id="x", context=KEYS)) == ["ce_id"]
    assert refused(disclosed.handle(deletion_confirmed(), id="x", context=KEYS)) == ["ce_id"]


# deleted --------------------------------------------------------------------------------------------------------------


def test_a_recall_is_overdue_once_when_its_time_is_over(disclosed: Stream) -> None:
    change(disclosed, NAME)
    timer = elapsed("recall:bed:1:1", START + WITHIN)
    [late] = disclosed.handle(timer, now=START + WITHIN, context=KEYS)
    assert isinstance(late, Emit)
    assert (late.topic, type(late.event)) == (topics.INTAKE, intake.RecallOverdue)
    assert disclosed.handle(timer, now=LATER + WITHIN, context=KEYS, id="again") == []
    done, _ = disclosed.handle(deletion_confirmed(), context=KEYS)
    assert isinstance(done, Emit)
    assert isinstance(done.event, intake.RecallConfirmed), "a late confirmation counts"


def test_a_timer_of_another_time_changes_nothing(disclosed: Stream) -> None:
    change(disclosed, NAME)
    assert disclosed.handle(elapsed("recall:bed:1:1", START), context=KEYS) == []
    assert disclosed.handle(elapsed("recall:bed:1:2", START + WITHIN), context=KEYS) == []


def test_an_acknowledged_recall_is_never_overdue(disclosed: Stream) -> None:
    change(disclosed, NAME)
    done, closed = disclosed.handle(deletion_confirmed(at=LATER), context=KEYS)
    assert isinstance(done, Emit)
    assert isinstance(closed, Emit)
    assert closed.topic == topics.notifications("provider-1"), "all who read the provider's topic know that it is done"
    assert isinstance(closed.event, provider.RecallClosed)
    assert (closed.event.recall, closed.event.at) == (1, LATER)
    assert (done.topic, done.event.at, done.event.fields) == (topics.INTAKE, LATER, [CONTACT])  # type: ignore[attr-defined]
    assert disclosed.handle(elapsed("recall:bed:1:1", START + WITHIN), now=START + WITHIN, context=KEYS) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"recall": 2},
        {"attempt": 2},
        {"label": "school"},
        {"label": "boat"},
        {"provider": "provider-2"},
    ],
)
def test_acknowledging_a_recall_of_another_provider_reveals_nothing(disclosed: Stream, wrong: dict[str, Any]) -> None:
    change(disclosed, NAME)
    effects = disclosed.handle(deletion_confirmed(**wrong), context=KEYS)
    assert refused(effects) == ["recall"]
    [reply] = replied(effects)
    assert reply.topic == topics.notifications(wrong.get("provider", "provider-1"))
    stranger = Stream("intake", IntakePolicy(), REFERRAL)
    [unknown] = replied(stranger.handle(deletion_confirmed(**wrong), context=KEYS))
    assert reply == unknown, "the answer is the same if there is no such referral"


def test_a_repeated_acknowledgement_is_answered(disclosed: Stream) -> None:
    change(disclosed, NAME)
    disclosed.handle(deletion_confirmed(), context=KEYS)
    assert refused(disclosed.handle(deletion_confirmed(), context=KEYS, id="again")) == ["recall"]


def test_the_journal_folds_to_the_same_state(disclosed: Stream) -> None:
    change(disclosed, NAME)
    disclosed.handle(elapsed("recall:bed:1:1", START + WITHIN), now=START + WITHIN, context=KEYS)
    disclosed.handle(deletion_confirmed(), context=KEYS)
    disclosed.handle(release_ended(Lifecycle.REVOKED), context=KEYS)
    change(disclosed, grants=[Grant(recipients=["provider-2"], fields=[NOTE])])
    assert disclosed.folded() == disclosed.state
