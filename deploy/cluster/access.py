"""Access rules: who may read and write which topic, and how the rules are applied to Kafka.

    python -m deploy.cluster apply|diff|verify --kafka HOST:PORT [--user operator --password @file] [--json]

Whatever no rule allows is denied. Each rule names its topic in full: a prefix `agency.a` would also open `agency.ab`,
and a prefix `agency.` would let intake read what only agencies may. The only prefixes are the consumer groups and the
transactional ids of tenants, which end with a dot. The right to read or write includes the right to describe, which is
all that metadata, end offsets and patterns need. The operator is a super user of the broker, does not log in by SCRAM,
and needs no rule.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from contracts import topics as names
from deploy.cluster.login import Login
from deploy.waiting import wait_until

ANALYST = "analyst"
_TIMEOUT = 20.0
_ITERATIONS = 8192


class AccessError(RuntimeError):
    """Kafka refused a rule or a credential, or did not apply it in time."""


_KINDS = {
    "topic": ResourceType.TOPIC,
    "group": ResourceType.GROUP,
    "transactional_id": ResourceType.TRANSACTIONAL_ID,
}


@dataclass(frozen=True, order=True)
class AccessRule:
    """One permission. `operation` is "read" or "write", `kind` one of `_KINDS`; topics never have a `prefix`."""

    principal: str
    operation: str
    kind: str
    name: str
    prefix: bool = False

    def binding(self) -> AclBinding:
        """The rule as Kafka's client library expects it."""
        return AclBinding(
            _KINDS[self.kind],
            self.name,
            ResourcePatternType.PREFIXED if self.prefix else ResourcePatternType.LITERAL,
            f"User:{self.principal}",
            "*",
            AclOperation.READ if self.operation == "read" else AclOperation.WRITE,
            AclPermissionType.ALLOW,
        )

    @staticmethod
    def from_binding(binding: AclBinding) -> "AccessRule":
        """A rule that Kafka returned. Kinds that are never declared here keep Kafka's name and so show as surplus."""
        permission = "" if binding.permission_type == AclPermissionType.ALLOW else "deny-"
        return AccessRule(
            binding.principal.removeprefix("User:"),
            permission + binding.operation.name.lower(),
            binding.restype.name.lower(),
            binding.name,
            binding.resource_pattern_type == ResourcePatternType.PREFIXED,
        )


GROUPS = {
    "intake": ["intake", "intake-gate"],
    "matching": ["matching", "matching-directory"],
    "notification": ["notification", "notification-gate"],
    "outcomes": ["outcomes"],
}
"""The consumer groups of each service: one for its loop and one for its gate."""

READS = {
    "intake": [names.inbox("intake"), names.MATCHING, names.TENANTS],
    "matching": [names.inbox("matching"), names.INTAKE, names.NOTIFICATION, names.TENANTS, names.PRICES],
    "notification": [names.inbox("notification"), names.MATCHING, names.TENANTS],
    "outcomes": [names.inbox("outcomes"), names.INTAKE, names.MATCHING, names.NOTIFICATION],
}
WRITES = {
    "intake": [names.inbox("intake"), names.inbox("outcomes"), names.INTAKE, names.DEAD_LETTERS],
    "matching": [
        names.inbox("matching"),
        names.inbox("notification"),
        names.MATCHING,
        names.PRICES,
        names.DEAD_LETTERS,
    ],
    "notification": [names.inbox("notification"), names.inbox("intake"), names.NOTIFICATION, names.DEAD_LETTERS],
    "outcomes": [names.inbox("outcomes"), names.INDICATORS, names.DEAD_LETTERS],
}
"""The internal topics that each service reads and writes: exactly those that its code uses."""


def service_rules() -> list[AccessRule]:
    """The rules of services and analysts that do not depend on tenants."""
    return [
        *(AccessRule(who, "read", "topic", topic) for who in names.SERVICES for topic in READS[who]),
        *(AccessRule(who, "write", "topic", topic) for who in names.SERVICES for topic in WRITES[who]),
        *(AccessRule(who, "read", "group", group) for who in names.SERVICES for group in GROUPS[who]),
        AccessRule(ANALYST, "read", "topic", names.INDICATORS),
        AccessRule(ANALYST, "read", "group", f"{ANALYST}.", prefix=True),
    ]


def principal(kind: str, tenant: str) -> str:
    """The Kafka user of one tenant in one of its roles, such as `agency:a1`."""
    return f"{kind}:{tenant}"


def agency_rules(agency: str) -> list[AccessRule]:
    """The rules of one agency, and of services on its topics. Raises `ValueError` for an invalid id."""
    me = principal("agency", agency)
    return [
        AccessRule(me, "write", "topic", names.referrals(agency)),
        AccessRule(me, "read", "topic", names.status(agency)),
        AccessRule(me, "read", "group", f"agency.{agency}.", prefix=True),
        AccessRule(me, "write", "transactional_id", f"agency.{agency}.", prefix=True),
        AccessRule("intake", "read", "topic", names.referrals(agency)),
        AccessRule("outcomes", "write", "topic", names.status(agency)),
    ]


def provider_rules(provider: str) -> list[AccessRule]:
    """The rules of one provider, and of services on its topics. Raises `ValueError` for an invalid id."""
    me = principal("provider", provider)
    return [
        AccessRule(me, "write", "topic", names.directory(provider)),
        AccessRule(me, "write", "topic", names.responses(provider)),
        # An entry is published whole, so a provider that changes one field must be able to read the others.
        AccessRule(me, "read", "topic", names.directory(provider)),
        AccessRule(me, "read", "topic", names.notifications(provider)),
        AccessRule(me, "read", "group", f"provider.{provider}.", prefix=True),
        AccessRule(me, "write", "transactional_id", f"provider.{provider}.", prefix=True),
        AccessRule("intake", "read", "topic", names.directory(provider)),
        AccessRule("matching", "read", "topic", names.directory(provider)),
        AccessRule("notification", "read", "topic", names.responses(provider)),
        AccessRule("intake", "write", "topic", names.notifications(provider)),
        AccessRule("notification", "write", "topic", names.notifications(provider)),
    ]


@dataclass(frozen=True)
class AccessDifference:
    """The rules that are declared and missing in Kafka, and those in Kafka that are not declared."""

    missing: list[AccessRule]
    surplus: list[AccessRule]


def present(operator: Login, who: str | None = None) -> set[AccessRule]:
    """All rules that Kafka has now, or those of one principal."""
    user = f"User:{who}" if who else None
    everything = AclBindingFilter(
        ResourceType.ANY, None, ResourcePatternType.ANY, user, None, AclOperation.ANY, AclPermissionType.ANY
    )
    admin = AdminClient(operator.confluent())  # in a variable, because it must live until the result is there
    bindings = admin.describe_acls(everything, request_timeout=10).result()
    return {AccessRule.from_binding(each) for each in bindings}


def diff(operator: Login, rules: Iterable[AccessRule]) -> AccessDifference:
    """Compare the declared rules with those in Kafka."""
    declared, existing = set(rules), present(operator)
    return AccessDifference(sorted(declared - existing), sorted(existing - declared))


def apply(operator: Login, rules: Iterable[AccessRule]) -> list[AccessRule]:
    """Add the missing rules, wait until they are in force, and return them. Removes nothing.

    Kafka acknowledges a rule a little before it is in force. Raises `AccessError` when Kafka refuses or is too slow.
    """
    declared = set(rules)
    missing = sorted(declared - present(operator))
    if missing:
        admin = AdminClient(operator.confluent())
        for future in admin.create_acls([rule.binding() for rule in missing]).values():
            _wait_for(future)
        _wait_until(lambda: declared <= present(operator), "new access rules")
    return missing


def remove(operator: Login, rules: Iterable[AccessRule]) -> None:
    """Remove rules and wait until they are gone. Raises `AccessError` when Kafka refuses or is too slow."""
    removed = set(rules)
    if removed:
        admin = AdminClient(operator.confluent())
        for future in admin.delete_acls([_filter(rule.binding()) for rule in removed]).values():
            _wait_for(future)
        _wait_until(lambda: not removed & present(operator), "the removal of access rules")


def _filter(binding: AclBinding) -> AclBindingFilter:
    """A filter that matches this rule alone."""
    what = (binding.restype, binding.name, binding.resource_pattern_type)
    return AclBindingFilter(*what, binding.principal, binding.host, binding.operation, binding.permission_type)


def verify(operator: Login, rules: Iterable[AccessRule]) -> None:
    """Raises `AccessError` unless Kafka has exactly these rules."""
    difference = diff(operator, rules)
    if difference.missing or difference.surplus:
        raise AccessError(
            f"{len(difference.missing)} access rules are missing, {len(difference.surplus)} are not declared"
        )


def set_password(operator: Login, user: str, password: str) -> None:
    """Create the user, or replace its password, and wait until Kafka knows it. Raises `AccessError`.

    Users must never be deleted: after one was, Kafka 4.3.1 refuses every SCRAM user from its next restart on.
    """
    info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, _ITERATIONS)
    change = UserScramCredentialUpsertion(user, info, password.encode())
    admin = AdminClient(operator.confluent())
    _wait_for(admin.alter_user_scram_credentials([change])[user])
    _wait_until(lambda: _has_password(admin, user), f"the password of {user}")


def _has_password(admin: AdminClient, user: str) -> bool:
    try:
        return bool(admin.describe_user_scram_credentials([user])[user].result().scram_credential_infos)
    except KafkaException as error:
        if error.args[0].code() == KafkaError.RESOURCE_NOT_FOUND:
            return False
        raise


def _wait_for(future: Any) -> None:
    try:
        future.result(timeout=_TIMEOUT)
    except KafkaException as error:
        raise AccessError(f"Kafka refused the change: {error.args[0].str()}") from None


def _wait_until(condition: Callable[[], bool], what: str) -> None:
    problem = f"Kafka did not apply {what} within {_TIMEOUT:g} s"
    wait_until(condition, lambda: AccessError(problem), timeout=_TIMEOUT, every=0.05)
