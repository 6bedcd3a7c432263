"""Notification: matches in, offers to providers out; providers' answers in, what became of each offer out."""

from base64 import b64decode

from contracts import topics
from services.chassis.runtime.service import ServiceRuntime

from .admission import AnswerAdmission
from .domain.policy import NotificationPolicy
from .outbound.alerts import warning
from .outbound.recipients import Recipients
from .settings import NotificationSettings


def build(settings: NotificationSettings) -> ServiceRuntime:
    """Wire the service."""
    service = ServiceRuntime("notification", settings)
    recipients = Recipients(service.follow_tenants())
    service.gate(AnswerAdmission(settings.intake_key, b64decode(settings.hash_key)), topics.PROVIDER_RESPONSES)
    service.loop(
        NotificationPolicy(settings.times),
        inputs=[topics.MATCHING],
        context_loader=recipients,
        render=warning(recipients.render, service.meter),
    )
    return service
