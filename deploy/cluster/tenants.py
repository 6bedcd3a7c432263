"""Organisations: taken in, given another password, shown the door. The command line `services/console` calls these.

    operator = Login(kafka, "operator", password, mechanism="PLAIN")      # deploy/cluster/login.py
    given = onboard(operator, "provider", "brest-shelter", "Brest Shelter")   # Credentials: shown once, kept nowhere
    given = rotate(operator, "brest-shelter")
    revoke(operator, "brest-shelter")
    list_tenants(operator)

Every change is published as `contracts.operations.Tenant` on ``referrals.tenants``. All of it may be repeated after a
failure.
"""

import secrets
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from confluent_kafka import Producer

from contracts import topics as names
from contracts.cloudevents import CloudEvent, encode
from contracts.operations import Tenant, TenantKind
from deploy.cluster import access, quotas, topics
from deploy.cluster.login import Login
from deploy.cluster.read_topic import whole
from deploy.run_coroutine import run
from services.chassis.encryption import new_pair
from services.chassis.ingress.tenant_registry import UNUSABLE, entry_of

_PATIENCE = 20.0


class UnknownTenantError(LookupError):
    """There is no such organisation in the registry."""


@dataclass(frozen=True)
class Credentials:
    """What an organisation is handed, once. Nothing of it is kept here."""

    tenant: str
    logins: dict[str, str] = field(repr=False)
    """Kafka's user name (`agency:<id>`, `provider:<id>`) to its password; empty for kind enforcement, or no walls."""
    private_key: str | None = field(default=None, repr=False)
    """A provider's X25519 key, raw in base64: opens the contacts that are released to it."""
    public_key: str | None = None
    """Its public half, for the provider's profile."""


def onboard(operator: Login, kind: TenantKind | str, tenant: str, name: str, copies: int = 1) -> Credentials:
    """Check the id, create topics, users, quotas and rules, and register the organisation.

    ValueError for an id or kind that is none, or when it is registered as another kind. Kind enforcement is
    registered and gets nothing else. Onboarding one that is there gives it new passwords and keys.
    """
    kind = TenantKind(kind)
    _check(tenant)
    before = {each.tenant: each for each in list_tenants(operator)}.get(tenant)
    if before is not None and before.kind is not kind:
        raise ValueError(f"{tenant} is registered as {before.kind.value}")
    entry = Tenant(tenant=tenant, name=name, kind=kind, registered_at=datetime.now(UTC))
    if wanted := topics_of(entry):
        run(topics.ensure(operator, wanted, copies))
    logins = _passwords(operator, entry)
    for user in logins:
        run(quotas.limit(operator, user))
    if operator.user:
        access.apply(operator, rules_of(entry))
    _publish(operator, entry)
    return Credentials(tenant, logins, *_pair(entry))


def rotate(operator: Login, tenant: str) -> Credentials:
    """New passwords, and for a provider a new key pair.

    The old passwords are refused at once, and within the re-authentication time where one is connected. Contacts go to
    the old key until the provider publishes the new one in its profile. UnknownTenant, or ValueError for a revoked one.
    """
    entry = _entry(operator, tenant)
    if entry.state == "revoked":
        raise ValueError(f"{tenant} is revoked; onboard it again")
    logins = _passwords(operator, entry)
    _publish(operator, entry)
    return Credentials(tenant, logins, *_pair(entry))


def revoke(operator: Login, tenant: str) -> None:
    """Take away its rules, overwrite its passwords, and register it as revoked. UnknownTenant.

    Its users are never deleted: see `access.set_password`. Services keep their rules on its topics, so that what is
    under way ends; they take nothing more from it (services/chassis/ingress/tenant_registry.py).
    """
    entry = _entry(operator, tenant)
    if operator.user:
        own = [rule for rule in rules_of(entry) if rule.principal not in names.SERVICES]
        access.remove(operator, own)
    _passwords(operator, entry)  # told to nobody
    _publish(operator, entry.model_copy(update={"state": "revoked"}))


def list_tenants(operator: Login) -> list[Tenant]:
    """The registry, by id: the newest entry of each organisation, revoked ones too."""
    return read_registry(operator)[0]


def read_registry(operator: Login) -> tuple[list[Tenant], dict[str, int]]:
    """The registry, and the entries of it that nobody can use: key and offset.

    As for the services (services/chassis/ingress/tenant_registry.py), the entry before such a one stays in force.
    """
    found: dict[str, Tenant] = {}
    unusable: dict[str, int] = {}
    for message in whole(operator, names.TENANTS):
        key = (message.key() or b"").decode(errors="replace")
        unusable.pop(key, None)
        if message.value() is None:
            found.pop(key, None)
            continue
        try:
            found[key] = entry_of(key, message.headers() or [], message.value(), datetime.now(UTC))
        except UNUSABLE:
            unusable[key] = message.offset()
    return [found[each] for each in sorted(found)], unusable


def declared_topics(entries: Iterable[Tenant], partitions: int = topics.PARTITIONS) -> list[topics.Topic]:
    """All topics as they shall be: the internal ones, and those of each organisation, revoked ones too."""
    return topics.internal(partitions) + [topic for entry in entries for topic in topics_of(entry)]


def topics_of(entry: Tenant) -> list[topics.Topic]:
    """The topics an organisation brings."""
    return [topic for role in _roles(entry.kind) for topic in _TOPICS[role](entry.tenant)]


def rules_of(entry: Tenant) -> list[access.AccessRule]:
    """The rules an organisation brings: its own (unless revoked), and those of services on its topics."""
    rules = [rule for role in _roles(entry.kind) for rule in _RULES[role](entry.tenant)]
    if entry.state == "revoked":
        rules = [rule for rule in rules if rule.principal in names.SERVICES]
    return rules


_TOPICS = {"agency": topics.of_agency, "provider": topics.of_provider}
_RULES = {"agency": access.of_agency, "provider": access.of_provider}


def declared_rules(operator: Login) -> list[access.AccessRule]:
    """All access rules there should be: the services', and those of each tenant that has topics and is not revoked."""
    return [*access.of_services(), *(rule for tenant in list_tenants(operator) for rule in rules_of(tenant))]


def _roles(kind: TenantKind) -> list[str]:
    """In which roles it speaks to us: none for enforcement."""
    return {TenantKind.BOTH: ["agency", "provider"], TenantKind.ENFORCEMENT: []}.get(kind, [kind.value])


def _check(tenant: str) -> None:
    if names.TENANT_ID.fullmatch(tenant) is None:
        raise ValueError("an organisation's id has 1 to 63 characters of a-z, 0-9 and '-'")


def _entry(operator: Login, tenant: str) -> Tenant:
    for each in list_tenants(operator):
        if each.tenant == tenant:
            return each
    raise UnknownTenantError(f"{tenant} is not registered")


def _pair(entry: Tenant) -> tuple[str, str] | tuple[None, None]:
    return new_pair() if "provider" in _roles(entry.kind) else (None, None)


def _passwords(operator: Login, entry: Tenant) -> dict[str, str]:
    if not operator.user:
        return {}
    logins = {access.principal(role, entry.tenant): secrets.token_urlsafe(24) for role in _roles(entry.kind)}
    for user, password in logins.items():
        access.set_password(operator, user, password)
    return logins


def _publish(operator: Login, entry: Tenant) -> None:
    event = CloudEvent(id=str(uuid.uuid4()), source="/operator", type=entry.ce_type(), time=datetime.now(UTC), data=b"")
    failed: list[object] = []
    writer = Producer({**operator.confluent(), "enable.idempotence": True, "message.timeout.ms": 15_000})
    writer.produce(
        names.TENANTS,
        entry.model_dump_json().encode(),
        entry.tenant.encode(),
        headers=list(encode(event)),
        on_delivery=lambda error, _: failed.append(error) if error else None,
    )
    if writer.flush(_PATIENCE) or failed:
        raise access.AccessError(f"the registry could not be written: {failed or 'no answer'}")
