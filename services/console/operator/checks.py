"""The checks of `doctor`: each is one line with a state and what to do. Pure: the measurements are given."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from deploy.cluster import access, topics
from services.chassis.encryption import UnsealableError

from .consumer_groups import Lag, per_group
from .dead_letter import DeadLetter, decrypt, per_reason

COLUMNS = ("CHECK", "STATE", "FOUND", "WHAT TO DO")


@dataclass(frozen=True)
class Check:
    """The result of one check. The state "bad" makes the exit status 1."""

    name: str
    state: Literal["ok", "warning", "bad"]
    says: str
    hint: str = ""

    def row(self) -> tuple[object, ...]:
        """The check as a row under `COLUMNS`."""
        return (self.name, self.state, self.says, self.hint)


def of_topics(differences: Sequence[topics.TopicDifference]) -> Check:
    """Topics compared with their declaration; a topic that is not declared may be intended."""
    wrong = [each for each in differences if each.declared != "not declared"]
    if wrong:
        what = f"{len(wrong)} differences, the first in {wrong[0].topic}"
        return Check("topics", "bad", what, "run `referrals topics diff`, then `referrals topics apply`")
    if differences:
        what = f"{len(differences)} topics are not declared, the first is {differences[0].topic}"
        return Check("topics", "warning", what, "run `referrals topics diff`")
    return Check("topics", "ok", "as declared")


def of_rules(difference: access.AccessDifference | None) -> Check:
    """Access rules compared with their declaration; None for a Kafka without access control."""
    if difference is None:
        what = "Kafka has no logins, so anybody can read and write everything"
        return Check("access", "warning", what, "use a Kafka with logins for real people's data")
    if difference.missing:
        return Check("access", "bad", f"{len(difference.missing)} rules are missing", "run `referrals topics apply`")
    if difference.surplus:
        who = ", ".join(sorted({each.principal for each in difference.surplus})[:3])
        what = f"{len(difference.surplus)} rules are not declared ({who})"
        return Check("access", "warning", what, "run `referrals topics diff`")
    return Check("access", "ok", "as declared")


def of_service(name: str, status: int | None, body: Any) -> Check:
    """A service's response to /health/ready; the status is None when there was no response."""
    if status == 200:
        return Check(name, "ok", "ready")
    if status is None:
        return Check(name, "bad", "does not respond", "start it, or correct --url; its log says why it ended")
    waiting_for = ", ".join(body.get("waiting_for", [])) if isinstance(body, dict) else ""
    return Check(
        name, "bad", f"not ready, waiting for {waiting_for or 'something'}", "if this does not pass, see its log"
    )


def of_groups(members: Mapping[str, int]) -> Check:
    """Every consumer group must have a member."""
    empty = [group for group, count in members.items() if not count]
    if empty:
        return Check("groups", "bad", f"no members in {', '.join(empty)}", "start the service, or see its log")
    return Check("groups", "ok", f"{sum(members.values())} members in {len(members)} groups")


def of_dead_letters(day: Sequence[DeadLetter]) -> Check:
    """Dead letters of the last 24 hours."""
    if not day:
        return Check("dead letters", "ok", "none in 24 h")
    reasons = ", ".join(f"{count} {reason}" for reason, count in per_reason(day).items())
    hint = "run `referrals dead-letters list`, fix the cause, then `referrals dead-letters replay`"
    return Check("dead letters", "warning", f"{len(day)} in 24 h: {reasons}", hint)


def of_registry(count: int, unusable: Mapping[str, int]) -> Check:
    """The registered organisations, and registry entries that cannot be read."""
    if unusable:
        where = ", ".join(f"offset {offset}" for offset in unusable.values())
        what = f"{len(unusable)} registry entries cannot be read ({where})"
        return Check("tenants", "bad", what, "run `referrals tenants add … --again`")
    return Check("tenants", "ok", f"{count} registered")


def of_key(private_key: str, newest: DeadLetter | None) -> Check:
    """Whether the operator's key, already known to be 32 bytes long, decrypts the newest dead letter."""
    if newest is None:
        return Check("private key", "ok", "32 bytes long; there is no dead letter to try it on")
    try:
        decrypt(newest, private_key)
    except UnsealableError:
        hint = "use the private key that belongs to the services' REFERRALS_OPERATOR_KEY"
        return Check("private key", "bad", "does not open the newest dead letter", hint)
    return Check("private key", "ok", "opens the newest dead letter")


def of_token(token: str) -> Check:
    """Whether services accept a token of this length."""
    if len(token) < 16:
        return Check("token", "bad", f"only {len(token)} characters", "make a longer one: services require at least 16")
    return Check("token", "ok", f"{len(token)} characters")


def of_lost(partitions: Sequence[Lag]) -> Check:
    """Records that Kafka deleted before a group read them. Once the group has committed again, only metrics tell."""
    lost = [each for each in partitions if each.lost]
    if lost:
        total = sum(each.lost for each in lost)
        which = ", ".join(f"{each.lost} of {each.topic}/{each.partition}" for each in lost[:3])
        more = f" and {len(lost) - 3} more partitions" if len(lost) > 3 else ""
        hint = "ask whoever sent them to send them again; the runbook RecordsLost says how"
        return Check("records lost", "bad", f"{total} expired before they were read: {which}{more}", hint)
    return Check("records lost", "ok", "none")


def of_lag(partitions: Sequence[Lag], limit: int) -> Check:
    """How many records the consumer groups are behind."""
    behind = {group: lag for group, lag in per_group(partitions).items() if lag > limit}
    if behind:
        which = ", ".join(f"{group} {lag}" for group, lag in behind.items())
        return Check(
            "lag", "warning", f"more than {limit} records: {which}", "run `referrals lag` again: is it falling?"
        )
    return Check("lag", "ok", f"{sum(each.lag for each in partitions)} records are waiting")
