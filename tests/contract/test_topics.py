"""Topics: whom they belong to, and which ones a pattern matches."""

import re

import pytest

from contracts import topics
from deploy.cluster.topics import agency_topics, internal_topics, provider_topics

PATTERNS = {
    topics.AGENCY_REFERRALS: topics.referrals,
    topics.PROVIDER_DIRECTORY: topics.directory,
    topics.PROVIDER_RESPONSES: topics.responses,
}
OF_TENANT = (topics.referrals, topics.status, topics.directory, topics.notifications, topics.responses)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_matches_only_its_own_topics_in_aiokafka(pattern: str) -> None:
    name = PATTERNS[pattern]
    for tenant in ("a", "ab", "a-1", "0"):
        assert re.match(pattern, name(tenant))
    kind = name("a").split(".")[2]
    who = name("a").split(".")[0]
    for other in (
        f"{who}.a.{kind}.old", f"{who}.a.b.{kind}", f"{who}..{kind}", f"x{name('a')}", f"{who}.A.{kind}",
        f"{who}.a.{kind}s", f"{who}.a b.{kind}", "referrals.intake", f"{who}.a.{kind}\nx",
    ):  # fmt: skip
        assert re.match(pattern, other) is None


@pytest.mark.parametrize("name", OF_TENANT)
def test_the_tenant_is_read_from_the_topics_name(name: object) -> None:
    assert callable(name)
    for tenant in ("a", "ab", "a-b", "0" * 63):
        assert topics.tenant_of(name(tenant)) == tenant
    for odd in ("", "a.b", "A", "a_b", "a/b", "0" * 64, "a\n", "ä"):
        with pytest.raises(ValueError, match="1 to 63 characters"):
            name(odd)


@pytest.mark.parametrize(
    "topic", ["referrals.intake", "agency.a", "agency.a.b.referrals", "agency.a.referrals.old", "enemy.a.referrals", ""]
)
def test_other_topics_have_no_tenant(topic: str) -> None:
    with pytest.raises(ValueError, match="not a topic of"):
        topics.tenant_of(topic)


def test_a_prefix_that_ends_with_a_dot_matches_one_tenant() -> None:
    for mine, other in (("a", "ab"), ("a1", "a10"), ("a", "a-b")):
        assert not topics.referrals(other).startswith(f"agency.{mine}.")


def test_every_topic_is_a_legal_kafka_name_and_declared() -> None:
    constants = {topics.INTAKE, topics.MATCHING, topics.NOTIFICATION, topics.TENANTS, topics.DEAD_LETTERS}
    names = {each.name for each in [*internal_topics(), *agency_topics("a"), *provider_topics("a")]}
    assert constants | {topics.INDICATORS} | {topics.inbox(service) for service in topics.SERVICES} <= names
    assert {name("a") for name in OF_TENANT} <= names
    assert all(re.fullmatch(r"[a-z0-9.-]{1,249}", name) for name in names)
