"""What `doctor` makes of what it finds: one check, one line, and what to do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from deploy.cluster import access, topics
from services.chassis.encryption import UnsealableError

from .consumer_groups import Lag, per_group
from .dead_letter import DeadLetter, opened, per_reason

COLUMNS = ("CHECK", "STATE", "FOUND", "WHAT TO DO")


@dataclass(frozen=True)
class Check:
    """One finding. What is bad makes the exit status 1."""

    name: str
    state: Literal["ok", "warning", "bad"]
    says: str
    hint: str = ""

    def row(self) -> tuple[object, ...]:
        """Under `COLUMNS`."""
        return (self.name, self.state, self.says, self.hint)


def of_topics(found: Sequence[topics.TopicDifference]) -> Check:
    """Topics against their declaration; one that nobody declared may be on purpose."""
    wrong = [each for each in found if each.declared != "not declared"]
    if wrong:
        return Check(
            "topics", "bad", f"{len(wrong)} differences, first {wrong[0].topic}", "referrals topics diff, then apply"
        )
    if found:
        return Check(
            "topics", "warning", f"{len(found)} are not declared, first {found[0].topic}", "referrals topics diff"
        )
    return Check("topics", "ok", "as declared")


def of_rules(found: access.AccessDifference | None) -> Check:
    """Access rules against their declaration; None: a Kafka without walls."""
    if found is None:
        return Check(
            "access", "warning", "no login is given, so no rules hold", "for people's data: a Kafka with logins"
        )
    if found.missing:
        return Check("access", "bad", f"{len(found.missing)} rules are missing", "referrals topics apply")
    if found.surplus:
        who = ", ".join(sorted({each.principal for each in found.surplus})[:3])
        return Check(
            "access", "warning", f"{len(found.surplus)} rules are not declared ({who})", "referrals topics diff"
        )
    return Check("access", "ok", "as declared")


def of_service(name: str, status: int | None, body: Any) -> Check:
    """A service's answer to /health/ready; no status: none came."""
    if status == 200:
        return Check(name, "ok", "ready")
    if status is None:
        return Check(name, "bad", "does not answer", "start it, or correct --url; its log says why it ended")
    waits = ", ".join(body.get("waiting_for", [])) if isinstance(body, dict) else ""
    return Check(name, "bad", f"not ready, waits for {waits or 'something'}", "if it stays so: look at its log")


def of_groups(members: Mapping[str, int]) -> Check:
    """Every group has to have somebody in it."""
    empty = [group for group, count in members.items() if not count]
    if empty:
        return Check("groups", "bad", f"nobody is in {', '.join(empty)}", "start the service, or look at its log")
    return Check("groups", "ok", f"{sum(members.values())} members in {len(members)} groups")


def of_letters(day: Sequence[DeadLetter]) -> Check:
    """Dead letters of the last 24 hours."""
    if not day:
        return Check("dead letters", "ok", "none in 24 h")
    reasons = ", ".join(f"{count} {reason}" for reason, count in per_reason(day).items())
    return Check(
        "dead letters", "warning", f"{len(day)} in 24 h: {reasons}", "referrals dead-letters list; mend, replay"
    )


def of_registry(count: int, unusable: Mapping[str, int]) -> Check:
    """Organisations, and entries of the registry that nobody can use."""
    if unusable:
        where = ", ".join(f"offset {offset}" for offset in unusable.values())
        return Check(
            "tenants", "bad", f"{len(unusable)} entries are unusable ({where})", "referrals tenants add … again"
        )
    return Check("tenants", "ok", f"{count} registered")


def of_key(private_key: str, newest: DeadLetter | None) -> Check:
    """The operator's key, whose length is right already, on the newest letter."""
    if newest is None:
        return Check("private key", "ok", "32 bytes; there is no dead letter to try it on")
    try:
        opened(newest, private_key)
    except UnsealableError:
        hint = "find the key whose public half is the services' REFERRALS_OPERATOR_KEY"
        return Check("private key", "bad", "it does not open the newest dead letter", hint)
    return Check("private key", "ok", "opens the newest dead letter")


def of_token(token: str) -> Check:
    """The operator's token, as services take it."""
    if len(token) < 16:
        return Check("token", "bad", f"{len(token)} characters", "services take 16 or more: make a longer one")
    return Check("token", "ok", f"{len(token)} characters")


def of_lag(found: Sequence[Lag], limit: int) -> Check:
    """How far the groups are behind."""
    behind = {group: lag for group, lag in per_group(found).items() if lag > limit}
    if behind:
        which = ", ".join(f"{group} {lag}" for group, lag in behind.items())
        return Check("lag", "warning", f"more than {limit} records: {which}", "referrals lag; does it get less?")
    return Check("lag", "ok", f"{sum(each.lag for each in found)} records wait")
