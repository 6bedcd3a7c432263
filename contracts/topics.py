"""Names of topics, and the only place where they are spelled.

Which organisation sent a message is read from the topic's name, never from the body: Kafka's own authorisation
guards the name, nothing guards the body. Ids match ``[a-z0-9-]+``; a dot is refused because prefix rules end with it.
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
    """The topic on which `service` is told of what concerns its own streams: by gates, tickers and other services."""
    return f"referrals.inbox.{service}"


def referrals(agency: str) -> str:
    """Where `agency` publishes its referrals. Holds personal data."""
    return f"agency.{_checked(agency)}.referrals"


def status(agency: str) -> str:
    """Where `agency` reads what became of its referrals."""
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
    """The id of the organisation whose topic this is. `ValueError` when it is no tenant's topic."""
    found = _TENANT_TOPIC.fullmatch(topic)
    if found is None:
        raise ValueError(f"{topic} is not a topic of an agency or provider")
    return found[2]


def _checked(tenant: str) -> str:
    if TENANT_ID.fullmatch(tenant) is None:
        raise ValueError("an organisation's id has 1 to 63 characters of a-z, 0-9 and '-'")
    return tenant
