"""The declared access rules. How Kafka applies them is tested in tests/access_control."""

from collections.abc import Callable

import pytest

from contracts import topics
from deploy.cluster.access import READS, WRITES, AccessRule, agency_rules, provider_rules, service_rules

ALL = [*service_rules(), *agency_rules("a"), *agency_rules("ab"), *provider_rules("a"), *provider_rules("ab")]


def who(operation: str, topic: str) -> set[str]:
    return {rule.principal for rule in ALL if (rule.operation, rule.kind, rule.name) == (operation, "topic", topic)}


def test_a_tenants_topics_are_open_to_that_tenant_and_the_declared_services_only() -> None:
    assert who("write", topics.referrals("a")) == {"agency:a"}
    assert who("read", topics.referrals("a")) == {"intake"}
    assert who("write", topics.status("a")) == {"outcomes"}
    assert who("read", topics.status("a")) == {"agency:a"}
    assert who("write", topics.directory("a")) == {"provider:a"}
    assert who("read", topics.directory("a")) == {"intake", "matching", "provider:a"}
    assert who("write", topics.notifications("a")) == {"intake", "notification"}
    assert who("read", topics.notifications("a")) == {"provider:a"}
    assert who("write", topics.responses("a")) == {"provider:a"}
    assert who("read", topics.responses("a")) == {"notification"}


def test_no_rule_allows_more_than_it_names() -> None:
    assert all(rule.kind in ("group", "transactional_id") and rule.name.endswith(".") for rule in ALL if rule.prefix)
    of_a = [rule.name for rule in ALL if rule.principal in ("agency:a", "provider:a")]
    assert not any(".ab." in name for name in of_a)


@pytest.mark.parametrize("id_", ["a.b", "A", "", "a_b", "a/b"])
@pytest.mark.parametrize("rules", [agency_rules, provider_rules])
def test_an_invalid_id_gets_no_rules(rules: Callable[[str], list[AccessRule]], id_: str) -> None:
    with pytest.raises(ValueError, match="id"):
        rules(id_)


@pytest.mark.parametrize("service", topics.SERVICES)
def test_a_service_reads_its_own_inbox_and_no_other(service: str) -> None:
    inboxes = {topics.inbox(each) for each in topics.SERVICES}
    assert inboxes & set(READS[service]) == {topics.inbox(service)}
    assert topics.DEAD_LETTERS in WRITES[service]
    assert topics.DEAD_LETTERS not in READS[service]


@pytest.mark.parametrize("rules", [agency_rules, provider_rules])
def test_each_rule_is_the_same_when_it_comes_back_from_kafka(rules: Callable[[str], list[AccessRule]]) -> None:
    for rule in rules("a"):
        assert AccessRule.from_binding(rule.binding()) == rule
