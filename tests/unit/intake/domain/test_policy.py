"""What intake decides about a referral."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from contracts import agency, intake, topics
from contracts.intake import PersonCorrected
from contracts.profiles import Region, Sealed
from contracts.words import Category, Flag, PersonalField, Urgency
from services.chassis.decider import Effect, Emit, Reply, SetTimer
from services.intake.domain.policy import IntakePolicy
from tests.support.builders import REFERRAL, elapsed, minimum
from tests.support.clock import START
from tests.support.intake_world import (
    consent,
    corrected,
    received,
    release_requested,
    requested,
    status_asked,
    withdrawal,
)
from tests.support.stream import Stream, emitted, replied

LATER = START + timedelta(days=2)
KEYS = {"provider-1", "provider-2"}


@pytest.fixture
def referral() -> Stream:
    return Stream("intake", IntakePolicy(), REFERRAL)


@pytest.fixture
def known(referral: Stream) -> Stream:
    """A stored referral with two needs: bed and school."""
    referral.handle(received(requested("bed"), requested("school")))
    return referral


def refusal(effects: Sequence[Effect]) -> intake.ReferralRefused:
    [reply] = replied(effects)
    assert len(effects) == 1, "a refusal is the only effect"
    assert isinstance(reply.event, intake.ReferralRefused)
    assert (reply.topic, reply.key) == (topics.inbox("outcomes"), None)
    return reply.event


def repeated(effects: Sequence[Effect]) -> list[str]:
    """The needs whose status is sent again, which must be the only effects."""
    assert all(isinstance(each, Reply) and each.topic == topics.inbox("outcomes") for each in effects)
    return [reply.event.need for reply in replied(effects) if isinstance(reply.event, intake.StatusDue)]


def accepted(effects: Sequence[Effect]) -> dict[str, intake.NeedRegistered]:
    return {each.need: each for each in emitted(effects, intake.NeedRegistered)}


def withdrawn_needs(effects: Sequence[Effect]) -> dict[str, str]:
    """The needs that were withdrawn, and why."""
    return {each.need: each.reason for each in emitted(effects, intake.NeedWithdrawn)}


# submitted ------------------------------------------------------------------------------------------------------------


def test_a_new_referral_is_stored_and_its_needs_are_published(referral: Stream) -> None:
    stored, bed, school = referral.handle(received(requested("bed"), requested("school")))
    assert isinstance(stored, Emit)
    assert stored.topic is None, "the stored referral is not published"
    assert isinstance(stored.event, intake.ReferralStored)
    for each in (bed, school):
        assert isinstance(each, Emit)
        assert each.topic == topics.INTAKE
        assert isinstance(each.event, intake.NeedRegistered)
        assert (each.event.revision, each.event.requested_at) == (0, START)


def test_published_needs_contain_nothing_sealed(referral: Stream) -> None:
    [bed] = accepted(referral.handle(received())).values()
    assert "box" not in bed.model_dump_json()
    assert "personal" not in intake.NeedRegistered.model_fields


def test_the_published_urgency_is_after_triage(referral: Stream) -> None:
    person = minimum(flags=[Flag.UNACCOMPANIED_CHILD])
    needs = [requested("bed", urgency=Urgency.NORMAL), requested("doctor", urgency=Urgency.EMERGENCY)]
    published = accepted(referral.handle(received(*needs, person=person)))
    assert {need: each.urgency for need, each in published.items()} == {
        "bed": Urgency.URGENT,
        "doctor": Urgency.EMERGENCY,
    }


def test_matching_learns_the_recipients_but_not_the_fields_granted(referral: Stream) -> None:
    [bed] = accepted(referral.handle(received(consent=consent(PersonalField.NAME, recipients=["p2", "p1"])))).values()
    assert bed.recipients == ["p1", "p2"]
    assert "grants" not in bed.model_dump_json()


def test_a_referral_sent_twice_is_one_referral(known: Stream) -> None:
    again = received(
        requested("bed"),
        requested("school"),
        received_at=LATER,
        personal=Sealed(key_id=REFERRAL, box="other", digest="digest"),
    )
    assert repeated(known.handle(again, now=LATER)) == ["bed", "school"]
    assert len(known.entries) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"person": minimum(languages=["be"])},
        {"region": Region(admin1="BY-HM")},
        {"consent": consent(PersonalField.NAME)},
        {"personal": Sealed(key_id=REFERRAL, box="box", digest="of another name")},
        {"needs": [requested("bed")]},
        {"needs": [requested("bed"), requested("school", category=Category.LANGUAGE)]},
    ],
)
def test_another_referral_with_the_same_reference_is_refused(known: Stream, other: dict[str, Any]) -> None:
    needs = other.pop("needs", [requested("bed"), requested("school")])
    refused = refusal(known.handle(received(*needs, **other)))
    assert refused.sent == agency.Submitted.TYPE
    assert [problem.field for problem in refused.problems] == ["reference"]
    assert agency.Corrected.TYPE in refused.problems[0].fix


# corrected ------------------------------------------------------------------------------------------------------------


def test_a_correction_adds_changes_and_withdraws_needs_and_leaves_the_rest(referral: Stream) -> None:
    referral.handle(received(requested("bed"), requested("school"), requested("food")))
    now = [
        requested("bed"),
        requested("school", urgency=Urgency.EMERGENCY),
        requested("lawyer", category=Category.LEGAL),
    ]
    effects = referral.handle(corrected(*now, received_at=LATER), now=LATER)
    assert accepted(effects).keys() == {"school", "lawyer"}
    assert withdrawn_needs(effects) == {"food": "corrected"}


def test_a_corrected_need_keeps_its_first_time_of_request_and_a_new_one_has_its_own(known: Stream) -> None:
    now = [requested("bed", urgency=Urgency.EMERGENCY), requested("school"), requested("lawyer")]
    published = accepted(known.handle(corrected(*now, received_at=LATER), now=LATER))
    assert (published["bed"].requested_at, published["bed"].revision) == (START, 1)
    assert (published["lawyer"].requested_at, published["lawyer"].revision) == (LATER, 0)


def test_revisions_count_the_corrections_of_a_need(known: Stream) -> None:
    seen = []
    for distance in (10, 20, 30):
        needs = [
            requested("bed", constraints=agency.Constraints(max_distance_km=distance)),
            requested("school"),
        ]
        seen += [each.revision for each in accepted(known.handle(corrected(*needs))).values()]
    assert seen == [1, 2, 3]


def test_a_correction_of_the_person_changes_every_need(known: Stream) -> None:
    effects = known.handle(corrected(requested("bed"), requested("school"), person=minimum(household_size=3)))
    assert accepted(effects).keys() == {"bed", "school"}


def test_a_correction_of_sealed_data_is_stored_and_published_only_as_a_notice(
    known: Stream,
) -> None:
    personal = Sealed(key_id=REFERRAL, box="new", digest="another telephone number")
    effects = known.handle(corrected(requested("bed"), requested("school"), personal=personal))
    stored, *notices = emitted(effects)
    assert stored.personal == personal
    assert [(type(each), each.need) for each in notices] == [(PersonCorrected, "bed"), (PersonCorrected, "school")]
    assert repeated([each for each in effects if isinstance(each, Reply)]) == ["bed", "school"]
    assert known.state.stored.personal == personal


def test_a_correction_that_changes_nothing_is_answered_but_not_journaled(known: Stream) -> None:
    for _ in range(3):
        assert repeated(known.handle(corrected(requested("bed"), requested("school")))) == ["bed", "school"]
    assert len(known.entries) == 1


def test_a_correction_of_an_unknown_referral_is_refused(referral: Stream) -> None:
    refused = refusal(referral.handle(corrected()))
    assert (refused.sent, refused.problems[0].field) == (agency.Corrected.TYPE, "reference")
    assert referral.state == referral.policy.initial(REFERRAL)


def test_the_label_of_a_withdrawn_need_cannot_be_used_again(known: Stream) -> None:
    known.handle(withdrawal("bed"))
    refused = refusal(known.handle(corrected(requested("bed"), requested("school"), requested("lawyer"))))
    assert refused.sent == agency.Corrected.TYPE
    assert [(problem.field, problem.fix.split()[0]) for problem in refused.problems] == [("needs", "bed")]
    assert accepted(known.handle(corrected(requested("bed-2"), requested("school")))).keys() == {"bed-2"}


# withdrawn ------------------------------------------------------------------------------------------------------------


def test_listed_needs_are_withdrawn_and_the_others_stay_open(known: Stream) -> None:
    effects = known.handle(withdrawal("bed", reason="moved-away"))
    assert withdrawn_needs(effects) == {"bed": "moved-away"}
    assert all(isinstance(each, Emit) and each.topic == topics.INTAKE for each in effects)
    assert known.state.needs.open == ["school"]


def test_a_withdrawal_without_a_list_withdraws_all_open_needs(known: Stream) -> None:
    known.handle(withdrawal("bed"))
    assert withdrawn_needs(known.handle(withdrawal())).keys() == {"school"}
    assert known.state.needs.open == []


def test_withdrawing_again_is_answered_with_the_status(known: Stream) -> None:
    known.handle(withdrawal("bed"))
    assert repeated(known.handle(withdrawal("bed"), id="another")) == ["bed", "school"]
    known.handle(withdrawal())
    assert repeated(known.handle(withdrawal(), id="yet another")) == ["bed", "school"]


def test_a_withdrawal_that_lists_an_unknown_need_withdraws_nothing(known: Stream) -> None:
    refused = refusal(known.handle(withdrawal("bed", "boat")))
    assert (refused.sent, refused.problems[0].field) == (agency.ReferralWithdrawn.TYPE, "needs")
    assert refused.problems[0].fix.endswith("bed, school")
    assert known.state.needs.open == ["bed", "school"]


def test_a_withdrawal_of_an_unknown_referral_is_refused(referral: Stream) -> None:
    refused = refusal(referral.handle(withdrawal()))
    assert (refused.sent, refused.problems[0].field) == (agency.ReferralWithdrawn.TYPE, "reference")


# status ---------------------------------------------------------------------------------------------------------------


def test_the_status_of_every_need_is_sent_again_even_if_it_was_withdrawn(known: Stream) -> None:
    known.handle(withdrawal("bed"))
    assert repeated(known.handle(status_asked())) == ["bed", "school"]
    assert len(known.entries) == 2


def test_a_status_request_for_an_unknown_referral_is_refused(referral: Stream) -> None:
    refused = refusal(referral.handle(status_asked()))
    assert (refused.sent, refused.problems[0].field) == (agency.StatusRequested.TYPE, "reference")


# one id, two bodies ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("second", "sent"),
    [
        (received(requested("boat")), agency.Submitted.TYPE),
        (corrected(requested("boat")), agency.Corrected.TYPE),
        (withdrawal(), agency.ReferralWithdrawn.TYPE),
        (status_asked(), agency.StatusRequested.TYPE),
    ],
)
def test_one_id_for_two_bodies_is_refused_under_the_type_that_was_sent(
    referral: Stream, second: Any, sent: str
) -> None:
    referral.handle(received(), id="x")
    before = referral.state
    refused = refusal(referral.handle(second, id="x"))
    assert (refused.sent, [problem.field for problem in refused.problems]) == (sent, ["ce_id"])
    assert referral.state == before


def test_an_id_that_a_service_uses_twice_is_reported_to_no_agency(known: Stream) -> None:
    known.handle(release_requested(), id="x", context=KEYS)
    assert known.handle(release_requested(attempt=2), id="x", context=KEYS) == []


# release --------------------------------------------------------------------------------------------------------------


def test_what_consent_grants_is_released_to_the_provider_that_accepted(known: Stream) -> None:
    [effect] = known.handle(release_requested(), context=KEYS)
    assert isinstance(effect, Emit)
    assert effect.topic == topics.notifications("provider-1")
    assert isinstance(effect.event, intake.Released)
    assert effect.event.fields == [PersonalField.NAME, PersonalField.CONTACT]
    assert (effect.event.need, effect.event.attempt, effect.event.service) == ("bed", 1, "beds")


def test_a_release_happens_once_for_each_need_and_attempt(known: Stream) -> None:
    for request in (
        release_requested(),
        release_requested("school"),
        release_requested(attempt=2, provider="provider-2"),
    ):
        assert len(known.handle(request, context=KEYS, id=f"first {request}")) == 1
        assert known.handle(request, context=KEYS, id=f"again {request}") == []


def test_a_release_contains_the_corrected_person(known: Stream) -> None:
    personal = Sealed(key_id=REFERRAL, box="new", digest="new")
    grants = consent(PersonalField.CASE_CODE)
    known.handle(corrected(requested("bed"), requested("school"), personal=personal, consent=grants))
    [released] = emitted(known.handle(release_requested(), context=KEYS))
    assert (released.personal, released.fields) == (personal, [PersonalField.CASE_CODE])


@pytest.mark.parametrize(
    "grants",
    [consent(), consent(PersonalField.NAME, recipients=["provider-2"]), consent(recipients=["provider-1"])],
)
def test_without_a_grant_nothing_is_released(referral: Stream, grants: agency.Consent) -> None:
    referral.handle(received(consent=grants))
    [kept] = referral.handle(release_requested(), context=KEYS, id="1")
    assert isinstance(kept, Emit)
    assert (kept.topic, type(kept.event)) == (None, intake.NothingToRelease)
    for keys in (KEYS, set[str]()):
        assert referral.handle(release_requested(), context=keys, id=f"again {len(keys)}") == []
    assert len(referral.entries) == 2


def test_nothing_is_released_for_a_need_that_is_unknown_or_withdrawn(referral: Stream) -> None:
    assert referral.handle(release_requested(), context=KEYS, id="1") == []
    referral.handle(received())
    assert referral.handle(release_requested("boat"), context=KEYS, id="2") == []
    referral.handle(withdrawal())
    assert referral.handle(release_requested(), context=KEYS, id="3") == []


def test_a_release_waits_until_the_provider_has_a_key(known: Stream) -> None:
    waits, timer = known.handle(release_requested(), context=set())
    assert isinstance(waits, Emit)
    assert waits.topic is None
    assert timer == SetTimer("release:bed:1:0", START + timedelta(seconds=1))
    [still] = known.handle(elapsed("release:bed:1:0", timer.due_at), context=set(), now=LATER)
    assert still == SetTimer("release:bed:1:1", LATER + timedelta(seconds=4))
    [released] = emitted(known.handle(elapsed("release:bed:1:1", still.due_at), context=KEYS))
    assert isinstance(released, intake.Released)
    assert not known.state.needs.disclosures["bed", 1].awaits_key
    assert known.handle(elapsed("release:bed:1:1", still.due_at), context=KEYS, id="late") == []


def test_each_waiting_release_has_one_timer_with_growing_pauses(known: Stream) -> None:
    known.handle(release_requested("bed"), context=set())
    known.handle(release_requested("school"), context=set())
    for checks, pause in enumerate([4, 16, 64, 256, 600, 600]):
        for need in ("bed", "school"):
            name = f"release:{need}:1:{checks}"
            [again] = known.handle(elapsed(name, START), context=set(), id=name)
            assert again == SetTimer(f"release:{need}:1:{checks + 1}", START + timedelta(seconds=pause))


def test_a_repeated_request_for_a_waiting_release_sets_no_second_timer(known: Stream) -> None:
    known.handle(release_requested(), context=set(), id="1")
    assert known.handle(release_requested(), context=set(), id="2") == []
    assert emitted(known.handle(release_requested(), context=KEYS, id="3"), intake.Released)


def test_a_waiting_release_ends_when_its_need_is_withdrawn(known: Stream) -> None:
    known.handle(release_requested(), context=set())
    known.handle(withdrawal("bed"))
    assert known.handle(elapsed("release:bed:1:0", START), context=set()) == []


# the rest -------------------------------------------------------------------------------------------------------------


def test_every_event_is_decided_in_its_referrals_stream() -> None:
    policy = IntakePolicy()
    for event in (received(), withdrawal(), status_asked(), release_requested(), elapsed("x", START, REFERRAL)):
        assert policy.stream(event) == REFERRAL
        assert type(event).ce_type() in policy.handles


def test_the_journal_folds_to_the_same_state(known: Stream) -> None:
    known.handle(release_requested(), context=set())
    known.handle(release_requested("school"), context=KEYS)
    known.handle(withdrawal("bed"))
    assert known.folded() == known.state
