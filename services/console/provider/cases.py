"""What offers have come to, out of all that a provider was told. Pure: no Kafka, no clock."""

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
"""Characters of a need's id that stand for an offer, where they are one offer's alone."""
COLUMNS = ("OFFER", "IS", "CATEGORY", "URGENCY", "PERSON", "AREA", "SERVICE", "BY (UTC)", "LOOK CLOSER AT", "RELEASED")
ABOUT_AN_OFFER = (Offer, Reminder, CheckInCounted, OfferClosed, AnswerRefused, ContactReleased, Recall)


@dataclass
class OpenCase:
    """One attempt at a need, from its offer on. Of what came before the offer could be read, the offer is missing."""

    need_id: str
    attempt: int
    offer: Offer | None = None
    closed: str = ""
    answered: str = ""
    """What was answered from here, if anything."""
    released: list[tuple[datetime, ContactReleased]] = field(default_factory=list)
    recalls: dict[int, tuple[datetime, Recall]] = field(default_factory=dict)
    due_at: datetime | None = None

    def state(self, now: datetime) -> str:
        """As far as it can be told from here: an answer given elsewhere shows by what follows from it."""
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
        """What is released and not recalled, by field: in the newest message that has it."""
        found: dict[str, ContactReleased] = {}
        for at, message in sorted(self.released, key=lambda each: each[0]):
            for name in message.fields:
                gone = any(at <= when and name in recall.fields for when, recall in self.recalls.values())
                if not gone:
                    found[name.value] = message
        return found

    def contact(self, key: str) -> dict[str, Any]:
        """The same, opened with the provider's private key. Raises `Unsealable`."""
        opened: dict[str, Any] = {}
        allowed = self.fields()
        for message in {id(each): each for each in allowed.values()}.values():
            plain = json.loads(open_sealed(key, message.sealed, f"referral-routing/contact/{message.need_id}"))
            names = {name for name, each in allowed.items() if each is message}
            opened |= {name: _without(plain[name], names) for name in plain if name in {*names, "household"}}
        return opened

    def row(self, now: datetime) -> tuple[object, ...]:
        """Under `COLUMNS`."""
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
        """For programs."""
        recalls = [recall.model_dump(mode="json") for _, recall in self.recalls.values()]
        return {
            "need_id": self.need_id,
            "attempt": self.attempt,
            "state": self.state(now),
            "offer": self.offer.model_dump(mode="json") if self.offer else None,
            "released": list(self.fields()),
            "recalls": recalls,
        }


def _without(value: Any, names: set[str]) -> Any:
    """Of members of a household too only what is released."""
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
    """All cases, and what was refused of what the provider sent."""

    cases: dict[tuple[str, int], OpenCase] = field(default_factory=dict)
    refused: list[tuple[CloudEvent, EntryRefused | ProviderInputRefused]] = field(default_factory=list)

    def take(self, event: CloudEvent, message: Message) -> bool:
        """Keep it; False for what is of no kind that is known here."""
        if isinstance(message, EntryRefused | ProviderInputRefused):
            self.refused.append((event, message))
            return True
        if not isinstance(message, ABOUT_AN_OFFER):
            return False
        key = (message.need_id, message.attempt)
        case = self.cases.get(key)
        if case is None:
            if isinstance(message, AnswerRefused) and message.state == "unknown":
                return True  # there is no such offer
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
        """Those that have not been closed."""
        return (case for case in self.cases.values() if not case.closed)

    def find(self, start: str) -> OpenCase:
        """The newest attempt at the need whose id begins so. `RefusedError` where there is none, or several needs."""
        found = {
            case.need_id: case for case in self.cases.values() if len(start) >= 4 and case.need_id.startswith(start)
        }
        if len(found) == 1:
            return next(iter(found.values()))
        if found:
            raise RefusedError(
                f"{start} begins {len(found)} offers", "give more of its id; `referrals inbox --json` has all"
            )
        raise RefusedError(f"there is no offer {start}", "`referrals inbox --all` has all that are known")


def line(event: CloudEvent, message: Message) -> str:
    """One thing that came, for who looks on."""
    when = output.when(event.time)
    if isinstance(message, EntryRefused | ProviderInputRefused):
        what = message.entry if isinstance(message, EntryRefused) else message.sent
        return f"{when}  refused  {what}  " + "; ".join(f"{each.field} {each.fix}" for each in message.problems)
    if not isinstance(message, ABOUT_AN_OFFER):
        return f"{when}  {message.TYPE}"
    said = [when, message.need_id[:SHORT], message.TYPE.removeprefix("provider.").rpartition(".")[0]]
    match message:
        case Offer():
            said += [message.category.value, message.urgency.value, message.region.admin1, message.service]
            said += [f"decide by {output.when(message.decide_by)}"]
        case OfferClosed():
            said += [message.reason]
        case AnswerRefused():
            said += [refusal(message)]
        case Reminder() | CheckInCounted():
            said += [message.clock.value, f"by {output.when(message.due_at)}"]
        case ContactReleased():
            said += [" ".join(name.value for name in message.fields)]
        case Recall():
            said += [f"delete {' '.join(name.value for name in message.fields)}"]
            said += [f"by {output.when(message.acknowledge_by)}"]
    return "  ".join(said)


def refusal(message: AnswerRefused) -> str:
    """Why an answer changed nothing, and what could be answered."""
    allowed = ", ".join(each.value for each in message.allowed) or "nothing"
    return f"{message.answer.value} is refused ({message.reason.value}): it is {message.state}; possible now: {allowed}"
