"""Several referrals in one intake, without the loop: their streams, and the rows that they share."""

from collections.abc import Sequence
from typing import Any

from contracts import intake, matching, topics
from contracts.base import Message
from contracts.intake import Linked, LinkEnded, NeedRegistered
from contracts.profiles import IdentityFingerprint, RequestedNeed, Sealed
from contracts.words import Category
from services.chassis.decider import Claim, Drop, Effect, Put
from services.intake.domain.deduplication import LINKS, SERVED
from services.intake.domain.policy import IntakePolicy

from .clock import START
from .intake_world import received, requested
from .stream import Stream, emitted

STRONG = IdentityFingerprint(person="the-same-person")


class Front:
    """`handle` decides an event in its stream, writes its rows, and delivers the notices to linked needs."""

    def __init__(self, **policy: Any) -> None:
        self.policy = IntakePolicy(**policy)
        self.streams: dict[str, Stream] = {}
        self.served: dict[str, dict[str, Any]] = {}
        self.links: dict[str, dict[str, Any]] = {}
        self.lost: list[LinkEnded] = []
        self.lossy = False
        self._serial = 0

    def __contains__(self, provider: object) -> bool:
        return True

    def submit(
        self, referral: str, *needs: RequestedNeed, marks: IdentityFingerprint = STRONG, **changes: Any
    ) -> Sequence[Effect]:
        """Submit a referral with one need, `bed`, unless others are given."""
        defaults: dict[str, Any] = {
            "referral_id": referral,
            "agency": f"agency-of-{referral}",
            "reference": referral,
            "received_at": START,
        }
        defaults["personal"] = Sealed(
            key_id=referral, box="box", digest=f"{marks}"
        )  # marks differ where the person does
        needs = needs or (need(referral),)
        return self.handle(received(*needs, **{**defaults, "marks": marks, **changes}))

    def withdraw(self, referral: str) -> Sequence[Effect]:
        """Withdraw the whole referral."""
        fields = {"agency": f"agency-of-{referral}", "reference": referral, "reason": "other"}
        return self.handle(intake.WithdrawalReceived(referral_id=referral, **fields))

    def end(self, referral: str, end: str, label: str = "bed") -> Sequence[Effect]:
        """Matching reports that a need has ended."""
        need_id = f"{referral}/{label}"
        return self.handle(matching.NeedEnded(referral_id=referral, need_id=need_id, attempt=1, end=end))

    def handle(self, event: Message) -> Sequence[Effect]:
        """Decide an event."""
        referral: str = event.referral_id  # type: ignore[attr-defined]
        stream = self.streams.setdefault(referral, Stream("intake", self.policy, referral))
        self._serial += 1
        effects = stream.handle(event, id=str(self._serial), key=referral, context=self)
        for effect in effects:
            match effect:
                case Claim(table, row, doc) if table == SERVED:
                    assert self.served.setdefault(row, doc) == doc, "another need has the row"
                case Put(table, row, doc) if table == LINKS:
                    self.links[row] = doc
                case Drop(table, row, doc):
                    rows = self.served if table == SERVED else self.links
                    if row in rows and doc.items() <= rows[row].items():
                        del rows[row]
        for notice in emitted(effects, LinkEnded):
            if self.lossy:
                self.lost.append(notice)
            else:
                self.handle(notice)
        return effects

    def state(self, referral: str) -> Any:
        """The state of a referral."""
        return self.streams[referral].state

    def now(self, referral: str, label: str = "bed") -> NeedRegistered:
        """The latest revision of a need."""
        accepted: NeedRegistered = self.state(referral).needs.registered[label]
        return accepted

    def published(self, referral: str) -> list[Message]:
        """All facts about a referral that were published to matching and outcomes."""
        return [
            self.policy.facts[fact["type"]].read(fact["text"])
            for entry in self.streams[referral].entries
            for fact in entry.facts
            if fact.get("topic") == topics.INTAKE
        ]


def need(referral: str, label: str = "bed", **changes: Any) -> RequestedNeed:
    """A need with its own id."""
    return requested(label, **{"need_id": f"{referral}/{label}", "category": Category.SHELTER, **changes})


def links(effects: Sequence[Effect]) -> list[Linked]:
    """The links among the facts."""
    return emitted(effects, Linked)


def released_rows(effects: Sequence[Effect]) -> list[str]:
    """The rows of ``served`` that are released."""
    return [each.id for each in effects if isinstance(each, Drop) and each.table == SERVED]
