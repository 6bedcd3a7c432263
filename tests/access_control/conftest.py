"""A stack with walls of its own: short re-authentication, and nobody else's tenants."""

from collections.abc import Iterator

import pytest

from deploy.cluster import access, tenants, topics
from deploy.cluster.login import Login
from deploy.local.kafka import AccessControl
from deploy.local.stack import LocalStack

from .people import TENANTS

REAUTH_MS = 3000


@pytest.fixture(scope="package")
def stack() -> Iterator[LocalStack]:
    with LocalStack(walls=AccessControl(reauth_ms=REAUTH_MS)) as stack:
        topics.create(stack.addresses.operator, topics.internal())
        yield stack


@pytest.fixture(scope="package")
def logins(stack: LocalStack) -> dict[str, Login]:
    """Every principal there is, under its name."""
    found = {user: stack.addresses.login(user) for user in stack.addresses.passwords}
    for tenant in TENANTS:
        given = tenants.onboard(stack.addresses.operator, "both", tenant, tenant)
        found |= {user: stack.addresses.login(user, password) for user, password in given.logins.items()}
    assert access.ANALYST in found
    return found
