"""A person who is known under two references is served once for a need: which need that is, and which waits. Pure.

Being served is a claim: a row of the table ``served``, ``{_id: "<strong mark>/<category>", …}``. The first need has it
and goes to matching; another referral's need for the same row is **linked**: accepted, but held back. It learns no
more than `HeldBack` says, and nobody learns which need the first is. When the first ends without help, its row is free
again, and the linked need claims it and resumes, with its own time of request. When help was given, the linked need
is closed as already served where its agency was told; where not, it waits to the end of its own wait, as it would
have. Nothing that the second agency can see then depends on the first need's course.

Held back is only what can't do harm: never a need that is more urgent than the one with the row, never one that is
with matching already, never two needs of one referral, never one that is for a household or another than the person
who is marked; and, unless an operator has turned it on (`link_confidential`), none of which its agency may not be told.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from contracts import topics
from contracts.agency import PERSON
from contracts.intake import (
    IdentityFingerprint,
    Linked,
    LinkEnded,
    MinimalProfile,
    NeedRegistered,
    PrimaryClaimed,
    PrimaryReleased,
    ReferralReceived,
    RequestedNeed,
    ServedDoubtful,
    Unlinked,
)
from contracts.words import Category, Flag, HeldBack, Lifecycle, Urgency
from services.chassis.decider import Claim, Drop, Effect, Emit, Put

from .household import for_whom, whom
from .state import Referral
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


def row_of(marks: IdentityFingerprint, category: Category) -> str | None:
    """The row that a need is served under; None where nobody could know the person again."""
    return None if marks.person is None else f"{marks.person}/{category.value}"


def is_for_the_person_alone(received: ReferralReceived, asked: RequestedNeed) -> bool:
    """Whether it is for the person who is marked and nobody else: what a household needs is nobody's second need."""
    those = for_whom(asked.members, asked.together, received.person, received.household)
    members = whom(asked.members, asked.together, [each.member for each in received.household])
    return members == [PERSON] and those.places == 1


def link_row(need: str, turn: int) -> str:
    """The row of one link of a need: each has its own, so that an effect that comes again meets no other link."""
    return f"{need}:{turn}"


def is_confidential(category: Category, person: MinimalProfile) -> bool:
    """Whether nobody may be told that this person is being served: by category, for children, and for those at risk."""
    return category.confidential or person.age_band.years[1] < 18 or not _AT_RISK.isdisjoint(person.flags)


class Known(Protocol):
    """Rows as gathered for a batch, by id: who is served, and who is linked to a row that may be given back."""

    served: Rows
    links: Rows


class DuplicateCheck:
    """One decision on one referral: which rows it takes and gives back. `known` is looked at only where it matters."""

    def __init__(self, state: Referral, referral: str, known: Known, *, link_confidential: bool = False) -> None:
        self._state, self._referral, self._known = state, referral, known
        self._link_confidential = link_confidential
        self._turn = state.turns
        self._own = {each.row for each in state.serving.values()}

    def place(self, received: ReferralReceived, asked: RequestedNeed) -> tuple[HeldBack | None, list[Effect]]:
        """Whether a need that was submitted or corrected is held back, and what follows for its row."""
        serving, link = self._state.serving.get(asked.need), self._state.links.get(asked.need)
        if asked.need in self._state.accepted and serving is None and link is None:
            return None, []  # it is with matching, or was: nothing is to be changed for it
        row = row_of(received.marks, asked.category)
        if row is None or not is_for_the_person_alone(received, asked):
            return None, self.leave(asked.need, "corrected")
        urgency = triage(asked.urgency, asked.category, received.person.flags)
        if serving is not None and serving.row == row:
            return None, []
        if link is not None and link.row == row and self._yields(row, urgency):
            return link.held_back, []
        left = self.leave(asked.need, "corrected")
        if row in self._own:
            return None, left
        quiet = is_confidential(asked.category, received.person)
        if serving is None and self._yields(row, urgency):
            linked = self._link(asked.need_id, asked.need, row, quiet)
            return linked[0], [*left, *linked[1]]
        return None, [*left, *self._claim(asked.need_id, asked.need, row, urgency, quiet)]

    def resume(self, need: NeedRegistered) -> list[Effect] | None:
        """A linked need takes the row that was given back; None while another need has it."""
        link = self._state.links[need.need]
        if self._yields(link.row, need.urgency):
            return None
        quiet = is_confidential(need.category, need.person)
        return [*self.leave(need.need, ""), *self._claim(need.need_id, need.need, link.row, need.urgency, quiet)]

    def leave(self, need: str, end: str) -> list[Effect]:
        """The need gives its row back, and those who are linked to it are told; or it is linked no more."""
        serving, link = self._state.serving.get(need), self._state.links.get(need)
        if serving is not None:
            self._own.discard(serving.row)
            return self._give_back(serving.need_id, need, serving.row, serving.turn, end)
        if link is not None:
            unlinked = Unlinked(need_id=link.need_id, need=need, row=link.row, turn=link.turn)
            return [Emit(unlinked), Drop(LINKS, link_row(link.need_id, link.turn))]
        return []

    def disown(self, doubt: ServedDoubtful) -> list[Effect]:
        """Give back a row that names the need without being its own: it was claimed, then the claimer died or lost."""
        serving = self._state.serving.get(doubt.need)
        if serving is not None and (serving.row, serving.turn) == (doubt.row, doubt.turn):
            return []
        return self._give_back(doubt.need_id, doubt.need, doubt.row, doubt.turn, "")

    def _yields(self, row: str, urgency: Urgency) -> bool:
        """Whether a need has to wait for the one that has the row."""
        held = self._known.served.get(row)
        if held is None or held["referral"] == self._referral:
            return False
        return urgency.rank <= Urgency(held["urgency"]).rank

    def _claim(self, need_id: str, need: str, row: str, urgency: Urgency, quiet: bool) -> list[Effect]:
        """Nothing where the row is there already, and not by this very claim: then the need is served without one."""
        turn = self._turn + 1
        doc: Doc = {"referral": self._referral, "need": need_id, "label": need, "turn": turn}
        doc |= {"urgency": urgency.value, "quiet": quiet}
        if self._known.served.get(row, doc) != doc:
            return []
        self._turn = turn
        self._own.add(row)
        return [Claim(SERVED, row, doc), Emit(PrimaryClaimed(need_id=need_id, need=need, row=row, turn=turn))]

    def _link(self, need_id: str, need: str, row: str, quiet: bool) -> tuple[HeldBack | None, list[Effect]]:
        held_back = HeldBack.UNTOLD if quiet or self._known.served[row]["quiet"] else HeldBack.TOLD
        if held_back is HeldBack.UNTOLD and not self._link_confidential:
            return None, []
        self._turn += 1
        linked = Linked(need_id=need_id, need=need, row=row, turn=self._turn, held_back=held_back)
        doc = {"referral": self._referral, "need": need_id, "label": need, "turn": self._turn, "row": row}
        return held_back, [Emit(linked), Put(LINKS, link_row(need_id, self._turn), doc)]

    def _give_back(self, need_id: str, need: str, row: str, turn: int, end: str) -> list[Effect]:
        """Those who are linked are told after the row is gone: the loop deletes rows before it publishes."""
        ended = PrimaryReleased(need_id=need_id, need=need, row=row, turn=turn, end=end)
        told = [link_ended(doc, end) for doc in self._known.links.values() if doc["row"] == row]
        return [
            Emit(ended),
            Drop(SERVED, row, {"need": need_id, "turn": turn}),
            *(Emit(each, topics.inbox("intake"), each.referral_id) for each in told),
        ]


def link_ended(doc: Doc, end: str = "") -> LinkEnded:
    """To the need that a row of ``linked`` is of."""
    return LinkEnded(
        referral_id=doc["referral"],
        need_id=doc["need"],
        need=doc["label"],
        row=doc["row"],
        turn=doc["turn"],
        end=end,
    )


def doubt(row: str, doc: Doc) -> ServedDoubtful:
    """To the need that a row of ``served`` names."""
    return ServedDoubtful(
        referral_id=doc["referral"], need_id=doc["need"], need=doc["label"], row=row, turn=doc["turn"]
    )
