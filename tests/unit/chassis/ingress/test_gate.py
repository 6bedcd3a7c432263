"""The gate: what is refused, what is set aside, what passes, and under which ids and keys."""

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import pytest
from pydantic import Field

from contracts import topics
from contracts.base import Event, Input, Message
from contracts.cloudevents import CloudEvent, encode
from contracts.operations import Tenant, TenantKind
from contracts.profiles import Problem
from services.chassis.engine.dead_letters import DeadLetters
from services.chassis.errors import FatalError, TransientError
from services.chassis.ingress.gate import Admitted, Arrival, Gate, RefusalError
from services.chassis.ingress.tenant_registry import TenantRegistry
from services.chassis.ports import Record
from tests.support.clock import HandClock, no_pause
from tests.support.memory_twins import MemoryGroup, MemoryLog, drain
from tests.support.rig import OPERATOR_PUBLIC, Seen, once, seen

INBOX = topics.inbox("toy")


class Wish(Input):
    TYPE: ClassVar[str] = "agency.wish.v1"
    reference: str
    agency: str | None = None
    many: Annotated[int, Field(ge=0)] = 1


class Wished(Event):
    TYPE: ClassVar[str] = "toy.wished.v1"
    agency: str
    reference: str


class Unheard(Event):
    TYPE: ClassVar[str] = "toy.unheard.v1"
    agency: str
    problems: list[Problem]


class WishAdmission:
    """Passes a wish on as many times as it says. 13 is a bug, 14 is refused, and refusing 15 is a bug."""

    accepts: Mapping[str, type[Message]] = {Wish.ce_type(): Wish}

    def __init__(self) -> None:
        self.prepared: list[int] = []
        self.away = False

    async def prepare(self, arrivals: Sequence[Arrival]) -> None:
        if self.away:
            raise TransientError("away")
        self.prepared.append(len(arrivals))

    def admit(self, arrival: Arrival) -> Sequence[Admitted]:
        wish = arrival.data
        assert isinstance(wish, Wish)
        if wish.many == 13:
            raise RuntimeError(wish.reference)
        if wish.many in (14, 15):
            raise RefusalError(Problem(field="many", fix="fewer" if wish.many == 14 else "fault"))
        event = Wished(agency=arrival.tenant, reference=wish.reference)
        return [Admitted(event, INBOX, f"{arrival.tenant}-{wish.reference}", "hash")] * wish.many

    def refuse(self, tenant: str, record: Record, event: CloudEvent, problems: list[Problem]) -> Sequence[Admitted]:
        if problems[0].fix == "fault":
            raise RuntimeError
        return [Admitted(Unheard(agency=tenant, problems=problems), INBOX, tenant, event.data.hex())]


class GateRig:
    def __init__(self, *, tombstones: bool = False) -> None:
        self.clock = HandClock()
        self.log = MemoryLog(self.clock.now)
        self.log.create(topics.referrals("a"), topics.referrals("ab"), INBOX, topics.DEAD_LETTERS, partitions=1)
        self.admission = WishAdmission()
        self.consumer = MemoryGroup(self.log, pattern=topics.AGENCY_REFERRALS).join()
        dead_letters = DeadLetters("toy-gate", self.log, OPERATOR_PUBLIC)
        self.gate = Gate(
            "toy", self.admission, log=self.log, clock=self.clock, dead_letters=dead_letters, sleep=no_pause,
            size_limit=500, tombstones=tombstones,
        )  # fmt: skip

    def send(
        self, body: str | Wish, *, agency: str = "a", id_: str = "w1", type_: str = "", traceparent: str | None = None
    ) -> None:
        event = CloudEvent(
            id_, "/a", type_ or Wish.ce_type(), self.clock.now(), b"", traceparent=traceparent, bodyhash="forged"
        )
        text = body if isinstance(body, str) else body.model_dump_json()
        self.log.append(f"agency.{agency}.referrals", b"whatever", text.encode(), encode(event))

    async def run(self) -> list[Seen]:
        await drain(self.gate, self.consumer)
        return [seen(record) for record in self.log.read(INBOX)]

    def dead(self) -> list[tuple[str, str]]:
        dead_letters = [dict(record.headers) for record in self.log.read(topics.DEAD_LETTERS)]
        return [((each["dlq_stage"] or b"").decode(), (each["dlq_reason"] or b"").decode()) for each in dead_letters]


@pytest.fixture
def rig() -> GateRig:
    return GateRig()


async def test_an_event_passes_under_the_streams_key_with_the_tenant_of_its_topic(rig: GateRig) -> None:
    rig.send(Wish(reference="r"), agency="ab")
    [out] = await rig.run()
    assert (out.body, out.record.key) == ({"agency": "ab", "reference": "r"}, b"ab-r")
    assert (out.event.correlationid, out.event.bodyhash) == ("ab-r", "hash")
    assert out.event.time == rig.clock.now(), "the broker's time, which no sender can set"
    assert rig.consumer.group.lag == 0


async def test_a_gate_outlives_an_outage_of_more_than_a_thousand_batches(rig: GateRig) -> None:
    rig.send(Wish(reference="r"))
    rig.log.fail("publish", *["before"] * 1_100)
    while batch := rig.consumer.fetch():
        await rig.gate.handle(batch)
    assert [each.body["reference"] for each in await rig.run()] == ["r"]


async def test_a_body_that_names_another_tenant_is_refused(rig: GateRig) -> None:
    rig.send(Wish(reference="r", agency="ab"), agency="a")
    rig.send(Wish(reference="r", agency="a"), agency="a")
    refused, passed = await rig.run()
    assert refused.body == {
        "agency": "a",
        "problems": [{"field": "agency", "fix": "must be your own id, or be left out"}],
    }
    assert passed.type == Wished.ce_type()


async def test_a_repetition_has_the_same_id_and_another_tenants_event_has_another(rig: GateRig) -> None:
    rig.send(Wish(reference="r", many=2))
    rig.send(Wish(reference="r", many=2))
    rig.send(Wish(reference="r"), agency="ab")
    out = await rig.run()
    assert len(out) == 5
    assert len(once(out)) == 3


async def test_one_id_under_two_references_is_two_events(rig: GateRig) -> None:
    for reference in ("r", "s", "r"):
        rig.send(Wish(reference=reference))
    out = await rig.run()
    assert [each.body["reference"] for each in once(out)] == ["r", "s"]
    assert out[0].event.id == out[2].event.id


async def test_each_wrong_body_is_answered_under_an_id_of_its_own(rig: GateRig) -> None:
    for many in (-1, -2, -1, 14):
        rig.send(f'{{"reference": "r", "many": {many}}}')
    rig.send("{broken")
    rig.send("{broken too")
    out = await rig.run()
    assert {each.type for each in out} == {Unheard.ce_type()}
    ids = [each.event.id for each in out]
    assert (ids[0] == ids[2], len(set(ids))) == (True, 5)


async def test_nothing_in_which_a_sender_could_put_a_name_is_passed_on(
    rig: GateRig, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    rig.send(Wish(reference="r"), id_="Maria", traceparent="00-" + "a" * 32 + "-Maria-01")
    rig.send('{"reference": "r", "Maria": 1}', id_="Maria")
    rig.send('{"reference": "Maria"', id_="Maria")
    rig.send("{}", type_="Maria")
    out = await rig.run()
    assert len(out) == 4
    read = b"".join(capsysbinary.readouterr())
    written = b"".join((r.value or b"") + b"".join(v or b"" for _, v in r.headers) for r in rig.log.read(INBOX))
    assert b"Maria" not in written + read
    assert b"forged" not in written, "only the gate sets bodyhash"
    assert all(each.event.traceparent and "a" * 32 not in each.event.traceparent for each in out)


async def test_a_refusal_lists_problems_by_field_and_keeps_its_place(rig: GateRig) -> None:
    rig.send(Wish(reference="1"))
    rig.send('{"reference": "2", "many": -1}')
    rig.send(Wish(reference="3", many=14))
    rig.send('{"referense": "4"}')
    rig.send(Wish(reference="5"))
    out = await rig.run()
    assert [each.body.get("reference", each.body.get("problems")) for each in out] == [
        "1",
        [{"field": "many", "fix": "must be at least 0"}],
        [{"field": "many", "fix": "fewer"}],
        [
            {"field": "reference", "fix": "is needed"},
            {"field": "referense", "fix": "is an unknown field: did you mean 'reference'?"},
        ],
        "5",
    ]


async def test_only_the_poison_is_set_aside(rig: GateRig) -> None:
    topic = topics.referrals("a")
    rig.send(Wish(reference="1"))
    rig.log.append(topic, b"k", b"{}", [("ce_id", b"\xff")])
    rig.log.append(topic, None, None, [("ce_id", None)])
    rig.send("x" * 501)
    rig.send("{}", type_="org.referral-routing.agency.unknown.v1")
    rig.send("{broken")
    rig.send(Wish(reference="fault", many=13))
    rig.send(Wish(reference="fault", many=15))
    rig.send(Wish(reference="2"))
    out = await rig.run()
    assert [each.body["reference"] for each in out if each.type == Wished.ce_type()] == ["1", "2"]
    assert sorted(rig.dead()) == sorted(
        [
            ("decode", "header-not-utf-8"),
            ("decode", "header-without-value"),
            ("gate", "too-large"),
            ("gate", "type-unknown"),
            ("decode", "body-not-json"),
            ("gate", "admission-failed"),
            ("gate", "admission-failed"),
        ]
    )
    assert rig.consumer.group.lag == 0


async def test_a_topic_that_only_looks_like_a_tenants_stops_no_other(rig: GateRig) -> None:
    long = "x" * 64
    rig.log.create(f"agency.{long}.referrals", partitions=1)
    rig.consumer.group.rebalance()
    rig.send(Wish(reference="r"), agency=long)
    rig.send(Wish(reference="r"))
    assert len(await rig.run()) == 1
    assert rig.dead() == [("gate", "topic-not-a-tenants")]


async def test_the_whole_batch_is_prepared_at_once_and_retried_if_that_fails(rig: GateRig) -> None:
    rig.send(Wish(reference="1"))
    rig.send("{}")
    rig.send(Wish(reference="2"))
    rig.admission.away = True
    batch = rig.consumer.fetch()
    assert batch is not None
    await rig.gate.handle(batch)
    assert batch.settled == "nack"
    rig.admission.away = False
    assert len(await rig.run()) == 3
    assert rig.admission.prepared == [2]


@pytest.mark.parametrize("when", ["before", "midway", "after"])
async def test_publishing_in_doubt_is_repeated_with_the_same_ids(rig: GateRig, when: str) -> None:
    for reference in "123":
        rig.send(Wish(reference=reference), id_=reference)
    rig.log.fail("publish", when)
    assert [each.body["reference"] for each in once(await rig.run())] == ["1", "2", "3"]
    assert rig.consumer.group.lag == 0


async def test_an_inbox_that_cannot_be_written_to_is_fatal(rig: GateRig) -> None:
    rig.send(Wish(reference="1"))
    rig.log.refusing[INBOX] = "not-authorised"
    batch = rig.consumer.fetch()
    assert batch is not None
    with pytest.raises(FatalError):
        await rig.gate.handle(batch)
    assert batch.settled is None


async def test_all_events_of_a_referral_are_one_trace(rig: GateRig) -> None:
    for reference in ("r", "r", "s"):
        rig.send(Wish(reference=reference))
    traces = [(each.event.traceparent or "").split("-")[1] for each in await rig.run()]
    assert traces[0] == traces[1] != traces[2]
    assert all(len(trace) == 32 for trace in traces)


async def test_on_a_compacted_topic_a_missing_value_means_deleted() -> None:
    rig = GateRig(tombstones=True)
    rig.log.append(topics.referrals("a"), b"k", None)
    rig.send(Wish(reference="r"))
    assert len(await rig.run()) == 1
    assert rig.dead() == []


async def test_a_barred_tenant_is_refused_whatever_it_sends(rig: GateRig) -> None:
    """It is notified on its own topic, and its neighbours pass."""
    registry = TenantRegistry()
    event = CloudEvent("t1", "/operator", Tenant.ce_type(), rig.clock.now(), b"")
    entry = Tenant(tenant="a", name="A", kind=TenantKind.ENFORCEMENT, registered_at=rig.clock.now())
    body = entry.model_dump_json().encode()
    registry.apply(Record(topics.TENANTS, 0, 0, b"a", body, encode(event), rig.clock.now()))
    rig.gate._registry = registry
    rig.send(Wish(reference="r"))
    rig.send("{", id_="w2")
    rig.send(Wish(reference="r"), agency="ab")
    refused, also, passed = await rig.run()
    assert [each.type for each in (refused, also, passed)] == [Unheard.ce_type(), Unheard.ce_type(), Wished.ce_type()]
    [problem] = refused.body["problems"]
    assert (problem["field"], "enforcement" in problem["fix"]) == ("agency", True)
    assert rig.dead() == []
