"""The results of `doctor` and `lag` for given measurements."""

import pytest

from contracts.topics import inbox
from deploy.cluster.access import GROUPS, READS, AccessDifference, AccessRule
from deploy.cluster.topics import Topic, compare
from deploy.cluster.topics import TopicDifference as Differs
from services.chassis.encryption import new_pair
from services.console.operator import checks
from services.console.operator.consumer_groups import Lag, lags, per_group, stages
from services.console.operator.dead_letter import DeadLetter
from services.console.operator.topics import Differences
from tests.support.rig import OPERATOR_PRIVATE

RULE = AccessRule("intake", "read", "topic", "agency.a.referrals")


def test_every_consumer_group_reads_something() -> None:
    groups = {stage.group: stage for stage in stages()}
    assert set(groups) == {group for groups in GROUPS.values() for group in groups}
    assert all(stage.topics or stage.pattern for stage in groups.values())
    assert groups["intake-gate"].reads("agency.a.referrals")
    assert not groups["intake-gate"].reads("agency.a.referrals.old")
    assert all(groups[service].reads(inbox(service)) for service in READS)


def test_lag_counts_existing_records_without_a_commit() -> None:
    topic = inbox("intake")
    ends = {(topic, 0): (0, 10), (topic, 1): (5, 7), (topic, 2): (9, 9), ("other", 0): (0, 99)}
    result = lags(
        ends, {"intake": {(topic, 0): 4, (topic, 1): 2}}, [each for each in stages() if each.group == "intake"]
    )
    assert [each.lag for each in result] == [6, 2, 0]  # records that Kafka deleted do not count
    assert result[2].committed is None
    assert result[2].row()[3] == "-"
    assert per_group(result) == {"intake": 8}


def test_topics_are_compared_with_the_declaration() -> None:
    declared = {"a": Topic("a", 4, {"x": "1"}), "b": Topic("b"), "c": Topic("c")}
    existing = {"a": Topic("a", 3, {"x": "2", "y": "3"}), "b": Topic("b"), "d": Topic("d")}
    assert compare(declared, existing) == [
        Differs("a", "partitions", "4", "3"),
        Differs("a", "x", "1", "2"),
        Differs("a", "y", "default", "3"),
        Differs("c", "topic", "there", "missing"),
        Differs("d", "topic", "not declared", "there"),
    ]


def test_differences_are_listed_with_their_signs() -> None:
    result = Differences(
        [Differs("c", "topic", "there", "missing"), Differs("a", "x", "1", "2")], AccessDifference([RULE], [RULE])
    )
    assert result
    assert result.rows() == [
        ("~", "c", "missing"),
        ("~", "a", "x is 2, declared 1"),
        ("+", "topic agency.a.referrals", "intake read"),
        ("-", "topic agency.a.referrals", "intake read"),
    ]
    assert not Differences([], AccessDifference([], []))
    assert not Differences([], None)


@pytest.mark.parametrize(
    ("check", "state"),
    [
        (checks.of_topics([]), "ok"),
        (checks.of_topics([Differs("d", "topic", "not declared", "there")]), "warning"),
        (checks.of_topics([Differs("d", "topic", "there", "missing")]), "bad"),
        (checks.of_rules(None), "warning"),
        (checks.of_rules(AccessDifference([], [])), "ok"),
        (checks.of_rules(AccessDifference([], [RULE])), "warning"),
        (checks.of_rules(AccessDifference([RULE], [])), "bad"),
        (checks.of_service("intake", 200, {"waiting_for": []}), "ok"),
        (checks.of_service("intake", 503, {"waiting_for": ["kafka"]}), "bad"),
        (checks.of_service("intake", 500, None), "bad"),
        (checks.of_service("intake", None, None), "bad"),
        (checks.of_groups({"intake": 2}), "ok"),
        (checks.of_groups({"intake": 2, "outcomes": 0}), "bad"),
        (checks.of_dead_letters([]), "ok"),
        (checks.of_dead_letters([DeadLetter.read(0, 0, [], b"")]), "warning"),
        (checks.of_registry(3, {}), "ok"),
        (checks.of_registry(3, {"a": 7}), "bad"),
        (checks.of_key(OPERATOR_PRIVATE, None), "ok"),
        (checks.of_key(new_pair()[0], DeadLetter.read(0, 0, [], b"")), "bad"),
        (checks.of_token("x" * 16), "ok"),
        (checks.of_token("short"), "bad"),
        (checks.of_lag([Lag("intake", "t", 0, 1, 3, 2)], 2), "ok"),
        (checks.of_lag([Lag("intake", "t", 0, 1, 3, 2)], 1), "warning"),
        (checks.of_lost([Lag("intake", "t", 0, 1, 3, 2)]), "ok"),
        (checks.of_lost([Lag("intake", "t", 0, 1, 9, 2, 6)]), "bad"),
    ],
)
def test_a_check_has_a_state_and_a_hint_unless_it_is_ok(check: checks.Check, state: str) -> None:
    assert check.state == state
    assert check.says
    assert bool(check.hint) is (state != "ok")
