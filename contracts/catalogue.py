"""All message types, by their CloudEvents type."""

from . import agency, intake, matching, notification, operations, outcomes, provider, recommendation
from .base import Message

MESSAGES: dict[str, type[Message]] = {
    model.ce_type(): model
    for module in (agency, recommendation, provider, intake, matching, notification, outcomes, operations)
    for model in vars(module).values()
    if isinstance(model, type) and issubclass(model, Message) and hasattr(model, "TYPE")
}
"""Every message that any party sends or journals."""
