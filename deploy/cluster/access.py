"""Who may do what on which topic: the architecture's Topics table as literal rules, and how they are brought to Kafka.

    python -m deploy.cluster apply|diff|verify --kafka HOST:PORT [--user operator --password @file] [--json]

What is not written here is denied. Every topic is named in full: a prefix `agency.a` would also open `agency.ab`, and
a prefix `agency.` would let intake read what only agencies may. Groups of tenants are the one prefix, and end with the
dot. Reading or writing implies describing, which is all that metadata, end offsets and patterns need. The operator is
a super user of the broker, logs in apart from SCRAM, and stands in no rule.
"""

import time
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

ANALYST = "analyst"
_PATIENCE = 20.0
_ITERATIONS = 8192


class AccessError(RuntimeError):
    """Kafka refused a rule or a credential, or did not show it in time."""


@dataclass(frozen=True, order=True)
class AccessRule:
    """One allowance. `operation` is "read" or "write"; `kind` is "topic" or "group"; `prefix` only for groups."""

    principal: str
    operation: str
    kind: str
    name: str
    prefix: bool = False

    def binding(self) -> AclBinding:
        """In Kafka's words."""
        return AclBinding(
            ResourceType.TOPIC if self.kind == "topic" else ResourceType.GROUP,
            self.name,
            ResourcePatternType.PREFIXED if self.prefix else ResourcePatternType.LITERAL,
            f"User:{self.principal}",
            "*",
            AclOperation.READ if self.operation == "read" else AclOperation.WRITE,
            AclPermissionType.ALLOW,
        )

    @staticmethod
    def read(found: AclBinding) -> "AccessRule":
        """Out of Kafka's words. What is not one of ours keeps its name, so that it shows as surplus."""
        allowed = "" if found.permission_type == AclPermissionType.ALLOW else "deny-"
        return AccessRule(
            found.principal.removeprefix("User:"),
            allowed + found.operation.name.lower(),
            found.restype.name.lower(),
            found.name,
            found.resource_pattern_type == ResourcePatternType.PREFIXED,
        )


GROUPS = {
    "intake": ["intake", "intake-gate"],
    "matching": ["matching", "matching-directory"],
    "notification": ["notification", "notification-gate"],
    "outcomes": ["outcomes"],
}
"""Consumer groups of each service: its loop's and its gate's."""

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
"""What each service reads and writes among internal topics: no more than its code does."""


def of_services() -> list[AccessRule]:
    """What services and analysts may do whichever tenants there are."""
    return [
        *(AccessRule(who, "read", "topic", topic) for who in names.SERVICES for topic in READS[who]),
        *(AccessRule(who, "write", "topic", topic) for who in names.SERVICES for topic in WRITES[who]),
        *(AccessRule(who, "read", "group", group) for who in names.SERVICES for group in GROUPS[who]),
        AccessRule(ANALYST, "read", "topic", names.INDICATORS),
        AccessRule(ANALYST, "read", "group", f"{ANALYST}.", prefix=True),
    ]


def principal(kind: str, tenant: str) -> str:
    """The user of one tenant in one of its roles: `agency:a1`."""
    return f"{kind}:{tenant}"


def of_agency(agency: str) -> list[AccessRule]:
    """What opens for one agency, and for services on its topics. ValueError for an id that is none."""
    me = principal("agency", agency)
    return [
        AccessRule(me, "write", "topic", names.referrals(agency)),
        AccessRule(me, "read", "topic", names.status(agency)),
        AccessRule(me, "read", "group", f"agency.{agency}.", prefix=True),
        AccessRule("intake", "read", "topic", names.referrals(agency)),
        AccessRule("outcomes", "write", "topic", names.status(agency)),
    ]


def of_provider(provider: str) -> list[AccessRule]:
    """What opens for one provider, and for services on its topics. ValueError for an id that is none."""
    me = principal("provider", provider)
    return [
        AccessRule(me, "write", "topic", names.directory(provider)),
        AccessRule(me, "write", "topic", names.responses(provider)),
        AccessRule(
            me, "read", "topic", names.directory(provider)
        ),  # to change one field of an entry it has to know the rest
        AccessRule(me, "read", "topic", names.notifications(provider)),
        AccessRule(me, "read", "group", f"provider.{provider}.", prefix=True),
        AccessRule("intake", "read", "topic", names.directory(provider)),
        AccessRule("matching", "read", "topic", names.directory(provider)),
        AccessRule("notification", "read", "topic", names.responses(provider)),
        AccessRule("intake", "write", "topic", names.notifications(provider)),
        AccessRule("notification", "write", "topic", names.notifications(provider)),
    ]


@dataclass(frozen=True)
class AccessDifference:
    """What is declared and not there, and what is there and not declared."""

    missing: list[AccessRule]
    surplus: list[AccessRule]


def present(operator: Login, who: str | None = None) -> set[AccessRule]:
    """All rules there are, or one principal's."""
    user = f"User:{who}" if who else None
    wanted = AclBindingFilter(
        ResourceType.ANY, None, ResourcePatternType.ANY, user, None, AclOperation.ANY, AclPermissionType.ANY
    )
    admin = AdminClient(operator.confluent())  # has to outlive its answers
    found = admin.describe_acls(wanted, request_timeout=10).result()
    return {AccessRule.read(each) for each in found}


def diff(operator: Login, rules: Iterable[AccessRule]) -> AccessDifference:
    """Compare what is declared with what Kafka has."""
    declared, there = set(rules), present(operator)
    return AccessDifference(sorted(declared - there), sorted(there - declared))


def apply(operator: Login, rules: Iterable[AccessRule]) -> list[AccessRule]:
    """Add what is missing and return when Kafka shows it, which is a little later than it says so. Removes nothing."""
    declared = set(rules)
    missing = sorted(declared - present(operator))
    if missing:
        admin = AdminClient(operator.confluent())
        for answer in admin.create_acls([rule.binding() for rule in missing]).values():
            _done(answer)
        _until(lambda: declared <= present(operator), "rules")
    return missing


def remove(operator: Login, rules: Iterable[AccessRule]) -> None:
    """Take rules away and return when they are gone."""
    gone = set(rules)
    filters = [
        AclBindingFilter(
            b.restype, b.name, b.resource_pattern_type, b.principal, b.host, b.operation, b.permission_type
        )
        for b in (rule.binding() for rule in gone)
    ]
    if filters:
        admin = AdminClient(operator.confluent())
        for answer in admin.delete_acls(filters).values():
            _done(answer)
        _until(lambda: not gone & present(operator), "removal of rules")


def verify(operator: Login, rules: Iterable[AccessRule]) -> None:
    """AccessFailed unless Kafka has exactly these rules."""
    found = diff(operator, rules)
    if found.missing or found.surplus:
        raise AccessError(f"{len(found.missing)} rules are missing, {len(found.surplus)} are not declared")


def set_password(operator: Login, user: str, password: str) -> None:
    """Create the user, or give it another password. There is no function that deletes one, and must not be.

    Kafka 4.3.1 refuses every SCRAM user after a restart once one of them was deleted.
    """
    info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, _ITERATIONS)
    change = UserScramCredentialUpsertion(user, info, password.encode())
    admin = AdminClient(operator.confluent())
    _done(admin.alter_user_scram_credentials([change])[user])
    _until(lambda: _has_password(admin, user), f"the credential of {user}")


def _has_password(admin: AdminClient, user: str) -> bool:
    try:
        return bool(admin.describe_user_scram_credentials([user])[user].result().scram_credential_infos)
    except KafkaException as error:
        if error.args[0].code() == KafkaError.RESOURCE_NOT_FOUND:
            return False
        raise


def _done(answer: Any) -> None:
    try:
        answer.result(timeout=_PATIENCE)
    except KafkaException as error:
        raise AccessError(f"Kafka refused: {error.args[0].str()}") from None


def _until(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not true():
        if time.monotonic() > deadline:
            raise AccessError(f"Kafka does not show {what} after {_PATIENCE:g} s")
        time.sleep(0.05)
