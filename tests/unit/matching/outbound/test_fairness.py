"""Who is hard to place, and what is counted to see whether they fare worse."""

from datetime import timedelta

import pytest

from contracts.base import Event
from contracts.matching import Matched, NeedEnded, Unmet
from contracts.notification import Delivered, Expired
from contracts.words import Flag, Urgency
from services.chassis.engine.journal import OutgoingEvent
from services.chassis.telemetry.metrics import Meter
from services.matching.directory.directory import Directory
from services.matching.directory.hard_to_place import hard_to_place
from services.matching.model.limits import Limits
from services.matching.outbound.fairness import count_by_group
from tests.support.builders import NEED, accepted, minimum, of_offer, service, withdrawn
from tests.support.clock import START
from tests.support.matching_world import MatchingWorld

DARI = minimum(languages=["fa"])


@pytest.fixture
def directory() -> Directory:
    """Of four services one speaks Dari."""
    made = Directory()
    for number, languages in enumerate((["ru"], ["ru", "fa"], ["ru"], ["be"])):
        made.put(f"p{number}", "beds", 0, service(languages=languages))
    return made


def test_a_person_whose_language_few_services_speak_is_hard_to_place(directory: Directory) -> None:
    assert hard_to_place(accepted(person=DARI), directory)
    assert not hard_to_place(accepted(person=minimum(languages=["fa", "ru"])), directory)


def test_a_service_that_states_no_language_counts_for_all(directory: Directory) -> None:
    directory.put("p4", "beds", 0, service(languages=[]))
    assert not hard_to_place(accepted(person=DARI), directory)


def test_a_person_with_a_disability_is_hard_to_place_even_without_services_and_nobody_else_is() -> None:
    assert hard_to_place(accepted(person=minimum(flags=[Flag.DISABILITY])), Directory())
    assert not hard_to_place(accepted(person=DARI), Directory())


@pytest.mark.parametrize(
    ("then", "kind"),
    [(withdrawn(), NeedEnded), (of_offer(Delivered), NeedEnded), (of_offer(Expired), Unmet)],
)
def test_match_and_end_record_that_the_need_is_hard_to_place(then: Event, kind: type[Event]) -> None:
    made = MatchingWorld(Limits(max_attempts=1))
    made.publish(service(languages=["ru"]), "p1")
    made.publish(service(languages=["ru"]), "p2")
    made.publish(service(languages=["ru"]), "p3")
    made.publish(service(languages=["fa"]), "p4")
    made.handle(accepted(person=DARI), then)
    (match,) = (each for each in made.facts(NEED) if isinstance(each, Matched))
    last = made.facts(NEED)[-1]
    assert match.hard_to_place
    assert isinstance(last, kind)
    assert last.hard_to_place  # type: ignore[attr-defined]


async def test_first_matches_and_ends_are_counted_by_group() -> None:
    made = MatchingWorld()
    made.publish(service(languages=["ru"]), "p1")
    made.publish(service(languages=["ru"]), "p2")
    made.handle(accepted(urgency=Urgency.NORMAL), of_offer(Expired), of_offer(Delivered, attempt=2))
    facts = [each for each in made.facts(NEED) if isinstance(each, Matched | NeedEnded)]
    assert [type(each) for each in facts] == [Matched, Matched, NeedEnded]
    hard = [each.model_copy(update={"hard_to_place": True}) for each in facts[:1]]
    meter, passed_on = Meter("matching"), []

    async def render(outgoing: list[OutgoingEvent]) -> list[OutgoingEvent]:
        passed_on.extend(outgoing)
        return outgoing

    at = START + timedelta(minutes=5)
    outgoing = [
        OutgoingEvent(topic="t", key="k", id=f"e{n}", type=fact.ce_type(), text=fact.model_dump_json(), stream="n1",
                 cause="c", referral="r", at=at, trace=None)
        for n, fact in enumerate([*facts, *hard])
    ]  # fmt: skip
    assert await count_by_group(meter, render)(outgoing) == passed_on == outgoing
    assert value(meter, "wait_seconds_count", group="other") == 1, "the second match is not a first"
    assert value(meter, "wait_seconds_sum", group="hard-to-place") == (at - facts[0].requested_at).total_seconds()
    assert value(meter, "ended_total", group="other", end="served") == 1
    assert value(meter, "ended_total", group="hard-to-place", end="served") is None


def value(meter: Meter, name: str, **labels: str) -> float | None:
    return meter.registry.get_sample_value(f"referrals_group_{name}", {"service": "matching", **labels})
