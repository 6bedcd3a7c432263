"""Wires intake: agencies' referrals in; registered needs out, and contacts to providers that have accepted."""

from contracts import topics
from services.chassis.engine.rehearsal import Rehearsal
from services.chassis.runtime.service import ServiceRuntime

from .admission.referrals import ReferralAdmission
from .context_loader import INDEXES, IntakeContextLoader
from .domain.policy import IntakePolicy
from .jobs.sweep import DuplicateSweep
from .outbound.contact_release import ContactRelease
from .outbound.journal_reader import JournalReader
from .outbound.provider_keys import ProviderKeys
from .privacy.key_ring import KeyRing
from .settings import IntakeSettings


def build(settings: IntakeSettings) -> ServiceRuntime:
    """The service, ready to run."""
    service = ServiceRuntime("intake", settings, INDEXES)
    keys = KeyRing(service.claims, settings.master_key)
    providers = ProviderKeys(service.follow_tenants().admits)
    service.follow(topics.PROVIDER_DIRECTORY, providers.apply)
    consents = settings.consent_limits
    service.gate(ReferralAdmission(keys, settings.id_secret, consents), topics.AGENCY_REFERRALS)
    policy = IntakePolicy(settings.recall_within, link_confidential=settings.link_confidential, consents=consents)
    release = ContactRelease(keys, providers, JournalReader(service.store.load, policy))
    context_loader = IntakeContextLoader(providers, service.claims, keys)
    service.loop(policy, inputs=[topics.MATCHING], context_loader=context_loader, render=release.render)
    sweep, rehearsal = DuplicateSweep(service.claims), Rehearsal(policy, service.store, context_loader)

    async def run_sweep() -> None:
        due = await rehearsal.with_effect(await sweep.suspicions(), service.clock.now())
        await service.publish(topics.inbox("intake"), due)

    service.every(settings.sweep, run_sweep)
    return service
