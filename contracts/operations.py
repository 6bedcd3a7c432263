"""Messages of the machinery: elapsed timers, failed deliveries, and the registry of tenants."""

from enum import StrEnum
from typing import ClassVar, Literal

from pydantic import AwareDatetime

from .agency import Short, TenantId
from .base import Event


class TimerElapsed(Event):
    """From a service's ticker to the stream that set the timer: it is due.

    It may be late, so the policy compares it with its state.
    """

    TYPE: ClassVar[str] = "timer.elapsed.v1"

    stream: str
    name: str
    due_at: AwareDatetime


class DeliveryFailed(Event):
    """From a service to itself, for the stream whose event could not be published and never can be.

    `reason` says why: the topic is missing, access is denied, or the event is too large. `text` is the event's body.
    """

    TYPE: ClassVar[str] = "delivery.undeliverable.v1"

    stream: str
    event_type: str
    event_id: str
    topic: str
    reason: str
    text: str


class TenantKind(StrEnum):
    """The role of an organisation. Enforcement authorities can never receive or read anything."""

    AGENCY = "agency"
    PROVIDER = "provider"
    BOTH = "both"
    ENFORCEMENT = "enforcement"


class Tenant(Event):
    """From the operator to the services: an organisation that takes part, on the compacted ``referrals.tenants``."""

    TYPE: ClassVar[str] = "tenants.registered.v1"

    tenant: TenantId
    name: Short
    kind: TenantKind
    state: Literal["active", "revoked"] = "active"
    registered_at: AwareDatetime
