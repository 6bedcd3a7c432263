"""The checker finds each kind of fault in evidence made by hand, and none in sound evidence."""

import ast
import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from tests.faults import checker

from .checker import CHECKS, Evidence, Record, violations

Change = Callable[["Story"], None]


class Story:
    """The records and journals of a referral with one need, from its agency to a provider that delivers."""

    def __init__(self) -> None:
        self.evidence = Evidence()
        self._ids = 0
        self.journals: dict[str, dict[str, list[dict[str, Any]]]] = {}

    def record(self, topic: str, kind: str, body: dict[str, Any], id_: str = "", **more: str) -> Record:
        """Put one record on a topic."""
        self._ids += 1
        tenants = topic.startswith(("agency", "provider")) and not topic.endswith(("status", "notifications"))
        headers = {
            "ce_id": id_ or f"event-{self._ids}",
            "ce_type": f"org.referral-routing.{kind}",
            "ce_source": "/somebody" if tenants else "/referral-routing/x",
            **more,
        }
        offset = sum(each.topic == topic for each in self.evidence.records)
        record = Record(topic, 0, offset, json.dumps(body).encode(), headers)
        self.evidence.records.append(record)
        return record

    def decide(
        self, service: str, cause: str, *events: tuple[str, str | None, dict[str, Any]], minute: int = 0
    ) -> None:
        """Journal one entry in the need's stream (at intake the referral's), and publish events that have a topic."""
        stream = "referral" if service == "intake" else "need"
        documents = self.journals.setdefault(service, {}).setdefault(stream, [])
        facts = []
        for kind, topic, body in events:
            self._ids += 1
            id_ = f"fact-{self._ids}"
            kind_ = f"org.referral-routing.{kind}"
            facts.append({"id": id_, "type": kind_, "topic": topic, "key": "", "text": json.dumps(body)})
            if topic:
                self.record(topic, kind, body, id_)
        n = len(documents)
        entry = {"cause": cause, "at": f"2026-01-01T00:{minute:02}:00", "facts": facts}
        documents.append({"_id": f"{stream}:{n}", "stream": stream, "n": n, "entries": [entry]})
        self.evidence.journals[service] = [each for stream in self.journals[service].values() for each in stream]


NEED = {"need_id": "need", "agency": "a", "reference": "R", "referral_id": "referral", "need": "1"}


def offer(attempt: int = 1) -> dict[str, Any]:
    return {**NEED, "attempt": attempt, "provider": "p", "service": "beds"}


def status(state: str, attempt: int = 0) -> tuple[str, str, dict[str, Any]]:
    return "outcomes.status-changed.v1", "agency.a.status", {**NEED, "state": state, "attempt": attempt}


def story() -> Story:
    it = Story()
    it.record("provider.p.directory", "provider.service.v1", {"service": "beds", "capacity": 2})
    sent = it.record("agency.a.referrals", "agency.submitted.v1", {"reference": "R", "needs": [{"need": "1"}]})
    it.record(
        "referrals.inbox.intake", "intake.received.v1", {"personal": {"box": "1"}}, "in", ce_causationid=sent.place
    )
    held = ("intake.held.v1", None, {"agency": "a", "reference": "R"})
    it.decide("intake", "inbox/in", held, ("intake.accepted.v1", "referrals.intake", {**NEED, "revision": 0}))
    it.decide("outcomes", "1", status("accepted"))
    it.decide("matching", "1", ("matching.matched.v1", "referrals.matching", {**offer(), "slot": 1}), minute=1)
    it.decide(
        "notification",
        "1",
        ("provider.offer.v1", "provider.p.notifications", offer()),
        ("notification.offered.v1", "referrals.notification", offer()),
    )
    it.decide("outcomes", "2", status("offered", 1))
    answered = it.record("provider.p.responses", "provider.answered.v1", {"answer": "accepted"})
    it.record(
        "referrals.inbox.notification", "notification.answer-received.v1", {}, "yes", ce_causationid=answered.place
    )
    cause = "referrals.inbox.notification/yes"
    it.decide("notification", cause, ("notification.accepted.v1", "referrals.notification", offer()))
    it.decide("outcomes", "3", status("taken-up", 1))
    it.decide("notification", "2", ("notification.delivered.v1", "referrals.notification", offer()))
    it.decide("matching", "2", ("matching.need-ended.v1", None, {**offer(), "end": "delivered"}), minute=2)
    it.decide("outcomes", "4", status("delivered", 1))
    return it


def test_a_sound_story_has_no_fault() -> None:
    assert violations(story().evidence) == []


def test_a_broadcast_with_one_acceptance_and_delivery_is_sound() -> None:
    it = Story()
    it.record("provider.p.directory", "provider.service.v1", {"service": "beds", "capacity": 2})
    at_once = {"broadcast": {"first": 1, "offers": 2}}
    one, other = {**offer(1), **at_once}, {**offer(2), **at_once}
    both = [("matching.matched.v1", "referrals.matching", {**each, "slot": n}) for n, each in enumerate((one, other))]
    it.decide("matching", "1", *both, minute=1)
    for step, each in (("offered", one), ("offered", other), ("acknowledged", one), ("accepted", other)):
        cause = f"{step} {each['attempt']}"
        it.decide("notification", cause, (f"notification.{step}.v1", "referrals.notification", each))
    revoked = {**one, "cause": "taken-by-another", "others_open": True}
    it.decide("notification", "5", ("notification.revoked.v1", "referrals.notification", revoked))
    it.evidence.places += [{"_id": f"p/beds:{n}", "need": "need"} for n in (0, 1)]
    for state, attempt in (("offered", 1), ("acknowledged", 1), ("taken-up", 2)):
        kind, topic, body = status(state, attempt)
        it.decide("outcomes", state, (kind, topic, {**body, **at_once}))
    assert violations(it.evidence) == []
    it.decide("matching", "2", ("matching.revoked.v1", "referrals.matching", one), minute=2)
    it.decide("notification", "6", ("notification.delivered.v1", "referrals.notification", other))
    it.decide("matching", "3", ("matching.need-ended.v1", None, {**other, "end": "delivered"}), minute=3)
    it.decide("outcomes", "6", status("delivered", 2))
    it.evidence.places.clear()
    assert violations(it.evidence) == []


def test_a_record_published_again_under_its_id_is_no_fault() -> None:
    it = story()
    for record in list(it.evidence.records):
        if record.ours:
            body = {**record.body, **({"personal": {"box": "2"}} if "personal" in record.body else {})}
            it.record(record.topic, record.kind, body, record.id, **record.headers)
    assert violations(it.evidence) == []


def test_a_record_sent_again_later_is_no_fault() -> None:
    it = story()
    for at in ("1", "2"):
        it.record("referrals.inbox.intake", "intake.received.v1", {"received_at": at}, "twice", ce_bodyhash="same")
    assert violations(it.evidence) == []


def test_a_record_refused_at_the_gate_is_not_lost() -> None:
    it = story()
    sent = it.record("agency.a.referrals", "agency.submitted.v1", {"reference": "no reference"})
    it.record("referrals.inbox.outcomes", "intake.refused.v1", {}, ce_causationid=sent.place)
    assert violations(it.evidence) == []


def _two_hashes(it: Story) -> None:
    for hash_ in ("1", "2"):
        it.record("referrals.inbox.intake", "intake.received.v1", {}, "twice", ce_bodyhash=hash_)


def _gap(it: Story) -> None:
    del it.evidence.journals["outcomes"][1]


def _others_id(it: Story) -> None:
    it.evidence.journals["outcomes"][1]["_id"] = "another:1"


def _cause_twice(it: Story) -> None:
    it.decide("intake", "inbox/in")


def _two_bodies(it: Story) -> None:
    record = next(it.evidence.on("referrals.matching"))
    it.record(record.topic, record.kind, {**record.body, "slot": 0}, record.id)


def _not_published(it: Story) -> None:
    it.evidence.records = [each for each in it.evidence.records if each.topic != "referrals.matching"]


def _foreign(it: Story) -> None:
    it.record("referrals.matching", "matching.unmet.v1", NEED)


def _out_of_order(it: Story) -> None:
    one, other, *_ = it.evidence.on("referrals.notification")
    it.evidence.records.remove(one)
    it.evidence.records.append(Record(one.topic, 0, other.offset + 5, one.value, one.headers))


def _lost_at_gate(it: Story) -> None:
    it.record("agency.a.referrals", "agency.withdrawn.v1", {"reference": "R"})


def _never_held(it: Story) -> None:
    again = it.record("agency.a.referrals", "agency.submitted.v1", {"reference": "R-2"})
    it.record("referrals.inbox.intake", "intake.received.v1", {}, ce_causationid=again.place)


def _held_twice(it: Story) -> None:
    it.decide("intake", "again", ("intake.held.v1", None, {"agency": "a", "reference": "R"}))


def _accepted_twice(it: Story) -> None:
    it.decide("intake", "again", ("intake.accepted.v1", "referrals.intake", {**NEED, "revision": 0}))


def _never_sent(it: Story) -> None:
    it.decide("intake", "again", ("intake.held.v1", None, {"agency": "a", "reference": "R-3"}))


def _not_taken(it: Story) -> None:
    sent = it.record("provider.p.responses", "provider.answered.v1", {"answer": "in-progress"})
    it.record("referrals.inbox.notification", "notification.answer-received.v1", {}, ce_causationid=sent.place)


def _rank_falls(it: Story) -> None:
    it.decide("outcomes", "5", status("declined", 1))


def _published_twice(it: Story) -> None:
    it.decide("outcomes", "5", status("delivered", 1))


def _stuck(it: Story) -> None:
    it.evidence.records = [each for each in it.evidence.records if each.body.get("state") != "delivered"]


def _unknown_to_agency(it: Story) -> None:
    it.decide("intake", "again", ("intake.accepted.v1", "referrals.intake", {**NEED, "need_id": "2", "revision": 0}))


def _accepted_after_the_end(it: Story) -> None:
    it.decide("notification", "5", ("notification.accepted.v1", "referrals.notification", offer()))


def _two_providers_at_once(it: Story) -> None:
    it.decide("notification", "4", ("notification.offered.v1", "referrals.notification", offer(2)))
    it.decide("notification", "5", ("notification.offered.v1", "referrals.notification", offer(3)))


def together(attempt: int, of: int = 2) -> dict[str, Any]:
    """One of several offers made at once."""
    return {**offer(attempt), "broadcast": {"first": 2, "offers": of}}


def _others_still_open(it: Story) -> None:
    for step, attempt in (("offered", 2), ("offered", 3), ("accepted", 3)):
        it.decide("notification", "4", (f"notification.{step}.v1", "referrals.notification", together(attempt)))


def _both_accept(it: Story) -> None:
    for step, attempt in (("offered", 2), ("offered", 3), ("accepted", 3), ("accepted", 2), ("revoked", 2)):
        it.decide("notification", "4", (f"notification.{step}.v1", "referrals.notification", together(attempt)))


def _matched_twice(it: Story) -> None:
    it.decide("matching", "3", ("matching.matched.v1", "referrals.matching", {**offer(), "slot": 1}), minute=3)


def _offered_twice(it: Story) -> None:
    it.decide("notification", "4", ("provider.offer.v1", "provider.p.notifications", offer()))


def _above_capacity(it: Story) -> None:
    it.decide("matching", "3", ("matching.matched.v1", "referrals.matching", {**offer(2), "slot": 2}), minute=3)


def _held_at_once(it: Story) -> None:
    other = deepcopy(it.evidence.journals["matching"][0])
    other |= {"_id": "other:0", "stream": "other"}
    other["entries"][0]["at"] = "2026-01-01T00:01:30"
    it.evidence.journals["matching"].append(other)


def _left_over(it: Story) -> None:
    it.evidence.places.append({"_id": "p/beds:0", "need": "need"})


def _two_places(it: Story) -> None:
    it.evidence.places += [{"_id": f"p/beds:{n}", "need": "need"} for n in (0, 1)]


FAULTS: dict[Change, str] = {
    _gap: "journals_have_no_gaps",
    _others_id: "journals_have_no_gaps",
    _cause_twice: "no_cause_has_two_entries",
    _two_bodies: "each_id_has_one_body",
    _two_hashes: "each_id_has_one_body",
    _not_published: "each_decision_was_published",
    _foreign: "each_publication_was_decided",
    _out_of_order: "each_stream_was_published_in_order",
    _lost_at_gate: "no_input_was_lost_at_a_gate",
    _never_held: "each_submission_had_one_effect",
    _held_twice: "each_submission_had_one_effect",
    _accepted_twice: "each_submission_had_one_effect",
    _never_sent: "each_submission_had_one_effect",
    _not_taken: "each_answer_was_taken",
    _rank_falls: "statuses_rise",
    _published_twice: "statuses_rise",
    _stuck: "each_need_has_ended_or_is_open",
    _unknown_to_agency: "each_need_has_ended_or_is_open",
    _accepted_after_the_end: "each_offer_runs_its_course",
    _two_providers_at_once: "each_offer_runs_its_course",
    _others_still_open: "each_offer_runs_its_course",
    _both_accept: "each_offer_runs_its_course",
    _matched_twice: "each_attempt_has_one_match_and_one_offer",
    _offered_twice: "each_attempt_has_one_match_and_one_offer",
    _above_capacity: "no_place_is_held_twice",
    _held_at_once: "no_place_is_held_twice",
    _left_over: "no_place_is_held_twice",
    _two_places: "no_place_is_held_twice",
}


@pytest.mark.parametrize("change", FAULTS, ids=lambda change: change.__name__.strip("_"))
def test_a_fault_is_found(change: Change) -> None:
    it = story()
    change(it)
    assert FAULTS[change] in {each.split(":")[0] for each in violations(it.evidence)}


def test_every_check_has_a_fault_that_it_finds() -> None:
    assert {check.__name__ for check in CHECKS} == set(FAULTS.values())


def test_the_checker_shares_no_code_with_the_services() -> None:
    imported = set()
    rooms = list(Path(checker.__file__).parent.glob("*.py"))
    for room in rooms:
        tree = ast.parse(room.read_text())
        imported |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        # One dot is the checker itself; a second would lead out of it.
        froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level != 1]
        imported |= {"." * node.level + (node.module or "") for node in froms}
    roots = {name.split(".")[0] for name in imported}
    assert len(rooms) > 1
    assert {"aiokafka", "motor"} <= roots <= {"json", "re", "collections", "dataclasses", "typing", "aiokafka", "motor"}
