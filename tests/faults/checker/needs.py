"""The course of needs, offers and places: each need has one end, and no place two needs."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from .evidence import Evidence, Record, facts, first_publications

_PHASES = [
    "received",
    "accepted",
    "matched",
    "offered",
    "acknowledged",
    "taken-up",
    "appointed",
    "no-show",
    "in-progress",
    "declined",
    "expired",
    "revoked",
    "on-hold",
    "waiting",
]
_ENDS = ["rejected", "unmet", "withdrawn", "not-delivered", "partly-delivered", "delivered"]


def rank(status: Mapping[str, Any]) -> tuple[int, ...]:
    """The rank of a status, which only rises for an agency: phases of an attempt, then the next attempt, then an end.

    Within a phase it rises by turns (check-ins, appointments) and by how late the provider is. Attempts made at once
    count as the first of them. A need that is held back waits for a place only afterwards.
    """
    state, attempt = status["state"], (status.get("broadcast") or {}).get("first", status["attempt"])
    if state in _ENDS:
        return (1, _ENDS.index(state), attempt)
    held_back = state == "waiting" and status.get("code") == "already-served"
    stage = _PHASES.index("appointed" if state == "no-show" else "accepted" if held_back else state)
    clock = ("", "acknowledge", "decide", "start", "close").index(status.get("overdue") or "")
    return (0, attempt, stage, status.get("turn", 0), _PHASES.index(state), clock, int(status.get("escalated", False)))


def _rank_and_time(body: dict[str, Any]) -> tuple[Any, ...]:
    """The rank, and the time for what is published without a change of state, such as a reminder."""
    at = body["at"] if body.get("what") not in (None, body["state"]) else ""
    return (rank(body), at)


def _statuses(evidence: Evidence) -> dict[str, list[Record]]:
    """The statuses that agencies received of each need, each event once, in order."""
    statuses: dict[str, list[Record]] = defaultdict(list)
    for record in first_publications(evidence.written_by_tenants("status")):
        if record.kind == "outcomes.status-changed.v1":
            statuses[record.body["need_id"]].append(record)
    return statuses


def statuses_rise(evidence: Evidence) -> Iterator[str]:
    """Statuses rise. One may be published again, unchanged, for an agency that requested it."""
    requests = Counter(
        (record.topic.split(".")[1], record.body.get("reference"))
        for record in evidence.written_by_tenants("referrals")
        if record.kind == "agency.status-requested.v1"
    )
    for need, records in _statuses(evidence).items():
        top: dict[str, Any] | None = None
        again = 0
        for record in records:
            body = record.body
            if top is not None and _rank_and_time(body) <= _rank_and_time(top):
                again += 1
                if body != top or again > requests[body["agency"], body["reference"]]:
                    yield f"{need}: {body['state']} ({body['attempt']}) after {top['state']} ({top['attempt']})"
            else:
                top = body


def each_need_has_ended_or_is_open(evidence: Evidence) -> Iterator[str]:
    """An open need holds a place, waits or is on hold. The agency of each need has a status of it."""
    statuses = _statuses(evidence)
    on_hold = {need for need, each in statuses.items() if each[-1].body["state"] == "on-hold"}
    open_ = on_hold | {row["need"] for row in (*evidence.places, *evidence.waiting)}
    for fact in facts(evidence, "intake"):
        if fact.kind != "intake.accepted.v1":
            continue
        need = fact.body["need_id"]
        if need not in statuses:
            if f"agency.{fact.body['agency']}.status" not in evidence.gone:
                yield f"{need}: its agency has no status of it"
        elif need not in open_ and not any(record.body["state"] in _ENDS for record in statuses[need]):
            yield f"{need}: {statuses[need][-1].body['state']}, and it neither holds a place nor waits"


_OFFER = {
    "": {"offered"},
    "offered": {"acknowledged", "accepted", "declined", "expired", "revoked"},
    "acknowledged": {"accepted", "declined", "expired", "revoked"},
    "accepted": {"appointed", "in-progress", "delivered", "not-delivered", "expired", "revoked"},
    "appointed": {"appointed", "no-show", "in-progress", "delivered", "not-delivered", "expired", "revoked"},
    "no-show": {"appointed", "in-progress", "delivered", "not-delivered", "expired", "revoked"},
    "in-progress": {"delivered", "not-delivered", "revoked"},
}


_MOVES_NOTHING = ("reminded", "overdue", "escalated", "checked-in")


def each_offer_runs_its_course(evidence: Evidence) -> Iterator[str]:
    """A need has one offer at a time, or several at once until one is accepted; each step is taken once, in order."""
    offers_by_need: dict[str, dict[int, tuple[str, Any]]] = defaultdict(dict)
    for fact in facts(evidence, "notification"):
        step = fact.kind.removeprefix("notification.").removesuffix(".v1")
        if not fact.kind.startswith("notification.") or step in _MOVES_NOTHING:
            continue
        need, attempt = fact.body["need_id"], fact.body["attempt"]
        offers, together = offers_by_need[need], fact.body.get("broadcast")
        before = max(offers, default=0)
        phase = offers.get(attempt if step != "offered" else before, ("", None))[0]
        others = {each: one for each, one in offers.items() if each != attempt and one[0] in _OFFER}
        taken = any(one[0] in ("accepted", "in-progress") for one in others.values())
        if step == "offered":
            valid = attempt > before and all(together and one[1] == together for one in others.values())
        else:
            valid = step in _OFFER.get(phase, ()) and (step == "revoked" or not taken)
        if not valid:
            yield f"{need}: {step} ({attempt}) after {phase or 'nothing'} ({before})"
        offers[attempt] = (step, together)
    for need, offers in offers_by_need.items():
        open_ = [step for step, _ in offers.values() if step in _OFFER]
        if len(open_) > 1 and {"accepted", "in-progress"} & set(open_):
            yield f"{need}: accepted, and another offer is still open"


def each_attempt_has_one_match_and_one_offer(evidence: Evidence) -> Iterator[str]:
    """Each attempt has one match and one offer, however often it is handled."""
    matches = Counter(
        (fact.body["need_id"], fact.body["attempt"])
        for fact in facts(evidence, "matching")
        if fact.kind == "matching.matched.v1"
    )
    yield from (f"{need} was matched {n} times in attempt {attempt}" for (need, attempt), n in matches.items() if n > 1)
    offers: dict[tuple[str, int], set[str]] = defaultdict(set)
    for record in evidence.written_by_tenants("notifications"):
        if record.kind == "provider.offer.v1":
            offers[record.body["need_id"], record.body["attempt"]].add(record.id)
    yield from (
        f"{need} was offered {len(ids)} times in attempt {attempt}"
        for (need, attempt), ids in offers.items()
        if len(ids) > 1
    )


_WHOLE = {"matching.need-ended.v1", "matching.closed.v1"}
_LEAVES = {"matching.attempt-ended.v1", "matching.revoked.v1", *_WHOLE}


def no_place_is_held_twice(evidence: Evidence) -> Iterator[str]:
    """No two matches hold a slot at the same time, and slots are within capacity."""
    capacity: dict[str, int] = {}
    for record in evidence.written_by_tenants("directory"):
        if record.kind == "provider.service.v1" and isinstance(record.body.get("capacity"), int):
            service = f"{record.topic.split('.')[1]}/{record.body.get('service')}"
            capacity[service] = max(capacity.get(service, 0), record.body["capacity"])
    holds: dict[tuple[str, int], list[tuple[str, str, str]]] = defaultdict(list)
    open_: dict[str, dict[int, tuple[list[tuple[str, int]], str]]] = defaultdict(dict)
    at_once: dict[str, int] = defaultdict(lambda: 1)
    for fact in facts(evidence, "matching"):
        if fact.kind == "matching.matched.v1":
            service = f"{fact.body['provider']}/{fact.body['service'].removeprefix(fact.body['provider'] + '/')}"
            slots = [(service, slot) for slot in fact.body.get("slots") or [fact.body["slot"]]]
            for _, number in slots:
                if service in capacity and not 0 <= number < capacity[service]:
                    yield f"{service} has {capacity[service]} places, and {fact.stream} has slot {number}"
            open_[fact.stream][fact.body["attempt"]] = (slots, fact.at)
            offers = (fact.body.get("broadcast") or {}).get("offers", 1)
            at_once[fact.stream] = max(at_once[fact.stream], offers * len(slots))
        elif fact.kind in _LEAVES:
            mine, attempt = open_[fact.stream], fact.body["attempt"]
            for gone in [one for one in mine if fact.kind in _WHOLE or one == attempt]:
                slots, since = mine.pop(gone)
                for slot in slots:
                    holds[slot].append((since, fact.at, fact.stream))
    for need, mine in open_.items():
        for slots, since in mine.values():
            for slot in slots:
                holds[slot].append((since, "9", need))
    for slot, each in holds.items():
        for (_, until, one), (since, _, other) in zip(sorted(each), sorted(each)[1:], strict=False):
            if since < until:
                yield f"{slot} was held by {one} and {other} at once"
    held = Counter(row["need"] for row in evidence.places)
    yield from (f"{need} holds {n} places" for need, n in held.items() if n > at_once[need])
    yield from (f"{row['_id']} is held by {row['need']}, which has no match" for row in evidence.places
                if not open_[row["need"]])  # fmt: skip
