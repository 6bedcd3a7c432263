"""Wires notification: matches become offers to providers; their answers become facts for the other services."""

from base64 import b64decode

from contracts import topics
from services.chassis.runtime.service import ServiceRuntime

from .admission import AnswerAdmission
from .domain.policy import NotificationPolicy
from .outbound.alerts import warn_of_escalations
from .outbound.recipients import Recipients
from .settings import NotificationSettings


def build(settings: NotificationSettings) -> ServiceRuntime:
    """Wire the service."""
    service = ServiceRuntime("notification", settings)
    recipients = Recipients(service.follow_tenants())
    service.gate(AnswerAdmission(settings.intake_key, b64decode(settings.hash_key)), topics.PROVIDER_RESPONSES)
    service.loop(
        NotificationPolicy(settings.deadline_rules),
        inputs=[topics.MATCHING],
        context_loader=recipients,
        render=warn_of_escalations(recipients.render, service.meter),
    )
    return service
