"""Which personal data is kept, and what may be released to whom."""

import pytest

from contracts.agency import Grant
from contracts.words import PersonalField as Field
from services.intake.domain.consent import granted_fields, recipients
from services.intake.privacy.person import Personal
from tests.support.intake_world import CANARIES, body, need, person, submission


def personal(**changes: object) -> Personal:
    return Personal.from_referral(submission(**changes))


def test_everything_personal_is_kept_and_nothing_else() -> None:
    kept = personal()
    text = kept.model_dump_json()
    assert [name for name, canary in CANARIES.items() if canary not in text] == ["latitude", "longitude"]
    assert not {"sex", "languages", "flags", "needs", "consent"} & set(Personal.model_fields)


def test_only_the_given_fields_are_released() -> None:
    assert personal().release([Field.NAME, Field.PLACE], "bed") == {
        "name": CANARIES["name"],
        "place": CANARIES["place"],
    }
    assert personal().release([], "bed") == {}


def test_every_field_that_consent_can_list_can_be_released() -> None:
    assert list(personal().release(Field, "bed")) == [field.value for field in Field]


def test_an_unknown_field_is_left_out() -> None:
    some = personal(person=person(case_code=None, nationality=None))
    assert some.release([Field.NAME, Field.CASE_CODE, Field.NATIONALITY], "bed") == {"name": CANARIES["name"]}


@pytest.mark.parametrize("fields", [[Field.CONTACT], list(Field)])
def test_do_not_contact_hides_every_channel_whatever_was_granted(fields: list[Field]) -> None:
    channels = {"may_contact": False, "phone": "+1 555", "email": "e@example.org", "other": "Signal @canary"}
    released = personal(person=person(contact=channels)).release(fields, "bed")
    assert "contact" not in released
    assert not {"+1 555", "e@example.org", "Signal @canary"} & set(map(str, released.values()))


def test_a_note_is_released_with_its_own_need_only() -> None:
    two = personal(
        needs=[need("bed", note="of the bed"), need("school", note="of the school"), need("food", note=None)]
    )
    assert two.release([Field.NOTE], "bed") == {"note": "of the bed"}
    assert two.release([Field.NOTE], "school") == {"note": "of the school"}
    assert two.release([Field.NOTE], "food") == {}


def test_a_provider_gets_the_grants_for_it_and_the_grants_for_any() -> None:
    grants = [
        Grant(recipients=["one", "two"], fields=[Field.CONTACT]),
        Grant(recipients=["two"], fields=[Field.NAME, Field.CONTACT]),
        Grant(recipients="any", fields=[Field.CASE_CODE]),
    ]
    assert granted_fields(grants, "one") == [Field.CASE_CODE, Field.CONTACT]
    assert granted_fields(grants, "two") == [Field.NAME, Field.CASE_CODE, Field.CONTACT]
    assert granted_fields(grants, "three") == [Field.CASE_CODE]
    assert granted_fields(grants[:2], "three") == []
    assert granted_fields(grants, "two", may_contact=False) == [Field.NAME, Field.CASE_CODE]


def test_recipients_are_all_providers_with_a_grant_even_without_fields() -> None:
    assert recipients([Grant(recipients=["two", "one"]), Grant(recipients=["one", "three"])]) == ["one", "three", "two"]
    assert recipients([Grant(recipients=["one"]), Grant(recipients="any")]) == "any"


def test_the_body_used_in_tests_is_valid() -> None:
    assert submission().reference == body()["reference"]
