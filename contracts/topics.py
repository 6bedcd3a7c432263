"""The names of all topics. They are spelled nowhere else.

The sender of a message is read from the topic's name, never from the body: Kafka's access rules protect the name, and
nothing protects the body. Ids match ``[a-z0-9-]+``. A dot is not allowed, because prefix rules end with one.
"""

import re

INTAKE = "referrals.intake"
MATCHING = "referrals.matching"
NOTIFICATION = "referrals.notification"
TENANTS = "referrals.tenants"
PRICES = "referrals.prices"
DEAD_LETTERS = "referrals.dead-letters"
INDICATORS = "statistics.indicators"

SERVICES = ("intake", "matching", "notification", "outcomes")

# aiokafka matches with `re.match`, so an unanchored end would also take `agency.a.referrals.old`.
AGENCY_REFERRALS = r"^agency\.[a-z0-9-]+\.referrals$"
PROVIDER_DIRECTORY = r"^provider\.[a-z0-9-]+\.directory$"
PROVIDER_RESPONSES = r"^provider\.[a-z0-9-]+\.responses$"

TENANT_ID = re.compile(r"[a-z0-9-]{1,63}")
_TENANT_TOPIC = re.compile(r"(agency|provider)\.([a-z0-9-]{1,63})\.([a-z]+)")


def inbox(service: str) -> str:
    """Where `service` reads what concerns its own streams: from its gate and ticker, and from other services."""
    return f"referrals.inbox.{service}"


def referrals(agency: str) -> str:
    """Where `agency` publishes its referrals. Contains personal data."""
    return f"agency.{_checked(agency)}.referrals"


def status(agency: str) -> str:
    """Where `agency` reads the status of its referrals."""
    return f"agency.{_checked(agency)}.status"


def directory(provider: str) -> str:
    """Where `provider` publishes its profile and services. Compacted."""
    return f"provider.{_checked(provider)}.directory"


def notifications(provider: str) -> str:
    """Where `provider` reads offers, reminders, revocations, refusals and released contacts."""
    return f"provider.{_checked(provider)}.notifications"


def responses(provider: str) -> str:
    """Where `provider` answers offers."""
    return f"provider.{_checked(provider)}.responses"


def tenant_of(topic: str) -> str:
    """The id of the organisation that the topic belongs to. Raises `ValueError` when it is not a tenant's topic."""
    match = _TENANT_TOPIC.fullmatch(topic)
    if match is None:
        raise ValueError(f"{topic} is not a topic of an agency or provider")
    return match[2]


def is_read_outside(topic: str) -> bool:
    """Whether an organisation or an analyst reads the topic, with a client of its own choice."""
    return topic == INDICATORS or topic.startswith(("agency.", "provider."))


def _checked(tenant: str) -> str:
    if TENANT_ID.fullmatch(tenant) is None:
        raise ValueError("an organisation's id has 1 to 63 characters of a-z, 0-9 and '-'")
    return tenant
