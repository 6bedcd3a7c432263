"""Messages of the machinery itself: elapsed timers, what could not be delivered, the registry of tenants."""

from enum import StrEnum
from typing import ClassVar, Literal

from pydantic import AwareDatetime

from .agency import Short, TenantId
from .base import Event


class TimerElapsed(Event):
    """A timer that a service set on one of its streams is due. Policy compares it with its state: it may be late."""

    TYPE: ClassVar[str] = "timer.elapsed.v1"

    stream: str
    name: str
    due_at: AwareDatetime


class DeliveryFailed(Event):
    """To the stream whose event could not be published, ever: the topic is gone, not allowed, or it is too large.

    `text` is that event's body.
    """

    TYPE: ClassVar[str] = "delivery.undeliverable.v1"

    stream: str
    event_type: str
    event_id: str
    topic: str
    reason: str
    text: str


class TenantKind(StrEnum):
    """What an organisation is to us. Enforcement can never be recipient or reader."""

    AGENCY = "agency"
    PROVIDER = "provider"
    BOTH = "both"
    ENFORCEMENT = "enforcement"


class Tenant(Event):
    """An organisation known to the system, on the compacted topic ``referrals.tenants``."""

    TYPE: ClassVar[str] = "tenants.registered.v1"

    tenant: TenantId
    name: Short
    kind: TenantKind
    state: Literal["active", "revoked"] = "active"
    registered_at: AwareDatetime
