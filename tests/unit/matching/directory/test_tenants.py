"""A tenant that the registry bars is never a candidate, never listened to and never notified."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts import notification, provider, topics
from contracts.cloudevents import CloudEvent, encode
from contracts.operations import Tenant, TenantKind
from contracts.words import Category, Rule
from services.chassis.ingress.tenant_registry import TenantRegistry
from services.chassis.ports import Record
from services.intake.outbound.provider_keys import ProviderKeys
from services.matching.directory.directory import Directory
from services.matching.eligibility.rules import Case, failing
from services.notification.domain.policy import NotificationPolicy
from services.notification.outbound.recipients import Recipients
from tests.support.builders import NEED, accepted, matched, service
from tests.support.stream import Stream, emitted
from tests.unit.notification.domain.test_policy import DEADLINES

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def record(tenant: str, offset: int, key: str | None = None, value: bytes | None = b"", **changes: Any) -> Record:
    entry = Tenant.model_validate(
        {"tenant": tenant, "name": "N", "kind": "provider", "state": "active", "registered_at": NOW, **changes}
    )
    body = entry.model_dump_json().encode() if value == b"" else value
    headers = encode(CloudEvent(f"t{offset}", "/operator", Tenant.ce_type(), NOW, b""))
    return Record(topics.TENANTS, 0, offset, (key or tenant).encode(), body, headers, NOW)


def registry(*records: Record, required: bool = False) -> TenantRegistry:
    made = TenantRegistry(required)
    for each in records:
        made.apply(each)
    return made


@pytest.mark.parametrize(
    ("changes", "admitted"),
    [
        ({"kind": "agency"}, True),
        ({"kind": "provider"}, True),
        ({"kind": "both"}, True),
        ({"kind": "enforcement"}, False),
        ({"state": "revoked"}, False),
        ({"kind": "enforcement", "state": "revoked"}, False),
    ],
)
def test_enforcement_and_revoked_tenants_may_not_take_part(changes: dict[str, str], admitted: bool) -> None:
    assert registry(record("p1", 0, **changes)).admits("p1") is admitted


def test_an_unregistered_tenant_takes_part_unless_registration_is_required() -> None:
    assert registry().admits("p1")
    assert not registry(required=True).admits("p1")
    assert not registry(record("p1", 0), record("p1", 1, value=None), required=True).admits("p1")


def test_an_older_entry_does_not_restore_a_revoked_tenant_and_a_broken_one_changes_nothing() -> None:
    made = registry(record("p1", 5, state="revoked"))
    assert made.apply(record("p1", 4)) is None
    for broken in (record("p1", 6, value=b"{"), record("p2", 7, key="p1")):
        assert made.apply(broken) is None
    assert not made.admits("p1")
    assert made.apply(record("p1", 8)) == "p1"
    assert made.admits("p1")


def test_services_of_a_barred_provider_are_not_candidates_once_it_is_barred() -> None:
    made = registry()
    directory = Directory(made.admits)
    directory.put("p1", "beds", 1, service())
    case = Case(accepted(), (), NOW, timedelta(days=1))
    [entry] = directory.of(Category.SHELTER)
    assert failing(case, entry) is None
    made.apply(record("p1", 1, kind=TenantKind.ENFORCEMENT))
    directory.review("p1")
    directory.put("p1", "more-beds", 2, service(service="more-beds"))
    assert {failing(case, each) for each in directory.of(Category.SHELTER)} == {Rule.TENANT}
    left, steps, *_ = directory.find(case)
    assert (left, steps[-1].rule) == ([], Rule.TENANT)


def test_a_match_with_a_provider_barred_meanwhile_ends_without_an_offer() -> None:
    barred = Recipients(registry(record("provider-1", 0, state="revoked")))
    effects = Stream("notification", NotificationPolicy(DEADLINES), NEED).handle(matched(), context=barred)
    assert [type(each) for each in emitted(effects)] == [notification.Offered, notification.Expired]
    [expired] = emitted(effects, notification.Expired)
    assert expired.undeliverable
    allowed = Recipients(registry(record("provider-1", 0)))
    effects = Stream("notification", NotificationPolicy(DEADLINES), NEED).handle(matched(), context=allowed)
    assert emitted(effects, provider.Offer)


def test_nothing_can_be_encrypted_to_a_barred_provider() -> None:
    made = registry()
    keys = ProviderKeys(made.admits)
    keys._keys["p1"] = (0, "key")
    assert keys.get("p1") == "key"
    made.apply(record("p1", 0, kind="enforcement"))
    assert "p1" not in keys
    assert keys.get("p1") is None
