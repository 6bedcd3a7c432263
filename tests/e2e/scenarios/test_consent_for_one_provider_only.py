"""Acceptance seed 7: consent for A only. The need is never routed to B, whatever A says and however free B is."""

from contracts.agency import Consent, ConsentChanged
from contracts.provider import ContactReleased
from contracts.words import Answer, DeclineCode
from tests.e2e.actors import People, Provider, now


def for_whom(*providers: Provider) -> dict[str, object]:
    """A consent that names these providers."""
    grants = [{"recipients": [each.id for each in providers], "fields": ["name"]}]
    return {"basis": "consent", "given_at": now(), "given_by": "person", "grants": grants}


async def test_consent_for_one_provider_only_never_leads_to_another(here: People) -> None:
    agency = await here.agency()
    one, other = await here.provider(here.service(capacity=1)), await here.provider(here.service(capacity=9))
    await agency.send(here.referral("R-1", "urgent", consent=for_whom(one)))
    await one.answer(await one.offered(), Answer.DECLINED, DeclineCode.NOT_ELIGIBLE)
    assert (await agency.told("declined", "R-1")).provider == one.id
    await agency.told("unmet", "R-1")  # rather than somebody else's
    await agency.send(here.referral("R-2", consent=for_whom(one)))  # one has a place: the decline was of R-1
    offer = await one.notifications.until(lambda m: getattr(m, "referral_id", "") != "" and _is_second(m, one))
    await one.answer(offer, Answer.ACCEPTED)  # type: ignore[arg-type]
    await one.notifications.until(lambda m: isinstance(m, ContactReleased))
    await other.notifications.quiet()
    assert other.notifications.events == [], "not an offer, not a word"


def _is_second(message: object, provider: Provider) -> bool:
    first = provider.notifications.events[0][1]
    return getattr(message, "referral_id", None) != getattr(first, "referral_id", None)


async def test_a_need_that_waits_for_the_one_goes_to_another_as_soon_as_consent_names_it(here: People) -> None:
    agency = await here.agency()
    full, other = await here.provider(here.service(capacity=0)), await here.provider(here.service(capacity=9))
    await agency.send(here.referral("R-1", consent=for_whom(full)))
    await agency.told("waiting", "R-1")
    await other.notifications.quiet(1)
    assert other.notifications.events == []
    wider = ConsentChanged(reference="R-1", consent=Consent.model_validate(for_whom(full, other)))
    await agency.send(wider)
    await other.answer(await other.offered(), Answer.ACCEPTED)
    assert (await agency.told("taken-up", "R-1")).provider == other.id
