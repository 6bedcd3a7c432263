"""Returning to a consumer group as a static member, which fails in two ways with aiokafka 0.14.

A static member (`group_instance_id`) that returns in time gets its predecessor's assignment, without a rebalance. That
assignment may name topics that have been deleted meanwhile, or that a newer version of the service does not read: then
aiokafka fails with an `AssertionError` at every start. It also lacks topics created meanwhile, and if the predecessor
was the group's leader, no member looks for new topics any more (KAFKA-13435; aiokafka's JoinGroup v5 is older than the
fix, KIP-814). ``tests/integration/test_membership.py`` has the cases.
"""

from collections.abc import Iterable
from typing import Any

from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.structs import TopicPartition

_assign = SubscriptionState.assign_from_subscribed


def _assign_subscribed_topics(self: Any, assignment: Iterable[TopicPartition]) -> None:
    topics = self.subscription.topics
    _assign(self, {at for at in assignment if at.topic in topics})


def install() -> None:
    """Reduce assignments to subscribed topics, for all consumers of this process."""
    SubscriptionState.assign_from_subscribed = _assign_subscribed_topics


class StaticReturn:
    """Makes a member join once more if it has joined a running group under a new id without being asked to assign.

    When a leader joins again under a known id, the group assigns again and the leader looks for new topics. For all
    other members, the second join changes nothing.
    """

    def __init__(self) -> None:
        self._last_id = ""

    def assigned(self, coordinator: Any) -> None:
        """Call this with aiokafka's group coordinator at each assignment."""
        was_asked_to_assign = coordinator._group_subscription is not None
        if not was_asked_to_assign and coordinator.member_id != self._last_id:
            coordinator.request_rejoin()
        self._last_id = coordinator.member_id
