"""The state of an agency's needs, computed from the events of its status topic. Pure: no Kafka, no clock."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from contracts.base import Message
from contracts.cloudevents import CloudEvent
from contracts.outcomes import AgencyInputRefused, RecallChanged, RecommendationAnswered, StatusChanged

from ..shared import output

COLUMNS = ("REFERENCE", "NEED", "STATE", "SINCE (UTC)", "CODE", "AT", "NEXT", "BY (UTC)")
EVENT_COLUMNS = ("WHEN (UTC)", "REFERENCE", "NEED", "WHAT", "CODE", "AT", "NEXT", "BY (UTC)")
StatusEvent = StatusChanged | RecallChanged | AgencyInputRefused


@dataclass
class ReferralOverview:
    """All status events, and the newest status of each need; with a `reference` those of this referral alone."""

    reference: str | None = None
    events: list[tuple[CloudEvent, StatusEvent]] = field(default_factory=list)
    newest: dict[tuple[str, str], StatusChanged] = field(default_factory=dict)
    refused: dict[str, AgencyInputRefused] = field(default_factory=dict)
    """Refusals by reference, of referrals that have no status."""

    def take(self, event: CloudEvent, message: Message) -> StatusEvent | None:
        """Add an event and return it; None when it is of another referral, or answers a question."""
        if isinstance(message, RecommendationAnswered) or not isinstance(message, StatusEvent):
            return None
        if self.reference not in (None, message.reference):
            return None
        self.events.append((event, message))
        if isinstance(message, StatusChanged):
            self.newest[message.reference, message.need] = message
            self.refused.pop(message.reference, None)
        elif isinstance(message, AgencyInputRefused):
            self.refused[message.reference] = message
        return message

    def needs(self) -> list[StatusChanged]:
        """The newest status of each need, sorted by reference, because events arrive in no common order."""
        return [each for _, each in sorted(self.newest.items())]

    def rows(self) -> Iterable[tuple[object, ...]]:
        """The state of each need under `COLUMNS`, then the referrals that were refused and have no status."""
        for each in self.needs():
            since = output.when(each.since)
            yield (each.reference, each.need, each.state.value, since, *_rest(each))
        for refused in self.refused.values():
            yield (refused.reference or "?", "", "refused", "", fixes(refused), "", "", "")


def row(event: CloudEvent, status: StatusEvent) -> tuple[object, ...]:
    """One event, under `EVENT_COLUMNS`."""
    match status:
        case StatusChanged():
            when, what = output.when(status.at or status.since), status.what or status.state.value
            return (when, status.reference, status.need, what, *_rest(status))
        case RecallChanged():
            at, what = f"{status.provider}/{status.service}", f"recall {status.state}"
            since, by = output.when(status.since), output.when(status.acknowledge_by)
            return (since, status.reference, status.need, what, status.reason, at, "", by)
        case AgencyInputRefused():
            return (output.when(event.time), status.reference or "?", "", "refused", fixes(status), "", "", "")


def line(event: CloudEvent, status: StatusEvent) -> str:
    """The same event as one line, for --follow."""
    return "  ".join(str(cell) for cell in row(event, status) if cell != "")


def fixes(refused: AgencyInputRefused) -> str:
    """What is wrong with a message, and what to do."""
    return "; ".join(f"{each.field} {each.fix}" for each in refused.problems)


def _rest(status: StatusChanged) -> tuple[object, ...]:
    code = status.code or ("overdue: " + status.overdue.value if status.overdue else "")
    at = f"{status.provider}/{status.service}" if status.provider else ""
    return (code, at, status.next.value if status.next else "", output.when(status.next_by))
