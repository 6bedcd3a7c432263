"""A stack with access control: short re-authentication time, and only the tenants of these tests."""

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
    with LocalStack(access_control=AccessControl(reauth_ms=REAUTH_MS)) as stack:
        topics.create(stack.addresses.operator, topics.internal_topics())
        yield stack


@pytest.fixture(scope="package")
def logins(stack: LocalStack) -> dict[str, Login]:
    """The login of every principal, by its name."""
    logins_by_user = {user: stack.addresses.login(user) for user in stack.addresses.passwords}
    for tenant in TENANTS:
        credentials = tenants.onboard(stack.addresses.operator, "both", tenant, tenant)
        logins_by_user |= {user: stack.addresses.login(user, password) for user, password in credentials.logins.items()}
    assert access.ANALYST in logins_by_user
    return logins_by_user
