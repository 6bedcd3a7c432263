"""What a provider gets: only ciphertext, encrypted to its key, with only the granted fields."""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from typing import Any

import orjson
import pytest
from structlog.testing import capture_logs

from contracts import topics
from contracts.intake import NeedRegistered, Recalled, RecallOverdue, Released
from contracts.profiles import Sealed
from contracts.provider import ContactReleased, Recall
from contracts.words import PersonalField
from services.chassis.encryption import UnsealableError, new_pair, open_sealed, seal
from services.chassis.engine.journal import OutgoingEvent
from services.chassis.ports import Record, Row
from services.intake.domain.policy import IntakePolicy
from services.intake.outbound.contact_release import ContactRelease
from services.intake.outbound.journal_reader import JournalReader
from services.intake.outbound.provider_keys import ProviderKeys
from services.intake.privacy.key_ring import TABLE, KeyRing
from services.intake.privacy.person import Personal, purpose
from tests.support.builders import REFERRAL, accepted
from tests.support.clock import START
from tests.support.intake_world import (
    CANARIES,
    MASTER,
    consent,
    consent_received,
    person,
    profile,
    received,
    release_requested,
    submission,
)
from tests.support.memory_twins import MemoryClaims
from tests.support.stream import Stream, emitted

PRIVATE, PUBLIC = new_pair()
OTHER_PRIVATE, OTHER_PUBLIC = new_pair()
INFO = "referral-routing/contact/id-of-bed"
ZEROS = b64encode(bytes(32)).decode()
"""Formed like a key, but not usable as one: every key exchange with it is refused."""


def outgoing(event: Any, topic: str) -> OutgoingEvent:
    kind, text = type(event).ce_type(), event.model_dump_json()
    return OutgoingEvent(topic, REFERRAL, "id-1", kind, text, REFERRAL, "cause", REFERRAL, START, None)


class Releasing:
    """One referral with a sealed person, and a provider with a key."""

    def __init__(self) -> None:
        self.claims = MemoryClaims()
        self.keys = KeyRing(self.claims, MASTER)
        self.providers = ProviderKeys()
        self.providers.apply(profile(PUBLIC))
        self.journal = Stream("intake", IntakePolicy(), REFERRAL)

    async def released(self, *fields: PersonalField, **person_changes: Any) -> OutgoingEvent:
        """The fact, as the loop passes it on."""
        key = (await self.keys.ensure([REFERRAL]))[REFERRAL]
        plain = Personal.from_referral(submission(person=person(**person_changes))).model_dump_json().encode()
        box = Sealed(key_id=REFERRAL, box=seal(key, plain, purpose(REFERRAL)))
        self.journal.handle(received(consent=consent(*fields), personal=box))
        [fact] = emitted(self.journal.handle(release_requested(attempt=2), context={"provider-1"}), Released)
        return outgoing(fact, topics.notifications("provider-1"))

    async def load(self, streams: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
        return {REFERRAL: self.journal.documents} if REFERRAL in set(streams) else {}

    async def render(self, *each: OutgoingEvent) -> Sequence[OutgoingEvent]:
        journals = JournalReader(self.load, IntakePolicy())
        return await ContactRelease(self.keys, self.providers, journals).render(list(each))

    async def contact(self, *fields: PersonalField, **person_changes: Any) -> ContactReleased:
        [out] = await self.render(await self.released(*fields, **person_changes))
        assert out.type == ContactReleased.ce_type()
        return ContactReleased.read(out.text)


@pytest.fixture
def here() -> Releasing:
    return Releasing()


async def test_the_provider_gets_the_agencys_reference(here: Releasing) -> None:
    assert (await here.contact(PersonalField.NAME)).reference == "R-1"


def opened(contact: ContactReleased, private: str = PRIVATE) -> dict[str, Any]:
    fields: dict[str, Any] = orjson.loads(open_sealed(private, contact.sealed, INFO))
    return fields


async def test_the_provider_gets_exactly_the_granted_fields(here: Releasing) -> None:
    contact = await here.contact(PersonalField.NAME, PersonalField.PLACE, PersonalField.NOTE)
    assert opened(contact) == {field: CANARIES[field] for field in ("name", "place", "note")}
    assert contact.fields == [PersonalField.NAME, PersonalField.PLACE, PersonalField.NOTE]
    assert (contact.need, contact.attempt, contact.service) == ("bed", 2, "beds")


async def test_no_other_provider_and_no_other_need_can_open_it(here: Releasing) -> None:
    contact = await here.contact(PersonalField.NAME)
    with pytest.raises(UnsealableError):
        opened(contact, OTHER_PRIVATE)
    with pytest.raises(UnsealableError):
        open_sealed(PRIVATE, contact.sealed, "referral-routing/contact/id-of-school")


async def test_nothing_of_the_person_is_readable_nor_is_the_sealed_box(here: Releasing) -> None:
    released = await here.released(*PersonalField)
    [out] = await here.render(released)
    assert [what for what, canary in CANARIES.items() if canary in out.text] == []
    assert Released.read(released.text).personal.box not in out.text


async def test_a_granted_field_that_is_unknown_is_not_listed(here: Releasing) -> None:
    contact = await here.contact(PersonalField.NAME, PersonalField.CASE_CODE, case_code=None)
    assert contact.fields == [PersonalField.NAME]


async def test_do_not_contact_is_kept_in_the_release(here: Releasing) -> None:
    contact = await here.contact(*PersonalField, contact={"may_contact": False, "phone": "+1 555"})
    assert "contact" not in opened(contact)
    assert PersonalField.CONTACT not in contact.fields


async def test_a_repetition_has_the_same_id_and_another_ciphertext(here: Releasing) -> None:
    released = await here.released(PersonalField.NAME)
    [first], [again] = await here.render(released), await here.render(released)
    assert first._replace(text="") == again._replace(text="")
    one, two = ContactReleased.read(first.text), ContactReleased.read(again.text)
    assert one.sealed != two.sealed
    assert opened(one) == opened(two)


async def test_other_events_pass_unchanged_and_in_order(here: Releasing) -> None:
    released = await here.released(PersonalField.NAME)
    before, after = outgoing(accepted(), topics.INTAKE), outgoing(accepted(need="school"), topics.INTAKE)
    out = await here.render(before, released, after)
    assert [out[0], out[2]] == [before, after]
    assert [each.type for each in out] == [
        NeedRegistered.ce_type(),
        ContactReleased.ce_type(),
        NeedRegistered.ce_type(),
    ]
    assert await here.render(before) == [before]


async def test_once_the_key_is_erased_nothing_leaves(here: Releasing) -> None:
    released = await here.released(PersonalField.NAME)
    other = outgoing(accepted(), topics.INTAKE)
    await here.claims.drop([Row(TABLE, REFERRAL)])
    assert await here.render(other, released) == [other]


async def test_a_referral_sent_again_after_erasure_does_not_restore_the_old_person(here: Releasing) -> None:
    released = await here.released(PersonalField.NAME)
    await here.claims.drop([Row(TABLE, REFERRAL)])
    await here.keys.ensure([REFERRAL])
    assert await here.render(released) == []


async def test_without_the_providers_key_nothing_leaves_and_an_error_is_logged(here: Releasing) -> None:
    released = await here.released(PersonalField.NAME)
    here.providers = ProviderKeys()  # restarted, and its profile is no longer there
    with capture_logs() as lines:
        assert await here.render(released) == []
    [line] = lines
    assert (line["event"], line["log_level"]) == ("release_without_key", "error")
    assert CANARIES["name"] not in str(line)


# what has changed since -----------------------------------------------------------------------------------------------


async def test_a_field_recalled_after_the_decision_does_not_leave(here: Releasing) -> None:
    released = await here.released(PersonalField.NAME, PersonalField.CONTACT)
    here.journal.handle(consent_received(PersonalField.CONTACT), context={"provider-1"})
    [out] = await here.render(released)
    contact = ContactReleased.read(out.text)
    assert (contact.fields, opened(contact).keys()) == ([PersonalField.CONTACT], {"contact"})
    here.journal.handle(consent_received(grants=[]), context={"provider-1"})
    assert await here.render(released) == []


async def test_a_release_without_a_journal_does_not_leave(here: Releasing) -> None:
    released = await here.released(PersonalField.NAME)
    here.journal = Stream("intake", IntakePolicy(), REFERRAL)
    assert await here.render(released) == []


async def recalled(here: Releasing) -> tuple[OutgoingEvent, Recalled]:
    """The recall of a name when consent is withdrawn, and the fact about it."""
    await here.released(PersonalField.NAME)
    effects = here.journal.handle(consent_received(grants=[]), context={"provider-1"})
    [recall], [fact] = emitted(effects, Recall), emitted(effects, Recalled)
    return outgoing(recall, topics.notifications("provider-1")), fact


async def test_a_recall_leaves_unchanged_unless_its_provider_was_revoked(here: Releasing) -> None:
    recall, _ = await recalled(here)
    assert await here.render(recall) == [recall]
    here.providers = ProviderKeys(lambda provider: False)
    with capture_logs() as lines:
        assert await here.render(recall) == []
    [line] = lines
    assert (line["event"], line["log_level"], line["referral_id"]) == ("recall_to_barred", "error", REFERRAL)
    assert line["hint"]


async def test_an_overdue_recall_is_logged_with_ids_only(here: Releasing) -> None:
    _, fact = await recalled(here)
    overdue = outgoing(RecallOverdue(**dict(fact)), topics.INTAKE)
    with capture_logs() as lines:
        assert await here.render(overdue) == [overdue], "the agency is notified as well"
    [line] = lines
    assert line.keys() == {"event", "log_level", "topic", "referral_id", "hint"}
    assert (line["event"], line["log_level"], line["topic"]) == (
        "recall_overdue",
        "warning",
        topics.notifications("provider-1"),
    )


# the providers' keys --------------------------------------------------------------------------------------------------


async def test_the_latest_profile_counts_in_whatever_order_the_directory_is_read(here: Releasing) -> None:
    here.providers.apply(profile(OTHER_PUBLIC, offset=7))
    here.providers.apply(profile(PUBLIC, offset=0))
    contact = await here.contact(PersonalField.NAME)
    assert opened(contact, OTHER_PRIVATE) == {"name": CANARIES["name"]}


def test_a_provider_has_a_key_once_it_has_published_one() -> None:
    providers = ProviderKeys()
    assert "provider-1" not in providers
    providers.apply(profile(PUBLIC))
    assert "provider-1" in providers
    assert "provider-2" not in providers


@pytest.mark.parametrize(
    "bad",
    [
        profile(ZEROS, offset=1),
        profile(PUBLIC, offset=1)._replace(value=b'{"name": "Beds"}'),
        profile(PUBLIC, offset=1)._replace(value=b"Maria"),
        profile(PUBLIC, offset=1)._replace(headers=[("ce_id", b"\xff")]),
    ],
)
async def test_a_profile_that_cannot_be_used_leaves_the_old_key_in_use(here: Releasing, bad: Record) -> None:
    with capture_logs() as lines:
        here.providers.apply(bad)
    assert [(line["event"], line["offset"]) for line in lines] == [("profile_unusable", 1)]
    assert "Maria" not in str(lines)
    assert opened(await here.contact(PersonalField.NAME))


def test_a_first_profile_that_cannot_be_used_gives_no_key() -> None:
    providers = ProviderKeys()
    providers.apply(profile(ZEROS))
    assert "provider-1" not in providers


def test_a_service_is_no_profile_and_a_deleted_profile_removes_the_key() -> None:
    providers = ProviderKeys()
    with capture_logs() as lines:
        providers.apply(profile(PUBLIC)._replace(key=b"beds"))
        assert "provider-1" not in providers
        providers.apply(profile(PUBLIC, offset=1))
        providers.apply(profile(PUBLIC, offset=2)._replace(value=None))
        providers.apply(profile(PUBLIC, offset=1))
    assert "provider-1" not in providers
    assert providers.get("provider-1") is None
    assert lines == []
