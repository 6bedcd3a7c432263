"""Any bad input is refused in words that say what to do and never quote it, and its neighbours pass."""

import json
import re
from collections.abc import Iterable
from typing import Any

import pytest

from contracts import agency, intake, notification, provider, topics
from contracts.base import Input, Message
from contracts.catalogue import MESSAGES
from contracts.recommendation import RecommendationRequested
from services.chassis.encryption import new_key, new_pair
from services.chassis.engine.dead_letters import DeadLetters
from services.chassis.ingress.gate import Admission, Gate
from services.chassis.ingress.validation_errors import PATTERNS, lint_raw_json
from services.intake.admission.referrals import ReferralAdmission
from services.intake.outbound.provider_keys import ProviderKeys
from services.intake.privacy.key_ring import KeyRing
from services.matching.admission import DirectoryAdmission
from services.matching.directory.directory import Directory
from services.notification.admission import AnswerAdmission
from tests.support.bad_input import CANARY, Bad, headers, of_answer, of_entry, of_others, of_recommendation, of_referral
from tests.support.builders import REFERRAL
from tests.support.clock import HandClock, no_pause
from tests.support.intake_world import MASTER, SECRET, body, person, question
from tests.support.memory_twins import MemoryClaims, MemoryGroup, MemoryLog, drain
from tests.support.rig import OPERATOR_PUBLIC, Seen, seen

GOOD_REFERRAL = body(location={"admin1": "BY-BR"}, person=person(caregiver=None, case_code=None), household_size=1)
GOOD_ANSWER = {"referral_id": REFERRAL, "need": "bed", "attempt": 1, "answer": "accepted", "note": "x"}
GOOD_ENTRY = {"service": "beds", "name": "Beds", "categories": ["shelter"], "capacity": 1}


class Rig:
    """One gate over the memory twins, which reads the topic of one tenant."""

    def __init__(self, service: str, admission: Admission, topic: str, pattern: str, *out: str, key: str = "k") -> None:
        self.clock = HandClock()
        self.log = MemoryLog(self.clock.now)
        self.out, self.topic, self.key = out, topic, key.encode()
        self.log.create(topic, *out, topics.DEAD_LETTERS, partitions=1)
        self.consumer = MemoryGroup(self.log, pattern=pattern).join()
        dead_letters = DeadLetters(service, self.log, OPERATOR_PUBLIC)
        self.gate = Gate(
            service, admission, log=self.log, clock=self.clock, dead_letters=dead_letters, sleep=no_pause,
            tombstones=topic.endswith(".directory"),
        )  # fmt: skip

    async def run(self, kind: type[Message], good: dict[str, Any], bad: Iterable[Bad]) -> list[Seen]:
        """Send the bad messages with a good one before and after each. Returns the events that left the gate."""
        good_one = json.dumps(good).encode()
        for number, each in enumerate(bad):
            self.log.append(self.topic, self.key, good_one, headers(kind.TYPE, f"good-{number}"))
            self.log.append(self.topic, self.key, each.value, each.headers)
        self.log.append(self.topic, self.key, good_one, headers(kind.TYPE, "the last"))
        await drain(self.gate, self.consumer)
        assert self.consumer.group.lag == 0
        return [seen(record) for record in self.log.read(*self.out)]

    def dead_letters(self) -> list[tuple[str, str]]:
        dead_letters = [dict(record.headers) for record in self.log.read(topics.DEAD_LETTERS)]
        return [((each["dlq_reason"] or b"").decode(), (each["dlq_field"] or b"").decode()) for each in dead_letters]

    def clear(self) -> bytes:
        """Everything readable that left the gate."""
        records = [*self.log.read(*self.out), *self.log.read(topics.DEAD_LETTERS)]
        return b"\n".join(
            part
            for each in records
            for part in (each.key, each.value, *(name.encode() + (value or b"") for name, value in each.headers))
            if part
        )


def judge(rig: Rig, bad: list[Bad], refused: list[Seen]) -> None:
    """Each sender is notified once, in order of arrival, with the expected field and words."""
    notices = [each.body["problems"] for each in refused]
    assert len(notices) == len(bad)
    wrong = [
        (each.name, each.field, each.fix, problems)
        for each, problems in zip(bad, notices, strict=True)
        if not any(problem["field"] == each.field and each.fix in problem["fix"] for problem in problems)
    ]
    assert wrong == []
    assert rig.dead_letters() == [each.dead_letter for each in bad if each.dead_letter]
    assert CANARY.encode() not in rig.clear()


async def test_bad_referrals(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    bad = [*of_referral(GOOD_REFERRAL), *of_others()]
    rig = Rig(
        "intake", ReferralAdmission(KeyRing(MemoryClaims(), MASTER), SECRET), topics.referrals("a"),
        topics.AGENCY_REFERRALS, topics.inbox("intake"), topics.inbox("outcomes"),
    )  # fmt: skip
    out = await rig.run(agency.Submitted, GOOD_REFERRAL, bad)
    judge(rig, bad, [each for each in out if each.type == intake.ReferralRefused.ce_type()])
    assert sum(each.type == intake.ReferralReceived.ce_type() for each in out) == len(bad) + 1
    assert CANARY.encode() not in b"".join(capsysbinary.readouterr())
    with_reference = [each.body["reference"] for each in out if each.type == intake.ReferralRefused.ce_type()]
    assert with_reference.count("R-1") > len(bad) / 2, "refused under the agency's own reference if that can be read"


async def test_bad_recommendation_requests(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    bad = list(of_recommendation(question()))
    rig = Rig(
        "intake", ReferralAdmission(KeyRing(MemoryClaims(), MASTER), SECRET), topics.referrals("a"),
        topics.AGENCY_REFERRALS, topics.INTAKE, topics.inbox("outcomes"),
    )  # fmt: skip
    out = await rig.run(RecommendationRequested, question(), bad)
    judge(rig, bad, [each for each in out if each.type == intake.ReferralRefused.ce_type()])
    assert sum(each.type == intake.RecommendationAsked.ce_type() for each in out) == len(bad) + 1
    assert CANARY.encode() not in b"".join(capsysbinary.readouterr())


async def test_bad_answers(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    bad = list(of_answer(GOOD_ANSWER))
    rig = Rig(
        "notification", AnswerAdmission(new_pair()[1], new_key()), topics.responses("p"),
        topics.PROVIDER_RESPONSES, topics.inbox("notification"),
    )  # fmt: skip
    out = await rig.run(provider.Answered, GOOD_ANSWER, bad)
    judge(rig, bad, [each for each in out if each.type == notification.AnswerInvalid.ce_type()])
    assert sum(each.type == notification.AnswerReceived.ce_type() for each in out) == len(bad) + 1
    assert CANARY.encode() not in b"".join(capsysbinary.readouterr())


async def test_bad_directory_entries(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    bad = list(of_entry(GOOD_ENTRY))
    rig = Rig(
        "matching", DirectoryAdmission(), topics.directory("p"), topics.PROVIDER_DIRECTORY,
        topics.inbox("notification"), key="beds",
    )  # fmt: skip
    out = await rig.run(provider.Service, GOOD_ENTRY, bad)
    judge(rig, bad, out)
    assert CANARY.encode() not in b"".join(capsysbinary.readouterr())


def test_refused_directory_entries_are_not_used_by_matching_either() -> None:
    for each in of_entry(GOOD_ENTRY):
        log = MemoryLog(HandClock().now)
        log.create(topics.directory("p"), partitions=1)
        log.append(topics.directory("p"), b"beds", each.value, each.headers)
        directory = Directory()
        directory.apply(log.read(topics.directory("p"))[0])
        if each.dead_letter is None or each.dead_letter[0] != "too-large":
            assert len(directory) == 0, each.name


def test_neither_key_of_a_profile_with_two_keys_is_used() -> None:
    log = MemoryLog(HandClock().now)
    log.create(topics.directory("p"), partitions=1)
    twice = f'{{"name": "P", "public_key": "{new_pair()[1]}", "public_key": "{new_pair()[1]}"}}'
    log.append(topics.directory("p"), b"profile", twice.encode(), headers(provider.Profile.TYPE, "1"))
    keys = ProviderKeys()
    keys.apply(log.read(topics.directory("p"))[0])
    assert "p" not in keys


def test_every_pattern_of_tenants_messages_is_explained() -> None:
    inputs = [model for model in MESSAGES.values() if issubclass(model, Input)]
    patterns = {
        json.loads(f'"{pattern}"')
        for model in inputs
        for pattern in re.findall(r'"pattern": "(.*?)"[,}]', json.dumps(model.model_json_schema()))
    }
    assert patterns <= set(PATTERNS)


def test_text_that_only_looks_like_nul_is_accepted() -> None:
    assert lint_raw_json(rb'{"name": "a \\u0000 b"}', provider.Profile) == []
