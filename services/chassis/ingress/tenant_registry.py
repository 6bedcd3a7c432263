"""The registry of organisations, followed from the compacted topic ``referrals.tenants``.

It says who may take part. An organisation of kind enforcement never may, by any path; a revoked one may no longer; an
unregistered one may only if `required` is false. The broker's access rules come first; this is the second line.
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
"""What `entry_of` raises when a record is not a valid entry."""


def entry_of(tenant: str, headers: Headers, value: bytes, appended: datetime) -> Tenant:
    """The entry in a record whose key is this tenant's id. Raises the errors in `UNUSABLE`."""
    event = decode(headers, value, appended)
    entry = Tenant.read(event.data)
    if event.type != Tenant.ce_type() or entry.tenant != tenant:
        raise MalformedError("not-this-tenant", "key")
    return entry


class TenantRegistry:
    """Which organisations are registered, and as what. Repeated and outdated records change nothing."""

    def __init__(self, required: bool = False) -> None:
        self._required = required
        self._tenants: dict[str, tuple[int, Tenant | None]] = {}

    def apply(self, record: Record) -> str | None:
        """Apply one record. Returns the id of the organisation whose entry changed; None if none did.

        A record that cannot be read changes nothing.
        """
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
                    hint="its previous entry remains valid; register the organisation again",
                )
                return None
        self._tenants[tenant] = (record.offset, entry)
        return tenant

    def bars(self, tenant: str) -> str | None:
        """Why this organisation may not take part, in words addressed to it; None if it may."""
        entry = self._tenants.get(tenant, (-1, None))[1]
        if entry is None:
            return _UNKNOWN if self._required else None
        if entry.kind is TenantKind.ENFORCEMENT:
            return _ENFORCEMENT
        return _REVOKED if entry.state == "revoked" else None

    def admits(self, tenant: str) -> bool:
        """Whether this organisation may take part."""
        return self.bars(tenant) is None
