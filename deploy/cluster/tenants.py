"""Organisations: onboarded, given new credentials, revoked. The command line in services/console calls this module.

    operator = Login(kafka, "operator", password, mechanism="PLAIN")      # deploy/cluster/login.py
    credentials = onboard(operator, "provider", "brest-shelter", "Brest Shelter")   # shown once, stored nowhere
    credentials = rotate(operator, "brest-shelter")
    revoke(operator, "brest-shelter")
    list_tenants(operator)

Every change is published as `contracts.operations.Tenant` on ``referrals.tenants``. After a failure each call can
safely be repeated.
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
from contracts.topic_settings import PARTITIONS
from deploy.cluster import access, quotas, topics
from deploy.cluster.login import Login
from deploy.cluster.read_topic import read_to_end
from deploy.run_coroutine import run
from services.chassis.encryption import new_pair
from services.chassis.ingress.tenant_registry import UNUSABLE, entry_of

_TIMEOUT = 20.0
_DELIVERY_MS = 15_000


class UnknownTenantError(LookupError):
    """The registry has no organisation with this id."""


@dataclass(frozen=True)
class Credentials:
    """The secrets of an organisation, shown once. None of them is stored here."""

    tenant: str
    logins: dict[str, str] = field(repr=False)
    """Kafka user (`agency:<id>`, `provider:<id>`) to password. Empty for enforcement, and without access control."""
    private_key: str | None = field(default=None, repr=False)
    """A provider's X25519 private key, raw in base64: decrypts the contacts released to it."""
    public_key: str | None = None
    """The public key of the pair, for the provider's profile."""


def onboard(
    operator: Login, kind: TenantKind | str, tenant: str, name: str, replication_factor: int = 1
) -> Credentials:
    """Create an organisation's topics, users, quotas and access rules, register it, and return its credentials.

    Kind enforcement is registered and gets nothing else. An organisation that is already registered gets new passwords
    and keys. Raises `ValueError` for an invalid id or kind, and when it is registered as another kind.
    """
    kind = TenantKind(kind)
    _check_id(tenant)
    before = {each.tenant: each for each in list_tenants(operator)}.get(tenant)
    if before is not None and before.kind is not kind:
        raise ValueError(f"{tenant} is registered as {before.kind.value}")
    entry = Tenant(tenant=tenant, name=name, kind=kind, registered_at=datetime.now(UTC))
    if new_topics := topics_of(entry):
        run(topics.ensure(operator, new_topics, replication_factor))
    logins = _new_passwords(operator, entry)
    for user in logins:
        run(quotas.limit(operator, user))
    if operator.user:
        access.apply(operator, rules_of(entry))
    _publish(operator, entry)
    return Credentials(tenant, logins, *_key_pair(entry))


def rotate(operator: Login, tenant: str) -> Credentials:
    """Replace an organisation's passwords, and a provider's key pair, and return the new ones.

    New connections with an old password are refused at once; a live one is closed within the re-authentication time.
    Contacts are encrypted to the old key until the provider publishes the new one in its profile. Raises
    `UnknownTenantError`, or `ValueError` for a revoked organisation.
    """
    entry = _registered(operator, tenant)
    if entry.state == "revoked":
        raise ValueError(f"{tenant} is revoked; onboard it again")
    logins = _new_passwords(operator, entry)
    _publish(operator, entry)
    return Credentials(tenant, logins, *_key_pair(entry))


def revoke(operator: Login, tenant: str) -> None:
    """Remove an organisation's access rules, overwrite its passwords, and register it as revoked.

    Its users are not deleted: see `access.set_password`. Services keep their rules on its topics, so that open cases
    can end, but accept nothing new from it (services/chassis/ingress/tenant_registry.py). Raises `UnknownTenantError`.
    """
    entry = _registered(operator, tenant)
    if operator.user:
        own = [rule for rule in rules_of(entry) if rule.principal not in names.SERVICES]
        access.remove(operator, own)
    _new_passwords(operator, entry)  # nobody learns them
    _publish(operator, entry.model_copy(update={"state": "revoked"}))


def list_tenants(operator: Login) -> list[Tenant]:
    """The newest registry entry of each organisation, sorted by id, including revoked ones."""
    return read_registry(operator)[0]


def read_registry(operator: Login) -> tuple[list[Tenant], dict[str, int]]:
    """The registry as in `list_tenants`; and the key and offset of each entry that cannot be read.

    As in the services (services/chassis/ingress/tenant_registry.py), the entry before an unreadable one stays in force.
    """
    entries: dict[str, Tenant] = {}
    unusable: dict[str, int] = {}
    for message in read_to_end(operator, names.TENANTS):
        key = (message.key() or b"").decode(errors="replace")
        unusable.pop(key, None)
        if message.value() is None:
            entries.pop(key, None)
            continue
        try:
            entries[key] = entry_of(key, message.headers() or [], message.value(), datetime.now(UTC))
        except UNUSABLE:
            unusable[key] = message.offset()
    return [entries[key] for key in sorted(entries)], unusable


def declared_topics(entries: Iterable[Tenant], partitions: int = PARTITIONS) -> list[topics.Topic]:
    """All topics that must exist: the internal ones, and those of each organisation, including revoked ones."""
    return topics.internal_topics(partitions) + [topic for entry in entries for topic in topics_of(entry)]


def topics_of(entry: Tenant) -> list[topics.Topic]:
    """The topics of one organisation."""
    return [topic for role in _roles(entry.kind) for topic in _TOPICS[role](entry.tenant)]


def rules_of(entry: Tenant) -> list[access.AccessRule]:
    """The access rules of one organisation (none once it is revoked), and those of services on its topics."""
    rules = [rule for role in _roles(entry.kind) for rule in _RULES[role](entry.tenant)]
    if entry.state == "revoked":
        rules = [rule for rule in rules if rule.principal in names.SERVICES]
    return rules


_TOPICS = {"agency": topics.agency_topics, "provider": topics.provider_topics}
_RULES = {"agency": access.agency_rules, "provider": access.provider_rules}


def declared_rules(operator: Login) -> list[access.AccessRule]:
    """All access rules that must exist: those of services, and those that come with each registered organisation."""
    return [*access.service_rules(), *(rule for tenant in list_tenants(operator) for rule in rules_of(tenant))]


def _roles(kind: TenantKind) -> list[str]:
    """The roles in which an organisation connects; enforcement has none."""
    return {TenantKind.BOTH: ["agency", "provider"], TenantKind.ENFORCEMENT: []}.get(kind, [kind.value])


def _check_id(tenant: str) -> None:
    if names.TENANT_ID.fullmatch(tenant) is None:
        raise ValueError("an organisation's id has 1 to 63 characters of a-z, 0-9 and '-'")


def _registered(operator: Login, tenant: str) -> Tenant:
    for each in list_tenants(operator):
        if each.tenant == tenant:
            return each
    raise UnknownTenantError(f"{tenant} is not registered")


def _key_pair(entry: Tenant) -> tuple[str, str] | tuple[None, None]:
    return new_pair() if "provider" in _roles(entry.kind) else (None, None)


def _new_passwords(operator: Login, entry: Tenant) -> dict[str, str]:
    if not operator.user:
        return {}
    logins = {access.principal(role, entry.tenant): secrets.token_urlsafe(24) for role in _roles(entry.kind)}
    for user, password in logins.items():
        access.set_password(operator, user, password)
    return logins


def _publish(operator: Login, entry: Tenant) -> None:
    event = CloudEvent(id=str(uuid.uuid4()), source="/operator", type=entry.ce_type(), time=datetime.now(UTC), data=b"")
    failed: list[object] = []
    writer = Producer(operator.confluent_producer(_DELIVERY_MS))
    writer.produce(
        names.TENANTS,
        entry.model_dump_json().encode(),
        entry.tenant.encode(),
        headers=list(encode(event)),
        on_delivery=lambda error, _: failed.append(error) if error else None,
    )
    if writer.flush(_TIMEOUT) or failed:
        raise access.AccessError(f"{names.TENANTS} could not be written: {failed or 'Kafka did not respond'}")
