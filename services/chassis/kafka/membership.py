"""Coming back to a consumer group as a static member, where aiokafka 0.14 leaves two traps.

A static member (`group_instance_id`) that comes back in time is handed what its predecessor had, without a rebalance.
First, that may name topics that were deleted meanwhile, or that a newer version of the service does not read: aiokafka
dies of an `AssertionError`, at every start. Second, topics made meanwhile are not among it; and if the predecessor led
the group, nobody looks out for new ones any more (KAFKA-13435; aiokafka's JoinGroup v5 is older than the remedy,
KIP-814). ``tests/integration/test_membership.py`` has the cases.
"""

from collections.abc import Iterable
from typing import Any

from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.structs import TopicPartition

_assign = SubscriptionState.assign_from_subscribed


def _assign_what_is_subscribed(self: Any, assignment: Iterable[TopicPartition]) -> None:
    topics = self.subscription.topics
    _assign(self, {at for at in assignment if at.topic in topics})


def install() -> None:
    """For all consumers of this process: an assignment is cut down to topics that are subscribed."""
    SubscriptionState.assign_from_subscribed = _assign_what_is_subscribed


class Return:
    """Joins once more when a member came into a running group under a new id and was not asked to assign.

    When a leader joins again under an id that is known, the group assigns anew, and the leader looks out for topics;
    for all others that second join changes nothing.
    """

    def __init__(self) -> None:
        self._last_id = ""

    def assigned(self, coordinator: Any) -> None:
        """To be called with aiokafka's group coordinator at each assignment."""
        was_asked_to_assign = coordinator._group_subscription is not None
        if not was_asked_to_assign and coordinator.member_id != self._last_id:
            coordinator.request_rejoin()
        self._last_id = coordinator.member_id
