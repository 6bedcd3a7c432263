"""Every message type there is, by its CloudEvents type."""

from . import agency, intake, matching, notification, operations, outcomes, provider, recommendation
from .base import Message

MESSAGES: dict[str, type[Message]] = {
    model.ce_type(): model
    for module in (agency, recommendation, provider, intake, matching, notification, outcomes, operations)
    for model in vars(module).values()
    if isinstance(model, type) and issubclass(model, Message) and hasattr(model, "TYPE")
}
"""All messages; what a service reads or writes is a part of these."""
