"""The four services start beside a stack, report when they are ready, and come back after a crash."""

from urllib.request import urlopen

import pytest

from contracts.topics import SERVICES
from deploy.cluster.topics import create, internal_topics
from deploy.local.kafka import AccessControl
from deploy.local.process import StartError
from deploy.local.services import start_services
from deploy.local.stack import LocalStack


def test_services_start_and_come_back_after_a_crash() -> None:
    with LocalStack(access_control=AccessControl()) as stack:
        create(stack.addresses.operator, internal_topics())
        with start_services(stack.addresses, stack.data) as services:
            assert set(services) == set(SERVICES)
            services.kill("matching")
            assert not services["matching"].running
            services.restart("matching")
            for name in SERVICES:
                with urlopen(services.url(name) + "/metrics", timeout=60) as answer:  # noqa: S310  (ours)
                    assert b"# HELP" in answer.read()
        assert not any(service.running for service in services.values())

        with pytest.raises(StartError, match="REFERRALS_TICK"):
            start_services(stack.addresses, stack.data, {"REFERRALS_TICK": "soon"}, names=("outcomes",))
