"""An organisation registered as enforcement receives nothing and can read nothing, whatever it publishes."""

import asyncio

import pytest

from contracts import topics
from contracts.operations import Tenant, TenantKind
from contracts.outcomes import AgencyInputRefused, RecommendationAnswered, StatusChanged
from contracts.provider import Offer, ProviderInputRefused
from contracts.recommendation import RecommendationRequested
from contracts.words import Answer, Rule
from deploy.cluster import tenants
from deploy.local.stack import Addresses
from tests.e2e.actors import PATIENCE, Agency, People, Provider, now

pytestmark = pytest.mark.acceptance(8)


async def _register(here: People, tenant: Agency | Provider, kind: TenantKind, state: str = "active") -> None:
    entry = Tenant(tenant=tenant.id, name=tenant.id, kind=kind, state=state, registered_at=now())
    await here.publish(topics.TENANTS, tenant.id, entry)


async def _sent_until_refused(here: People, agency: Agency) -> AgencyInputRefused:
    """Send referrals until one is refused: the gate reads the registry in its own time."""
    for number in range(PATIENCE):
        await agency.send(here.referral(f"R-{number}"))
        await agency.status.read_for(1)
        for _, message in agency.status.events:
            if isinstance(message, AgencyInputRefused):
                return message
    raise AssertionError(f"nothing was refused in {PATIENCE} s")


async def _answered_until_refused(provider: Provider, offer: Offer) -> None:
    """Send answers that change nothing until one is refused."""
    for _ in range(PATIENCE):
        await provider.answer(offer, Answer.DELIVERED)
        await provider.notifications.read_for(1)
        if any(isinstance(message, ProviderInputRefused) for _, message in provider.notifications.events):
            return
    raise AssertionError(f"nothing was refused in {PATIENCE} s")


async def test_enforcement_is_never_offered_a_need_though_its_service_is_the_only_one(here: People) -> None:
    agency, provider = await here.agency(), await here.provider()
    await _register(here, provider, TenantKind.ENFORCEMENT)
    await provider.publish(here.service())
    await agency.send(here.referral("R-1", "urgent"))
    unmet = await agency.wait_for("unmet", "R-1")
    assert unmet.funnel[-1].left == 0
    assert not any(isinstance(m, Offer) for _, m in provider.notifications.events)


async def test_enforcement_is_recommended_to_nobody(here: People) -> None:
    agency, provider = await here.agency(), await here.provider()
    await _register(here, provider, TenantKind.ENFORCEMENT)
    await provider.publish(here.service("tools", categories=["disability"]))
    needs = [{"need": "1", "category": "disability", "urgency": "urgent"}]
    await agency.send(here.referral("R-1", needs=needs))
    await agency.wait_for("waiting", "R-1")
    question = {
        "reference": "Q-1",
        "person": {"age_band": "18-59", "sex": "female", "languages": ["ru"]},
        "location": {"admin1": here.area},
        "needs": needs,
    }
    await agency.send(RecommendationRequested.model_validate(question))
    answer = await agency.status.until(lambda m: isinstance(m, RecommendationAnswered))
    assert isinstance(answer, RecommendationAnswered)
    assert answer.needs[0].suggested == []
    assert answer.needs[0].funnel[-1].rule in (Rule.TENANT, Rule.CATEGORY)  # the latter if its entry is not read yet


async def test_enforcement_is_onboarded_without_a_login(here: People, servers: Addresses) -> None:
    issued = await asyncio.to_thread(tenants.onboard, servers.operator, "enforcement", "seed-8", "Border police")
    assert (issued.logins, issued.private_key) == ({}, None)
    [entry] = [
        each for each in await asyncio.to_thread(tenants.list_tenants, servers.operator) if each.tenant == "seed-8"
    ]
    assert (tenants.topics_of(entry), tenants.rules_of(entry)) == ([], [])


async def test_enforcement_cannot_refer(here: People) -> None:
    agency = await here.agency()
    await here.provider(here.service())
    await _register(here, agency, TenantKind.ENFORCEMENT)
    refused = await _sent_until_refused(here, agency)
    assert [problem.field for problem in refused.problems] == ["agency"]
    await agency.send(here.referral("R-after"))
    await agency.status.until(lambda m: isinstance(m, AgencyInputRefused) and m.reference == "R-after")
    assert not any(isinstance(m, StatusChanged) and m.reference == "R-after" for _, m in agency.status.events)


async def test_a_revoked_provider_no_longer_takes_part(here: People) -> None:
    agency, provider = await here.agency(), await here.provider(here.service(capacity=5))
    await agency.send(here.referral("R-1"))
    offer = await provider.wait_for_offer()
    await _register(here, provider, TenantKind.PROVIDER, "revoked")
    await _answered_until_refused(provider, offer)
    await provider.answer(offer, Answer.ACCEPTED)
    await agency.send(here.referral("R-2"))
    assert (await agency.wait_for("waiting", "R-2")).funnel
    await agency.status.read_for(1)
    assert not any(isinstance(m, StatusChanged) and m.state.value == "taken-up" for _, m in agency.status.events)
