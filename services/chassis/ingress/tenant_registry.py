"""The registry of organisations, followed from the compacted topic ``referrals.tenants``.

It says who may take part: an organisation of kind enforcement never, by any path; a revoked one no more; one that is
not registered only where `required` is false. The broker's own rules are the wall; this is what holds behind it.
"""

from datetime import datetime

import structlog
from pydantic import ValidationError

from contracts import topics
from contracts.cloudevents import Headers, MalformedError, decode
from contracts.operations import Tenant, TenantKind

from ..ports import Record

logger = structlog.get_logger()

PATTERN = rf"^{topics.TENANTS.replace('.', '[.]')}$"

_ENFORCEMENT = "is registered as enforcement, which can neither send, answer nor receive referrals"
_REVOKED = "has been revoked; ask the operator"
_UNKNOWN = "is not registered; ask the operator"


UNUSABLE = (MalformedError, ValidationError)
"""What `entry_of` raises."""


def entry_of(tenant: str, headers: Headers, value: bytes, appended: datetime) -> Tenant:
    """The entry in a record under this key."""
    event = decode(headers, value, appended)
    entry = Tenant.read(event.data)
    if event.type != Tenant.ce_type() or entry.tenant != tenant:
        raise MalformedError("not-this-tenant", "key")
    return entry


class TenantRegistry:
    """Who is registered as what. Applying records twice, or an older one after a newer one, changes nothing."""

    def __init__(self, required: bool = False) -> None:
        self._required = required
        self._tenants: dict[str, tuple[int, Tenant | None]] = {}

    def apply(self, record: Record) -> str | None:
        """Take one record; returns the id of the organisation it changed. One that can't be read changes nothing."""
        tenant = (record.key or b"").decode(errors="replace")
        if record.offset <= self._tenants.get(tenant, (-1, None))[0]:
            return None
        entry = None
        if record.value is not None:
            try:
                entry = entry_of(tenant, record.headers, record.value, record.appended)
            except UNUSABLE:
                logger.error(
                    "tenant_unusable",
                    topic=record.topic,
                    offset=record.offset,
                    hint="the entry before stays in force; register the organisation again",
                )
                return None
        self._tenants[tenant] = (record.offset, entry)
        return tenant

    def bars(self, tenant: str) -> str | None:
        """Why this organisation may not take part, in words for itself; None: it may."""
        entry = self._tenants.get(tenant, (-1, None))[1]
        if entry is None:
            return _UNKNOWN if self._required else None
        if entry.kind is TenantKind.ENFORCEMENT:
            return _ENFORCEMENT
        return _REVOKED if entry.state == "revoked" else None

    def admits(self, tenant: str) -> bool:
        """Whether this organisation may take part."""
        return self.bars(tenant) is None
