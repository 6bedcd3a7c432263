"""The state of each offer, computed from a provider's notifications. Pure: no Kafka, no clock."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from contracts.base import Message
from contracts.cloudevents import CloudEvent
from contracts.provider import (
    AnswerRefused,
    CheckInCounted,
    ContactReleased,
    EntryRefused,
    Offer,
    OfferClosed,
    ProviderInputRefused,
    Recall,
    Reminder,
)
from services.chassis.encryption import open_sealed

from ..shared import output
from ..shared.errors import RefusedError

SHORT = 8
"""How many characters of a need's id name an offer, unless two offers begin with the same ones."""
COLUMNS = ("OFFER", "IS", "CATEGORY", "URGENCY", "PERSON", "AREA", "SERVICE", "BY (UTC)", "LOOK CLOSER AT", "RELEASED")
ABOUT_AN_OFFER = (Offer, Reminder, CheckInCounted, OfferClosed, AnswerRefused, ContactReleased, Recall)


@dataclass
class OpenCase:
    """One attempt at a need, from its offer on. `offer` is None when the offer itself can no longer be read."""

    need_id: str
    attempt: int
    offer: Offer | None = None
    closed: str = ""
    answered: str = ""
    """The last answer given from this machine; empty when there is none."""
    released: list[tuple[datetime, ContactReleased]] = field(default_factory=list)
    recalls: dict[int, tuple[datetime, Recall]] = field(default_factory=dict)
    due_at: datetime | None = None

    def state(self, now: datetime) -> str:
        """The state as known here. An answer from another machine shows only by its consequences."""
        if self.closed:
            return f"closed: {self.closed}"
        if self.recalls:
            return "recalled"
        if self.answered:
            return self.answered
        if self.released:
            return "accepted"
        return "to decide" if self.offer and now < self.offer.decide_by else "decided"

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
        offer, released = self.offer, " ".join(self.fields())
        if offer is None:
            return (self.need_id[:SHORT], self.state(now), *[""] * 7, released)
        person = offer.person
        who = f"{person.age_band.value} {person.sex.value} {','.join(person.languages)}"
        who += "".join(f" {flag.value}" for flag in person.flags) + (
            f" +{len(offer.companions)}" if offer.companions else ""
        )
        assess = " ".join(rule.value for rule in offer.needs_assessment)
        due = output.when(self.due_at or offer.decide_by)
        place = (offer.region.admin1, offer.service, due, assess, released)
        return (self.need_id[:SHORT], self.state(now), offer.category.value, offer.urgency.value, who, *place)

    def document(self, now: datetime) -> dict[str, Any]:
        """The case as JSON."""
        recalls = [recall.model_dump(mode="json") for _, recall in self.recalls.values()]
        return {
            "need_id": self.need_id,
            "attempt": self.attempt,
            "state": self.state(now),
            "offer": self.offer.model_dump(mode="json") if self.offer else None,
            "released": list(self.fields()),
            "recalls": recalls,
        }


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
            if isinstance(message, AnswerRefused) and message.state == "unknown":
                return True  # the refused answer was for an offer that never existed
            case = self.cases[key] = OpenCase(*key)
        match message:
            case Offer():
                case.offer = message
            case OfferClosed():
                case.closed = message.reason
            case ContactReleased():
                case.released.append((event.time, message))
            case Recall():
                case.recalls[message.recall] = (event.time, message)
            case CheckInCounted() | Reminder():
                case.due_at = message.due_at or case.due_at
            case AnswerRefused():
                case.answered = message.state
        return True

    def open(self) -> Iterator[OpenCase]:
        """The cases that are not closed."""
        return (case for case in self.cases.values() if not case.closed)

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


def line(event: CloudEvent, message: Message) -> str:
    """One notification as a line, for --follow."""
    when = output.when(event.time)
    if isinstance(message, EntryRefused | ProviderInputRefused):
        what = message.entry if isinstance(message, EntryRefused) else message.sent
        return f"{when}  refused  {what}  " + "; ".join(f"{each.field} {each.fix}" for each in message.problems)
    if not isinstance(message, ABOUT_AN_OFFER):
        return f"{when}  {message.TYPE}"
    parts = [when, message.need_id[:SHORT], message.TYPE.removeprefix("provider.").rpartition(".")[0]]
    match message:
        case Offer():
            parts += [message.category.value, message.urgency.value, message.region.admin1, message.service]
            parts += [f"decide by {output.when(message.decide_by)}"]
        case OfferClosed():
            parts += [message.reason]
        case AnswerRefused():
            parts += [refusal(message)]
        case Reminder() | CheckInCounted():
            parts += [message.clock.value, f"by {output.when(message.due_at)}"]
        case ContactReleased():
            parts += [" ".join(name.value for name in message.fields)]
        case Recall():
            parts += [f"delete {' '.join(name.value for name in message.fields)}"]
            parts += [f"by {output.when(message.acknowledge_by)}"]
    return "  ".join(parts)


def refusal(message: AnswerRefused) -> str:
    """Why an answer was refused, and which answers are possible."""
    allowed = ", ".join(each.value for each in message.allowed) or "none"
    refused = f"the answer {message.answer.value} was refused ({message.reason.value})"
    return f"{refused}: the offer is {message.state}; possible answers: {allowed}"
