"""The state of each offer, computed from a provider's notifications. Pure: no Kafka, no clock."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from contracts.base import Message
from contracts.cloudevents import CloudEvent
from contracts.provider import (
    AnswerConfirmed,
    AnswerRefused,
    CheckInCounted,
    ContactReleased,
    EntryRefused,
    Offer,
    OfferClosed,
    ProviderInputRefused,
    Recall,
    RecallClosed,
    Reminder,
)
from contracts.words import DeadlineKind, Lifecycle
from services.chassis.encryption import open_sealed

from ..shared import output
from ..shared.errors import RefusedError

SHORT = 8
"""How many characters of a need's id name an offer, unless two offers begin with the same ones."""
COLUMNS = (
    *("OFFER", "IS", "TO DO", "BY (LOCAL)", "TIME", "CATEGORY", "URGENCY", "PERSON", "AREA", "SERVICE"),
    *("LOOK CLOSER AT", "RELEASED"),
)
ABOUT_AN_OFFER = (
    *(Offer, Reminder, AnswerConfirmed, CheckInCounted, OfferClosed, AnswerRefused),
    *(ContactReleased, Recall, RecallClosed),
)

_TO_DO = {
    Lifecycle.OFFERED: "acknowledge, or decide",
    Lifecycle.ACKNOWLEDGED: "accept or decline",
    Lifecycle.ACCEPTED_BY_PROVIDER: "start, or make an appointment",
    Lifecycle.APPOINTED: "report how the appointment went",
    Lifecycle.NO_SHOW: "make another appointment, or start",
    Lifecycle.IN_PROGRESS: "report the result",
}
"""What a provider has to do next, in each state in which an offer is open."""
_DELETE = "delete the data, then `deleted`"
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass
class OpenCase:
    """One attempt at a need, from its offer on. `offer` is None when the offer itself can no longer be read.

    `state` is what the last message that says so has said; None when no such message can be read any more. `due` has
    the time of each deadline that runs. A refused answer changes nothing here.
    """

    need_id: str
    attempt: int
    offer: Offer | None = None
    state: Lifecycle | None = None
    closed: str = ""
    due: dict[DeadlineKind, datetime] = field(default_factory=dict)
    appointment_at: datetime | None = None
    released: list[tuple[datetime, ContactReleased]] = field(default_factory=list)
    recalls: dict[int, tuple[datetime, Recall]] = field(default_factory=dict)
    deleted: set[int] = field(default_factory=set)
    """The recalls whose deletion is confirmed."""

    @property
    def undecided(self) -> bool:
        """Whether the provider can still accept or decline."""
        return not self.closed and self.state in (Lifecycle.OFFERED, Lifecycle.ACKNOWLEDGED)

    @property
    def to_delete(self) -> list[Recall]:
        """The recalls whose deletion is not confirmed yet."""
        return [recall for number, (_, recall) in sorted(self.recalls.items()) if number not in self.deleted]

    @property
    def ended(self) -> bool:
        """Whether the offer has ended in any way."""
        return bool(self.closed) or (self.state is not None and self.state not in _TO_DO)

    @property
    def done(self) -> bool:
        """Whether nothing is left to do: the offer has ended, and what was recalled is deleted."""
        return self.ended and not self.to_delete

    @property
    def next(self) -> tuple[str, datetime | None]:
        """What has to be done next, which is what is due first, and by when; empty and None when nothing is known."""
        steps: list[tuple[str, datetime | None]] = [(_DELETE, each.acknowledge_by) for each in self.to_delete]
        if not self.ended and self.state is not None:
            steps.append((_TO_DO[self.state], min(self.due.values(), default=None)))
        return min(steps, key=lambda step: step[1] or _NEVER, default=("", None))

    @property
    def condition(self) -> str:
        """Where the case stands, in a word or two."""
        if self.to_delete:
            return "recalled"
        if self.closed:
            return f"closed: {self.closed}"
        if self.state is Lifecycle.APPOINTED and self.appointment_at:
            return f"appointed {output.local(self.appointment_at)}"
        return self.state.value if self.state else "unknown"

    def fields(self) -> dict[str, ContactReleased]:
        """The fields that are released and not recalled, each with the newest message that contains it."""
        released: dict[str, ContactReleased] = {}
        for at, message in sorted(self.released, key=lambda each: each[0]):
            for name in message.fields:
                recalled = any(at <= when and name in recall.fields for when, recall in self.recalls.values())
                if not recalled:
                    released[name.value] = message
        return released

    def contact(self, key: str) -> dict[str, Any]:
        """The values of `fields`, decrypted with the provider's private key. Raises `UnsealableError`."""
        values: dict[str, Any] = {}
        allowed = self.fields()
        for message in {id(each): each for each in allowed.values()}.values():
            plain = json.loads(open_sealed(key, message.sealed, f"referral-routing/contact/{message.need_id}"))
            names = {name for name, each in allowed.items() if each is message}
            values |= {name: _restricted(plain[name], names) for name in plain if name in {*names, "household"}}
        return values

    def row(self, now: datetime) -> tuple[object, ...]:
        """The case as a row under `COLUMNS`."""
        offer, released, (to_do, due) = self.offer, " ".join(self.fields()), self.next
        head = (self.need_id[:SHORT], self.condition, to_do, output.local(due), output.time_left(due, now))
        if offer is None:
            return (*head, *[""] * 6, released)
        person = offer.person
        who = f"{person.age_band.value} {person.sex.value} {','.join(person.languages)}"
        who += "".join(f" {flag.value}" for flag in person.flags) + (
            f" +{len(offer.companions)}" if offer.companions else ""
        )
        assess = " ".join(rule.value for rule in offer.needs_assessment)
        place = (offer.region.admin1, offer.service, assess, released)
        return (*head, offer.category.value, offer.urgency.value, who, *place)

    def document(self) -> dict[str, Any]:
        """The case as JSON."""
        to_do, due = self.next
        recalls = [recall.model_dump(mode="json") for _, recall in self.recalls.values()]
        return {
            "need_id": self.need_id,
            "attempt": self.attempt,
            "state": self.state.value if self.state else None,
            "closed": self.closed or None,
            "next": to_do or None,
            "next_by": due.isoformat() if due else None,
            "appointment_at": self.appointment_at.isoformat() if self.appointment_at else None,
            "offer": self.offer.model_dump(mode="json") if self.offer else None,
            "released": list(self.fields()),
            "recalls": recalls,
            "deleted": sorted(self.deleted),
        }

    def take(self, at: datetime, message: Message) -> None:
        """Change the case as a message about it says."""
        match message:
            case Offer():
                self.offer, self.state = message, self.state or Lifecycle.OFFERED
                if self.state is Lifecycle.OFFERED:
                    acknowledge, decide = message.acknowledge_by, message.decide_by
                    self.due = {DeadlineKind.ACKNOWLEDGE: acknowledge, DeadlineKind.DECIDE: decide}
            case AnswerConfirmed():
                self.state, self.appointment_at = message.state, message.appointment_at
                self.due = {message.clock: message.due_at} if message.clock and message.due_at else {}
            case CheckInCounted():
                self.due = {message.clock: message.due_at}
            case Reminder(due_at=datetime() as due_at):
                self.due[message.clock] = due_at
            case OfferClosed():
                self.closed = message.reason
            case ContactReleased():
                self.released.append((at, message))
                if self.state is None or self.undecided:  # it overtook the confirmation, which is on its way
                    self.state, self.due = Lifecycle.ACCEPTED_BY_PROVIDER, {}
            case Recall():
                self.recalls[message.recall] = (at, message)
            case RecallClosed():
                self.deleted.add(message.recall)
            case _:
                pass  # a refused answer changes nothing


def _restricted(value: Any, names: set[str]) -> Any:
    """A value, in which members of the household also have only the released fields `names`."""
    if not isinstance(value, list):
        return value
    return [
        {name: inner for name, inner in each.items() if name in names or name in ("member", "relation")}
        if isinstance(each, dict)
        else each
        for each in value
    ]


@dataclass
class Inbox:
    """All cases, and the provider's messages that were refused."""

    cases: dict[tuple[str, int], OpenCase] = field(default_factory=dict)
    refused: list[tuple[CloudEvent, EntryRefused | ProviderInputRefused]] = field(default_factory=list)

    def take(self, event: CloudEvent, message: Message) -> bool:
        """Add a notification. Returns False for a type that is not shown here."""
        if isinstance(message, EntryRefused | ProviderInputRefused):
            self.refused.append((event, message))
            return True
        if not isinstance(message, ABOUT_AN_OFFER):
            return False
        key = (message.need_id, message.attempt)
        case = self.cases.get(key)
        if case is None:
            if isinstance(message, AnswerRefused):
                return True  # it says nothing about an offer that is not known here
            case = self.cases[key] = OpenCase(*key)
        case.take(event.time, message)
        return True

    def open(self) -> list[OpenCase]:
        """The cases in which something is left to do, what is due first coming first."""
        return sorted((case for case in self.cases.values() if not case.done), key=_due_first)

    def find(self, start: str) -> OpenCase:
        """The newest attempt at the need whose id begins with `start`.

        Raises `RefusedError` when there is no such need, or there are several.
        """
        matches = {
            case.need_id: case for case in self.cases.values() if len(start) >= 4 and case.need_id.startswith(start)
        }
        if len(matches) == 1:
            return next(iter(matches.values()))
        if matches:
            hint = "give more characters; `referrals inbox --json` shows whole ids"
            raise RefusedError(f"the ids of {len(matches)} offers begin with {start}", hint)
        raise RefusedError(f"there is no offer {start}", "`referrals inbox --all` lists all offers")


def _due_first(case: OpenCase) -> datetime:
    return case.next[1] or _NEVER
