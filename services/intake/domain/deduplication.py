"""The duplicate check: a person who is known under two references is served once for a need. Pure.

A need that is served has a row in the table ``served``: ``{_id: "<identity fingerprint>/<category>", …}``. The first
need claims the row and goes to matching. A need of another referral for the same row is **linked**: it is registered,
but held back from matching. Its agency learns no more than `HeldBack` says, and no agency learns which need is first.

When the first need ends without help, its row is released, and the linked need claims the row and resumes with its own
time of request. When help was given, the linked need is closed as already served if its agency knows that the person
is served elsewhere; if its agency does not know, the need waits until its own wait ends. So nothing that the second
agency sees depends on the course of the first need.

A need is held back only where that does no harm. These needs are never held back:

- a need that is more urgent than the one with the row;
- a need that is already with matching;
- a second need of the same referral;
- a need for a household, or for anyone but the person with the fingerprint;
- a need whose agency must not learn the reason, unless an operator has set `link_confidential`.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from contracts import topics
from contracts.household_rules import PERSON
from contracts.intake import (
    Linked,
    LinkEnded,
    NeedRegistered,
    PrimaryClaimed,
    PrimaryReleased,
    ReferralReceived,
    ServedDoubtful,
    Unlinked,
)
from contracts.profiles import IdentityFingerprint, MinimalProfile, RequestedNeed
from contracts.words import Category, Flag, HeldBack, Lifecycle, Urgency
from services.chassis.decider import Claim, Drop, Effect, Emit, Put

from .household import member_labels, people_served
from .state import Needs
from .triage import triage

SERVED = "served"
LINKS = "linked"
HELPED = frozenset({Lifecycle.DELIVERED.value, Lifecycle.PARTLY_DELIVERED.value})

Doc = dict[str, Any]
Rows = Mapping[str, Doc]

_AT_RISK = frozenset(
    {
        Flag.UNACCOMPANIED_CHILD,
        Flag.SEPARATED_CHILD,
        Flag.GBV_SURVIVOR,
        Flag.TRAFFICKING_VICTIM,
        Flag.VIOLENCE_SURVIVOR,
    }
)


def row_of(fingerprint: IdentityFingerprint, category: Category) -> str | None:
    """The id of the row that a need is served under; None if the person cannot be recognised."""
    return None if fingerprint.person is None else f"{fingerprint.person}/{category.value}"


def is_for_the_person_alone(received: ReferralReceived, requested: RequestedNeed) -> bool:
    """Whether a need is only for the person with the fingerprint."""
    people = people_served(requested.members, requested.together, received.person, received.household)
    household = [member.member for member in received.household]
    return member_labels(requested.members, requested.together, household) == [PERSON] and people.places == 1


def link_row(need_id: str, turn: int) -> str:
    """The id of one link of a need. Each link has its own row, so that a repeated effect meets no other link."""
    return f"{need_id}:{turn}"


def is_confidential(category: Category, person: MinimalProfile) -> bool:
    """Whether no one may learn that the person is served: by category, for children, and for people at risk."""
    return category.confidential or person.age_band.is_minor or not _AT_RISK.isdisjoint(person.flags)


class KnownRows(Protocol):
    """Rows as gathered for a batch, by id: needs that are served, and needs linked to a row that may be released."""

    served: Rows
    links: Rows


class Placement(NamedTuple):
    """Whether a need is held back, and the effects on its rows."""

    held_back: HeldBack | None
    effects: list[Effect]


class DuplicateCheck:
    """One decision on one referral: which rows it claims and releases. `known` is read only where it matters."""

    def __init__(self, needs: Needs, referral: str, known: KnownRows, *, link_confidential: bool = False) -> None:
        self._needs, self._referral, self._known = needs, referral, known
        self._link_confidential = link_confidential
        self._turn = needs.turns
        self._own_rows = {claim.row for claim in needs.serving.values()}

    def place(self, received: ReferralReceived, requested: RequestedNeed) -> Placement:
        """Whether a need that was submitted or corrected is held back, and what happens to its row."""
        need = requested.need
        serving, link = self._needs.serving.get(need), self._needs.links.get(need)
        if need in self._needs.registered and serving is None and link is None:
            return Placement(None, [])  # it is or was with matching, so nothing changes for it
        row = row_of(received.marks, requested.category)
        if row is None or not is_for_the_person_alone(received, requested):
            return Placement(None, self.leave(need, "corrected"))
        urgency = triage(requested.urgency, requested.category, received.person.flags)
        if serving is not None and serving.row == row:
            return Placement(None, [])
        if link is not None and link.row == row and self._must_yield(row, urgency):
            return Placement(link.held_back, [])
        released = self.leave(need, "corrected")
        if row in self._own_rows:
            return Placement(None, released)
        quiet = is_confidential(requested.category, received.person)
        if serving is None and self._must_yield(row, urgency):
            held_back, effects = self._link(requested.need_id, need, row, quiet)
            return Placement(held_back, [*released, *effects])
        return Placement(None, [*released, *self._claim(requested.need_id, need, row, urgency, quiet)])

    def resume(self, need: NeedRegistered) -> list[Effect] | None:
        """A linked need claims the row that was released; None while another need has it."""
        link = self._needs.links[need.need]
        if self._must_yield(link.row, need.urgency):
            return None
        quiet = is_confidential(need.category, need.person)
        return [*self.leave(need.need, ""), *self._claim(need.need_id, need.need, link.row, need.urgency, quiet)]

    def leave(self, need: str, end: str) -> list[Effect]:
        """Release the need's row and notify the needs linked to it, or end the need's own link."""
        serving, link = self._needs.serving.get(need), self._needs.links.get(need)
        if serving is not None:
            self._own_rows.discard(serving.row)
            return self._release(serving.need_id, need, serving.row, serving.turn, end)
        if link is not None:
            unlinked = Unlinked(need_id=link.need_id, need=need, row=link.row, turn=link.turn)
            return [Emit(unlinked), Drop(LINKS, link_row(link.need_id, link.turn))]
        return []

    def on_doubt(self, doubt: ServedDoubtful) -> list[Effect]:
        """Release a row that names a need but is not its own: it was claimed, and then the claimer died or lost."""
        serving = self._needs.serving.get(doubt.need)
        if serving is not None and (serving.row, serving.turn) == (doubt.row, doubt.turn):
            return []
        return self._release(doubt.need_id, doubt.need, doubt.row, doubt.turn, "")

    def on_need_ended(self, need_id: str, end: str) -> list[Effect]:
        """A need has ended elsewhere. That matters to intake only if the need has a row or waits for one."""
        rows = [*self._needs.serving.values(), *self._needs.links.values()]
        return [effect for row in rows if row.need_id == need_id for effect in self.leave(row.need, end)]

    def _must_yield(self, row: str, urgency: Urgency) -> bool:
        """Whether a need has to wait for the need that has the row."""
        doc = self._known.served.get(row)
        if doc is None or doc["referral"] == self._referral:
            return False
        return urgency.rank <= Urgency(doc["urgency"]).rank

    def _claim(self, need_id: str, need: str, row: str, urgency: Urgency, quiet: bool) -> list[Effect]:
        """Claim the row. If it is there and not from this very claim, the need is served without a row."""
        turn = self._turn + 1
        doc: Doc = {"referral": self._referral, "need": need_id, "label": need, "turn": turn}
        doc |= {"urgency": urgency.value, "quiet": quiet}
        if self._known.served.get(row, doc) != doc:
            return []
        self._turn = turn
        self._own_rows.add(row)
        return [Claim(SERVED, row, doc), Emit(PrimaryClaimed(need_id=need_id, need=need, row=row, turn=turn))]

    def _link(self, need_id: str, need: str, row: str, quiet: bool) -> Placement:
        held_back = HeldBack.AGENCY_UNAWARE if quiet or self._known.served[row]["quiet"] else HeldBack.AGENCY_KNOWS
        if held_back is HeldBack.AGENCY_UNAWARE and not self._link_confidential:
            return Placement(None, [])
        self._turn += 1
        linked = Linked(need_id=need_id, need=need, row=row, turn=self._turn, held_back=held_back)
        doc = {"referral": self._referral, "need": need_id, "label": need, "turn": self._turn, "row": row}
        return Placement(held_back, [Emit(linked), Put(LINKS, link_row(need_id, self._turn), doc)])

    def _release(self, need_id: str, need: str, row: str, turn: int, end: str) -> list[Effect]:
        """Linked needs are notified after the row is gone, since the loop deletes rows before it publishes."""
        released = PrimaryReleased(need_id=need_id, need=need, row=row, turn=turn, end=end)
        notices = [link_ended(doc, end) for doc in self._known.links.values() if doc["row"] == row]
        return [
            Emit(released),
            Drop(SERVED, row, {"need": need_id, "turn": turn}),
            *(Emit(notice, topics.inbox("intake"), notice.referral_id) for notice in notices),
        ]


def link_ended(doc: Doc, end: str = "") -> LinkEnded:
    """The notice to the need that a row of the table ``linked`` belongs to."""
    return LinkEnded(
        referral_id=doc["referral"],
        need_id=doc["need"],
        need=doc["label"],
        row=doc["row"],
        turn=doc["turn"],
        end=end,
    )


def doubt(row: str, doc: Doc) -> ServedDoubtful:
    """The question to the need that a row of the table ``served`` names."""
    return ServedDoubtful(
        referral_id=doc["referral"], need_id=doc["need"], need=doc["label"], row=row, turn=doc["turn"]
    )
