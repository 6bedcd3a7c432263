"""Intake: agencies' referrals in, accepted needs out; contacts to providers that have accepted."""

from contracts import topics
from services.chassis.service import Service

from .gate import ReferralAdmission
from .journals import Journals
from .keys import KeyRing
from .policy import IntakePolicy
from .release import ProviderKeys, Release
from .settings import IntakeSettings


def build(settings: IntakeSettings) -> Service:
    """Wire the service."""
    service = Service("intake", settings)
    keys = KeyRing(service.claims, settings.master_key)
    providers = ProviderKeys(service.follow_tenants().admits)
    service.follow(topics.PROVIDER_DIRECTORY, providers.apply)
    service.gate(ReferralAdmission(keys, settings.id_secret), topics.AGENCY_REFERRALS)
    policy = IntakePolicy(settings.recall_within)
    release = Release(keys, providers, Journals(service.store.load, policy))
    service.loop(policy, inputs=[], outside=providers, render=release.render)
    return service
