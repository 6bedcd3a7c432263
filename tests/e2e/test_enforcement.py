"""An organisation registered as enforcement is neither recipient nor sender, whatever it publishes."""

from contracts import topics
from contracts.operations import Tenant, TenantKind
from contracts.outcomes import InputRefused, StatusChanged
from contracts.provider import Offer
from contracts.words import Answer

from .system import Agency, People, Provider, now


async def _register(here: People, tenant: Agency | Provider, kind: TenantKind, state: str = "active") -> None:
    entry = Tenant(tenant=tenant.id, name=tenant.id, kind=kind, state=state, registered_at=now())
    await here.publish(topics.TENANTS, tenant.id, entry)


async def test_enforcement_is_never_offered_a_need_though_its_service_is_the_only_one(here: People) -> None:
    agency, provider = await here.agency(), await here.provider()
    await _register(here, provider, TenantKind.ENFORCEMENT)
    await provider.publish(here.service())
    await agency.send(here.referral("R-1", "urgent"))
    unmet = await agency.told("unmet", "R-1")
    assert unmet.code in ("tenant", "category", "area")  # by then its entry may not even have been read
    assert not any(isinstance(m, Offer) for _, m in provider.notifications.events)


async def test_enforcement_can_not_refer(here: People) -> None:
    agency = await here.agency()
    await here.provider(here.service())
    await _register(here, agency, TenantKind.ENFORCEMENT)
    await agency.status.quiet(2)  # until the gate has read the registry
    await agency.send(here.referral("R-1"))
    refused = await agency.status.until(lambda m: isinstance(m, InputRefused))
    assert isinstance(refused, InputRefused)
    assert [problem.field for problem in refused.problems] == ["agency"]
    assert not any(isinstance(m, StatusChanged) for _, m in agency.status.events)


async def test_who_is_revoked_takes_no_part_any_more(here: People) -> None:
    agency, provider = await here.agency(), await here.provider(here.service(capacity=5))
    await agency.send(here.referral("R-1"))
    offer = await provider.offered()
    await _register(here, provider, TenantKind.PROVIDER, "revoked")
    await provider.notifications.quiet(2)
    await provider.answer(offer, Answer.ACCEPTED)
    await agency.send(here.referral("R-2"))
    assert (await agency.told("waiting", "R-2")).funnel
    await agency.status.quiet(1)
    assert not any(isinstance(m, StatusChanged) and m.state.value == "taken-up" for _, m in agency.status.events)
