"""Where an agency's needs stand, out of all that was told on its status topic. Pure: no Kafka, no clock."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from contracts.base import Message
from contracts.cloudevents import CloudEvent
from contracts.outcomes import AgencyInputRefused, RecallChanged, RecommendationAnswered, StatusChanged

from ..shared import output

COLUMNS = ("REFERENCE", "NEED", "STATE", "SINCE (UTC)", "CODE", "AT", "NEXT", "BY (UTC)")
LIFE = ("WHEN (UTC)", "REFERENCE", "NEED", "WHAT", "CODE", "AT", "NEXT", "BY (UTC)")
Told = StatusChanged | RecallChanged | AgencyInputRefused


@dataclass
class ReferralOverview:
    """What was told, and the newest status of each need. `reference`: of that one alone."""

    reference: str | None = None
    told: list[tuple[CloudEvent, Told]] = field(default_factory=list)
    newest: dict[tuple[str, str], StatusChanged] = field(default_factory=dict)
    refused: dict[str, AgencyInputRefused] = field(default_factory=dict)
    """By reference, those of whom nothing better is known."""

    def take(self, event: CloudEvent, message: Message) -> Told | None:
        """Keep it; None where it is of another referral, or an answer to a question."""
        if isinstance(message, RecommendationAnswered) or not isinstance(message, Told):
            return None
        if self.reference not in (None, message.reference):
            return None
        self.told.append((event, message))
        if isinstance(message, StatusChanged):
            self.newest[message.reference, message.need] = message
            self.refused.pop(message.reference, None)
        elif isinstance(message, AgencyInputRefused):
            self.refused[message.reference] = message
        return message

    def needs(self) -> list[StatusChanged]:
        """The newest status of each need, by reference: what is told comes from many partitions, in no order."""
        return [each for _, each in sorted(self.newest.items())]

    def rows(self) -> Iterable[tuple[object, ...]]:
        """Each need as it stands, under `COLUMNS`; at the end referrals that were refused and nothing else."""
        for each in self.needs():
            since = output.when(each.since)
            yield (each.reference, each.need, each.state.value, since, *_rest(each))
        for refused in self.refused.values():
            yield (refused.reference or "?", "", "refused", "", fixes(refused), "", "", "")


def row(event: CloudEvent, told: Told) -> tuple[object, ...]:
    """One thing that was told, under `LIFE`."""
    if isinstance(told, StatusChanged):
        when = output.when(told.at or told.since)
        return (when, told.reference, told.need, told.what or told.state.value, *_rest(told))
    if isinstance(told, RecallChanged):
        at, what = f"{told.provider}/{told.service}", f"recall {told.state}"
        return (
            output.when(told.since),
            told.reference,
            told.need,
            what,
            told.reason,
            at,
            "",
            output.when(told.acknowledge_by),
        )
    return (output.when(event.time), told.reference or "?", "", "refused", fixes(told), "", "", "")


def line(event: CloudEvent, told: Told) -> str:
    """The same as one line, for who looks on."""
    return "  ".join(str(cell) for cell in row(event, told) if cell != "")


def fixes(refused: AgencyInputRefused) -> str:
    """What is wrong and what to do."""
    return "; ".join(f"{each.field} {each.fix}" for each in refused.problems)


def _rest(told: StatusChanged) -> tuple[object, ...]:
    code = told.code or ("overdue: " + told.overdue.value if told.overdue else "")
    at = f"{told.provider}/{told.service}" if told.provider else ""
    return (code, at, told.next.value if told.next else "", output.when(told.next_by))
