"""With consent for provider A only, a need never goes to B, whatever A answers and however many places B has."""

import pytest

from contracts.agency import Consent, ConsentChanged
from contracts.provider import ContactReleased
from contracts.words import Answer, DeclineCode
from tests.e2e.actors import People, Provider, now

pytestmark = pytest.mark.acceptance(7)


def consent_for(*providers: Provider) -> dict[str, object]:
    """A consent that names only these providers."""
    grants = [{"recipients": [each.id for each in providers], "fields": ["name"]}]
    return {"basis": "consent", "given_at": now(), "given_by": "person", "grants": grants}


async def test_consent_for_one_provider_only_never_leads_to_another(here: People) -> None:
    agency = await here.agency()
    one, other = await here.provider(here.service(capacity=1)), await here.provider(here.service(capacity=9))
    await agency.send(here.referral("R-1", "urgent", consent=consent_for(one)))
    await one.answer(await one.wait_for_offer(), Answer.DECLINED, DeclineCode.NOT_ELIGIBLE)
    assert (await agency.wait_for("declined", "R-1")).provider == one.id
    await agency.wait_for("unmet", "R-1")  # rather than offered to the other
    await agency.send(here.referral("R-2", consent=consent_for(one)))  # the decline was about R-1 only
    offer = await one.notifications.until(lambda m: getattr(m, "referral_id", "") != "" and _is_second(m, one))
    await one.answer(offer, Answer.ACCEPTED)  # type: ignore[arg-type]
    await one.notifications.until(lambda m: isinstance(m, ContactReleased))
    await other.notifications.read_for()
    assert other.notifications.events == [], "neither an offer nor anything else"


def _is_second(message: object, provider: Provider) -> bool:
    first = provider.notifications.events[0][1]
    return getattr(message, "referral_id", None) != getattr(first, "referral_id", None)


async def test_a_waiting_need_goes_to_another_provider_as_soon_as_consent_names_it(here: People) -> None:
    agency = await here.agency()
    full, other = await here.provider(here.service(capacity=0)), await here.provider(here.service(capacity=9))
    await agency.send(here.referral("R-1", consent=consent_for(full)))
    await agency.wait_for("waiting", "R-1")
    await other.notifications.read_for(1)
    assert other.notifications.events == []
    wider = ConsentChanged(reference="R-1", consent=Consent.model_validate(consent_for(full, other)))
    await agency.send(wider)
    await other.answer(await other.wait_for_offer(), Answer.ACCEPTED)
    assert (await agency.wait_for("taken-up", "R-1")).provider == other.id
