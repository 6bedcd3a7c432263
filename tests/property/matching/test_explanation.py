"""A recorded rationale is true: the choice repeats, and each counterfactual does change it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partialmethod
from typing import Any
from unittest.mock import patch

import h3
from hypothesis import event as seen
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.agency import Preferences
from contracts.intake import NeedRegistered
from contracts.matching import Counterfactual, DecisionRationale, Matched, PriceSet, Unmet, Waiting
from contracts.profiles import Region
from contracts.provider import Eligibility
from contracts.words import Behind, Change, Flag, Sex, Status, Urgency
from services.matching.capacity.places import Places, match_id
from services.matching.directory.directory import Directory, DirectoryEntry
from services.matching.directory.entry_flags import EntryFlags
from services.matching.directory.index import Found
from services.matching.domain.choice import Choice, choose
from services.matching.domain.context import MatchingContext, Moment
from services.matching.domain.rationale import CHANGES, MOST, choose_again, weigh
from services.matching.eligibility.rules import Case, failing
from services.matching.model.limits import Limits
from services.matching.ranking.candidate import Candidate
from services.matching.ranking.net_value import Charges
from services.matching.waitlist.queue import Waiter, WaitingQueues
from tests.support.builders import accepted, minimum, service
from tests.support.clock import START
from tests.support.matching_world import MatchingWorld

HOME = (52.0976, 23.7341)
CELL = h3.latlng_to_cell(*HOME, 5)
LIMITS = Limits()
PROVIDERS = ["p1", "p2", "p3", "p4"]

persons = st.builds(
    minimum,
    sex=st.sampled_from([Sex.FEMALE, Sex.UNDISCLOSED]),
    status=st.sampled_from([None, Status.RESIDENT]),
    flags=st.lists(st.sampled_from([Flag.PREGNANT]), max_size=1),
)
eligibilities = st.sampled_from(
    [
        Eligibility(),
        Eligibility(),
        Eligibility(statuses=[Status.RESIDENT]),
        Eligibility(sexes=[Sex.FEMALE]),
        Eligibility(minimum_age=30),
        Eligibility(maximum_age=17),
    ]
)


@dataclass(frozen=True)
class Scene:
    """A need and everything that its choice is made from."""

    need: NeedRegistered
    services: Mapping[str, Any]
    taken: Mapping[str, int]
    marked: frozenset[str]
    waiters: tuple[Waiter, ...]
    now: datetime = START
    no_queue_at: frozenset[str] = field(default_factory=frozenset)
    prices: PriceSet | None = None

    @property
    def directory(self) -> Directory:
        made = Directory()
        for offset, (id_, entry) in enumerate(self.services.items()):
            provider, _, key = id_.partition("/")
            made.put(provider, key, offset, entry, START)
        return made

    @property
    def waiter(self) -> Waiter:
        return Waiter(self.need, (), self.now, 0)

    def choose(self) -> tuple[Choice, list[Candidate], Moment]:
        directory = self.directory
        rows = {
            f"{id_}:{slot}": {"need": f"x{id_}{slot}", "match": "m"}
            for id_ in self.taken
            for slot in range(self.taken[id_])
        }
        versions = [entry.version for entry in map(directory.get, self.marked) if entry]
        context = MatchingContext(directory, Places(rows), self.waiters, EntryFlags(versions), self.prices)
        context.waiting_queues = _Queues(self.waiters, self.no_queue_at, context.charges)
        moment = Moment(self.now, context, LIMITS)
        choice = choose(self.waiter, match_id(self.need.need_id, 1), moment)
        return choice, choice.chosen, moment

    def weigh(self) -> tuple[DecisionRationale | None, Choice, list[Candidate]]:
        choice, chosen, moment = self.choose()
        return weigh(choice, chosen, moment), choice, chosen

    def chosen(self) -> list[str]:
        return [each.entry.id for each in self.choose()[1]]

    def preferring(self, providers: list[str]) -> "Scene":
        return replace(self, need=self.need.model_copy(update={"preferences": Preferences(providers=providers)}))


class _Queues(WaitingQueues):
    def __init__(self, waiters: tuple[Waiter, ...], none_at: frozenset[str], charged: Charges) -> None:
        super().__init__(waiters, charged)
        self._none_at = none_at

    def _queue(self, entry: DirectoryEntry, now: datetime, limits: Limits) -> Any:
        queue = super()._queue(entry, now, limits)
        return replace(queue, needs=[]) if entry.id in self._none_at else queue


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    ids = draw(
        st.lists(st.tuples(st.sampled_from(PROVIDERS), st.sampled_from("abc")), min_size=1, max_size=9, unique=True)
    )
    services, taken = {}, {}
    for provider, key in ids:
        capacity, east = draw(st.sampled_from([0, 1, 1, 2, 4, 10])), draw(st.sampled_from([None, 0.05, 0.2, 0.2, 1.0]))
        place = {} if east is None else {"latitude": HOME[0], "longitude": HOME[1] + east}
        entry = service(service=key, capacity=capacity, eligibility=draw(eligibilities), **place)
        services[f"{provider}/{key}"] = entry
        taken[f"{provider}/{key}"] = draw(st.just(0) | st.integers(0, capacity))
    need = _need(draw, "n0", START)
    waiters = [
        Waiter(_need(draw, f"n{number}", START - timedelta(hours=number)), (), START - timedelta(hours=300), 1)
        for number in range(1, 1 + draw(st.integers(0, 4)))
    ]
    marked = draw(st.sets(st.sampled_from(sorted(services)), max_size=1))
    if draw(st.booleans()):  # it waits already
        waiters.append(Waiter(need, (), START, 0))
    return Scene(need, services, taken, frozenset(marked), tuple(waiters), prices=draw(_price_sets(sorted(services))))


def _price_sets(services: list[str]) -> st.SearchStrategy[PriceSet | None]:
    ids = st.sampled_from(services)
    some = st.builds(
        PriceSet,
        id=st.just("set"),
        window=st.just(1),
        as_of=st.just(START),
        prices=st.dictionaries(ids, st.sampled_from([0.02, 0.3, 2.0])),
        used_up=st.lists(ids, max_size=2),
    )
    return st.none() | some


def _need(draw: st.DrawFn, id_: str, at: datetime) -> NeedRegistered:
    places = draw(st.sampled_from([1, 1, 1, 2]))
    return accepted(
        need_id=id_,
        referral_id=id_,
        requested_at=at,
        urgency=draw(st.sampled_from(Urgency)),
        person=draw(persons),
        region=Region(admin1="BY-BR", cell=CELL),
        preferences=Preferences(providers=draw(st.lists(st.sampled_from(PROVIDERS), max_size=1))),
        places=places,
        companions=[minimum()] * (places - 1),
    )


@settings(max_examples=500, deadline=None)
@given(scenes())
def test_each_recorded_service_can_take_the_need_and_ranks_behind(scene: Scene) -> None:
    weighed, choice, chosen = scene.weigh()
    ids = [each.entry.id for each in chosen]
    case = scene.waiter.case(scene.now, LIMITS.retry_after)
    able = [entry for entry in scene.directory.of(scene.need.category) if failing(case, entry) is None]
    if weighed is None:
        assert not able
        return
    assert len(weighed.next) == min(MOST, len(able) - len(ids))
    order = [each.entry.id for each in choice.ranked]
    for each in weighed.next:
        id_ = each.version.rpartition("@")[0]
        entry = scene.directory.get(id_)
        assert entry is not None
        assert entry.version == each.version
        assert entry in able
        assert id_ not in ids
        seen(each.why)
        if each.why.closed:
            assert id_ not in order
            assert (each.why is Behind.SAID_FULL) == (id_ in scene.marked)
            if each.why is Behind.OTHERS_FIRST:
                assert each.free >= scene.need.places
                assert id_ in [r.entry.id for r in replace(scene, no_queue_at=frozenset({id_})).choose()[0].ranked]
            if each.why is Behind.FULL:
                assert each.free == entry.service.capacity - scene.taken[id_] < scene.need.places
            continue
        own = [other for other in ids if other.split("/")[0] == entry.provider]
        rival = (own or [ids[-1]])[0]
        assert order.index(rival) < order.index(id_), "it ranks below what it would have replaced"
        scores = {r.entry.id: r.score for r in choice.ranked}
        assert abs(sum(each.worse.values()) - (scores[rival] - scores[id_])) < 5e-4
        if each.why is Behind.EQUAL:
            assert abs(scores[rival] - scores[id_]) < 5e-4
        if each.why is Behind.ASSESS_FIRST:
            assert each.unknown


@settings(max_examples=1000, deadline=None)
@given(scenes())
def test_each_counterfactual_changes_the_choice(scene: Scene) -> None:
    weighed, _, chosen = scene.weigh()
    before = [each.entry.id for each in chosen]
    assert scene.chosen() == before, "the same directory and places, the same choice"
    changes = weighed.otherwise if weighed else []
    assert len(changes) <= CHANGES
    assert (
        len(
            {each.service for each in changes}
            | {each.version.rpartition("@")[0] for each in (weighed.next if weighed else [])}
        )
        <= MOST
    )
    for each in changes:
        seen(each.change)
        assert each.service not in before
        assert each.service in applied(scene, each, before), each


def without_doubts(
    directory: Directory, id_: str, find: Callable[[Directory, Case, int], Found], case: Case, apart: int = 0
) -> Found:
    """The directory's search, with nothing left for this service to assess."""
    search = find(directory, case, apart)
    return search._replace(unknown={each: rules for each, rules in search.unknown.items() if each != id_})


def applied(scene: Scene, changed: Counterfactual, before: list[str]) -> list[str]:
    """The services chosen with the counterfactual applied."""
    id_, provider = changed.service, changed.service.split("/")[0]
    match changed.change:
        case Change.PLACE | Change.MORE_PLACES:
            assert changed.places is not None
            old = scene.services[id_]
            entry = old if old.capacity else old.model_copy(update={"capacity": changed.places})
            return replace(
                scene,
                services={**scene.services, id_: entry},
                taken={**scene.taken, id_: entry.capacity - changed.places},
                marked=scene.marked - {id_},
            ).chosen()
        case Change.TURN:
            return replace(scene, no_queue_at=frozenset({id_})).chosen()
        case Change.PREFERRED:
            return scene.preferring([*scene.need.preferences.providers, provider]).chosen()
        case Change.NOT_PREFERRED:
            return scene.preferring(
                [each for each in scene.need.preferences.providers if each != before[0].split("/")[0]]
            ).chosen()
        case Change.ASSESSED:
            with patch.object(Directory, "find", partialmethod(without_doubts, id_, Directory.find)):
                return scene.chosen()


@settings(max_examples=200, deadline=None)
@given(scenes())
def test_a_recorded_choice_repeats(scene: Scene) -> None:
    """From the journal and the directory entries by version."""
    made = MatchingWorld(LIMITS)
    made.prices = scene.prices
    for id_, entry in scene.services.items():
        provider, _, key = id_.partition("/")
        made.publish(entry, provider, key)
    entries = {entry.version: entry for entry in made.directory.of(scene.need.category)}
    for waiter in scene.waiters:  # they come first, and take or wait for places
        made.handle(waiter.need)
    made.handle(scene.need)
    for need in made.streams:
        facts = made.facts(need)
        matches = [fact for fact in facts if isinstance(fact, Matched)]
        accepted_ = made.record(need).accepted
        if matches:
            price_set = scene.prices if matches[0].price_set else None
            assert choose_again(accepted_, matches, entries, price_set) == [
                f"{each.provider}/{each.service}" for each in matches
            ]
            assert all((each.weighed is None) == (each.attempt > 1) for each in matches)
        for fact in facts:
            if isinstance(fact, Matched | Waiting | Unmet) and fact.weighed:
                assert len(fact.weighed.model_dump_json()) < 1500, "it travels with every match"
                assert {each.version for each in fact.weighed.next} <= entries.keys()
