"""Many needs, few places, and everything that can happen to them, on the real loop over memory twins."""

from collections import Counter
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import event as seen
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from contracts import matching
from contracts.agency import Constraints
from contracts.intake import PersonCorrected
from contracts.notification import Declined, Delivered, EntryProblemsFound, Expired, NotDelivered, OfferAccepted
from contracts.operations import TimerElapsed
from contracts.profiles import Region
from contracts.words import Category, DeclineCode, Flag, NotDeliveredCode, Urgency
from services.matching.capacity.places import service_of
from services.matching.directory.entry_flags import DISPUTES
from services.matching.domain.state import MatchedNeed, NeedState, OpenNeed, WaitingNeed, matches_of, rows_of, waiter_of
from services.matching.eligibility.rules import failing
from services.matching.model.limits import Limits
from services.matching.waitlist.queue import Waiter, options_of, patience_over, precedence, row_id
from tests.support.builders import OF_NEED, accepted, minimum, of_offer, service, withdrawn
from tests.support.matching_world import MatchingWorld

LIMITS = Limits(  # few rounds, so that they are used up
    max_attempts=2, at_once={Urgency.EMERGENCY: 3, Urgency.URGENT: 2, Urgency.NORMAL: 1}, dispute_after=2
)
SERVICES = ["p1/a", "p1/b", "p2/a", "p3/c"]
REGIONS = ["BY-BR", "BY-MI"]
categories = st.sampled_from([Category.SHELTER, Category.LEGAL])
moments = st.integers(0, 10_000)
sizes = st.sampled_from([1, 1, 1, 2, 3])


def household(places: int) -> dict[str, Any]:
    """The fields of so many people who must be served together or not at all."""
    return {"places": places, "companions": [minimum()] * (places - 1)}


def a_need(number: int, **changes: Any) -> Any:
    return accepted(need_id=f"n{number}", referral_id=f"r{number}", reference=f"R-{number}", **changes)


class Matching(RuleBasedStateMachine):
    """Rules are what the world does; invariants are what it may rely on."""

    LARGE = 500

    def __init__(self) -> None:
        super().__init__()
        self.world = MatchingWorld(LIMITS, large=self.LARGE)
        self.largest: Counter[str] = Counter()
        self.needs = 0
        self.held: set[tuple[str, int]] = set()
        """The needs and attempts that had a place after the last step."""
        self.waited: dict[tuple[str, int], Waiter] = {}
        """The needs that waited after the last step, by need and wait number."""

    @initialize(capacities=st.sampled_from([(1, 1, 1, 3), (2, 1, 2, 3), (3, 4, 3, 4)]))
    def providers_publish(self, capacities: tuple[int, ...]) -> None:
        """With few places needs wait; with more, a household can be offered to several services at once."""
        for id_, capacity in zip(SERVICES, capacities, strict=True):
            self.publish(id_, capacity, [Category.SHELTER, Category.LEGAL], [])

    def publish(self, id_: str, capacity: int, categories: list[Category], areas: list[str]) -> None:
        provider, _, key = id_.partition("/")
        self.world.publish(service(service=key, capacity=capacity, categories=categories, areas=areas), provider)
        self.largest[id_] = max(self.largest[id_], capacity)

    # what happens ----------------------------------------------------------------------------------------------------

    @rule(
        category=categories,
        urgency=st.sampled_from(Urgency),
        flags=st.lists(st.sampled_from([Flag.PREGNANT, Flag.DISABILITY]), unique=True),
        region=st.sampled_from(REGIONS),
        not_providers=st.sampled_from([[], [], ["p1"]]),
        places=sizes,
    )
    def need_arrives(
        self,
        category: Category,
        urgency: Urgency,
        flags: list[Flag],
        region: str,
        not_providers: list[str],
        places: int,
    ) -> None:
        world, now = self.world, self.world.clock.now()
        self.needs += 1
        need = a_need(
            self.needs,
            category=category,
            urgency=urgency,
            person=minimum(flags=flags),
            region=Region(admin1=region),
            requested_at=now,
            constraints=Constraints(not_providers=not_providers),
            **household(places),
        )
        taken, full = Counter(service_of(row) for row in world.rows), world.full
        line = world.waiters
        world.handle(need)
        state = world.state(need.need_id)
        for match in matches_of(state):
            entry = world.directory.get(f"{match.provider}/{match.service}")
            assert entry is not None
            assert entry.version not in full, "it was offered to a service that reported no capacity"
            assert isinstance(state, MatchedNeed)
            placed = waiter_of(state, now)._replace(options=options_of(match.funnel))
            mine = precedence(placed, entry, now, LIMITS)
            free = entry.service.capacity - taken[entry.id]
            for rank, each in sorted((precedence(each, entry, now, LIMITS), each) for each in line):
                able = failing(each.case(now, LIMITS.retry_after), entry) is None
                if able and rank < mine and each.need.places <= free:
                    free -= each.need.places
            assert free >= places, "it took the place of a need that ranks above it"
        if places > 1 and len(matches_of(state)) > 1:
            seen("a household was offered to several at once")

    @rule(category=categories, places=st.sampled_from([2, 3]))
    def family_is_in_an_emergency(self, category: Category, places: int) -> None:
        """Services that have places for the whole family are asked at once, one for each provider, up to a number."""
        world, now = self.world, self.world.clock.now()
        open_ = {
            entry.provider
            for entry in world.directory.of(category)
            if not entry.service.areas and entry.version not in world.full
            if entry.service.capacity - sum(service_of(row) == entry.id for row in world.rows) >= places
        }
        waits = bool(world.waiters)
        self.needs += 1
        family = {"category": category, "urgency": Urgency.EMERGENCY, "requested_at": now, **household(places)}
        world.handle(a_need(self.needs, **family))
        matches = world.matches(f"n{self.needs}")
        if not waits:
            most = LIMITS.at_once[Urgency.EMERGENCY]
            assert len(matches) >= min(len(open_), most), "a service that could have been asked was not"
        if len(matches) > 1:
            seen("a household was offered to several at once")

    @precondition(lambda self: self.needs)
    @rule(
        moment=moments,
        category=categories,
        region=st.sampled_from(REGIONS),
        urgency=st.sampled_from(Urgency),
        places=sizes,
    )
    def need_is_corrected(self, moment: int, category: Category, region: str, urgency: Urgency, places: int) -> None:
        old = self.world.record(self.some_need(moment)).accepted
        changes = {"category": category, "region": Region(admin1=region), "urgency": urgency, **household(places)}
        self.world.handle(old.model_copy(update={**changes, "revision": old.revision + 1}))

    @precondition(lambda self: self.needs)
    @rule(moment=moments)
    def need_is_withdrawn(self, moment: int) -> None:
        need = self.some_need(moment)
        self.world.handle(withdrawn(need_id=need, referral_id=f"r{need[1:]}"))

    @precondition(lambda self: self.needs)
    @rule(
        moment=moments,
        kind=st.sampled_from([OfferAccepted, Declined, Declined, Declined, Expired, Expired, Delivered, NotDelivered]),
        code=st.sampled_from([*DeclineCode, DeclineCode.UNSAFE, DeclineCode.NOT_ELIGIBLE, DeclineCode.OTHER]),
        failure=st.sampled_from(NotDeliveredCode),
        late=st.sampled_from([0, 0, 0, 1]),
        together=st.booleans(),
    )
    def offer_ends(
        self, moment: int, kind: Any, code: DeclineCode, failure: NotDeliveredCode, late: int, together: bool
    ) -> None:
        """Or is accepted. Offers of a broadcast end one by one, or all in one batch with those of other needs."""
        open_ = [(need, match.attempt) for need in self.world.streams for match in self.world.matches(need)]
        if not open_:
            return
        chosen = open_ if together else [open_[moment % len(open_)]]
        if kind is OfferAccepted:
            chosen = list(dict(chosen).items())  # one of each broadcast: notification lets nobody else accept it
        now = self.world.clock.now()
        for need, attempt in chosen:
            codes = {Declined: code, NotDelivered: failure}
            changes = {"code": codes[kind]} if kind in codes else {}
            self.world.send(of_offer(kind, attempt - late, now, need_id=need, referral_id=f"r{need[1:]}", **changes))
        self.world.run()
        if kind is OfferAccepted and not late:
            assert all(len(self.world.matches(need)) == 1 for need, _ in chosen), "one service has it"

    @precondition(lambda self: self.needs)
    @rule(moment=moments)
    def person_is_corrected(self, moment: int) -> None:
        need = self.some_need(moment)
        self.world.handle(PersonCorrected(**{**OF_NEED, "need_id": need, "referral_id": f"r{need[1:]}"}))

    @rule(hours=st.sampled_from([1, 13, 25, 200]))
    def time_passes(self, hours: int) -> None:
        self.world.elapse(hours=hours)

    @rule(
        id_=st.sampled_from(SERVICES),
        capacity=st.sampled_from([0, 1, 1, 2, 4]),
        categories=st.lists(categories, min_size=1, unique=True),
        areas=st.lists(st.sampled_from(REGIONS), unique=True),
    )
    def entry_changes(self, id_: str, capacity: int, categories: list[Category], areas: list[str]) -> None:
        self.publish(id_, capacity, categories, areas)

    @rule(id_=st.sampled_from(SERVICES))
    def entry_is_deleted(self, id_: str) -> None:
        provider, _, key = id_.partition("/")
        self.world.publish(None, provider, key)

    @precondition(lambda self: self.world.log.held)
    @rule(moment=moments, fate=st.sampled_from(["delivered", "delivered", "twice", "lost"]))
    def recall_is(self, moment: int, fate: str) -> None:
        index = moment % len(self.world.log.held)
        if fate == "lost":
            self.world.log.held.pop(index)
        else:
            self.world.deliver(index, keep=fate == "twice")

    @precondition(lambda self: self.world.log.held)
    @rule(moment=moments, kind=st.sampled_from([Declined, Expired]))
    def recall_leads_to_an_offer_that_ends_at_once(self, moment: int, kind: Any) -> None:
        """All in one batch: the row of the first wait is deleted and that of the next is written."""
        world = self.world
        message = world.log.held[moment % len(world.log.held)]
        need = matching.WaitingRecalled.read(message.value).need_id
        world.log.append(message.topic, message.key, message.value, message.headers)
        attempt = world.record(need).attempt + 1
        world.handle(of_offer(kind, attempt, need_id=need, referral_id=f"r{need[1:]}"))
        if world.record(need).attempt < attempt:
            world.sent[-1] = world.sent[0]  # nothing was offered, so there is no such answer that could come again

    @rule()
    def sweep_looks(self) -> None:
        self.world.run_sweep()

    @precondition(lambda self: self.world.sent)
    @rule(moment=moments)
    def event_comes_again(self, moment: int) -> None:
        id_, event, topic = self.world.sent[moment % len(self.world.sent)]
        self.world.send(event, topic, id_)
        self.world.run()

    @rule(
        call=st.sampled_from(["take", "append", "drop", "put", "mark", "set_timers", "publish"]),
        when=st.sampled_from(["before", "midway", "after"]),
        restarts=st.booleans(),
        id_=st.sampled_from(SERVICES),
        capacity=st.integers(0, 2),
        urgency=st.sampled_from(Urgency),
        places=sizes,
    )
    def next_batch_fails(
        self, call: str, when: str, restarts: bool, id_: str, capacity: int, urgency: Urgency, places: int
    ) -> None:
        """Kafka or MongoDB fails halfway through the next batch, which is decided again in a changed world."""
        world = self.world
        self.needs += 1
        world.send(a_need(self.needs, requested_at=world.clock.now(), urgency=urgency, **household(places)))
        world.interrupt(call, when)
        self.publish(id_, capacity, [Category.SHELTER], [])
        if restarts:
            world.restart()
        world.run()

    def waiting_needs(self) -> set[str]:
        states = {need: self.world.state(need) for need in self.world.streams}
        waiting = {need: state.record for need, state in states.items() if isinstance(state, WaitingNeed)}
        return {row_id(need, record.wait_number) for need, record in waiting.items()}

    def states(self) -> dict[str, tuple[type, NeedState]]:
        """With their types: a named tuple equals any other of the same content."""
        states = {need: self.world.state(need) for need in self.world.streams}
        return {need: (type(state), state) for need, state in states.items()}

    def some_need(self, moment: int) -> str:
        streams = self.world.streams
        return streams[moment % len(streams)]

    # what holds ------------------------------------------------------------------------------------------------------

    @invariant()
    def each_open_match_has_its_place_and_nobody_else_has_one(self) -> None:
        matches = [match for need in self.world.streams for match in self.world.matches(need)]
        held = [(row, (match.need_id, match.match_id)) for match in matches for row in rows_of(match)]
        expected = dict(held)
        assert len(expected) == len(held), "two matches, one place"
        assert {row: (doc["need"], doc["match"]) for row, doc in self.world.rows.items()} == expected

    @invariant()
    def no_family_is_separated(self) -> None:
        for state in map(self.world.state, self.world.streams):
            for match in matches_of(state):
                rows = rows_of(match)
                assert isinstance(state, MatchedNeed)
                assert len(set(rows)) == state.record.accepted.places
                assert {service_of(row) for row in rows} == {f"{match.provider}/{match.service}"}

    @invariant()
    def no_service_is_over_capacity(self) -> None:
        for id_, taken in Counter(service_of(row) for row in self.world.rows).items():
            assert taken <= self.largest[id_]

    @invariant()
    def no_need_out_of_patience_is_passed_over_except_for_an_earlier_one_that_is_too(self) -> None:
        """In particular not for a less urgent, later one. Checks each place that was taken in this step."""
        world, now = self.world, self.world.clock.now()
        states = {need: world.state(need) for need in world.streams}
        waits = {
            (need, state.record.wait_number): waiter_of(state, now)
            for need, state in states.items()
            if isinstance(state, WaitingNeed)
        }
        long = [each for wait, each in waits.items() if wait in self.waited and patience_over(each, now, LIMITS)]
        taken = Counter(service_of(row) for row in world.rows)
        for state in states.values():
            for match in matches_of(state):
                assert isinstance(state, MatchedNeed)
                entry = world.directory.get(f"{match.provider}/{match.service}")
                if (match.need_id, match.attempt) in self.held or entry is None or entry.version != match.version:
                    continue
                left = entry.service.capacity - taken[entry.id]
                for each in long:
                    first = (match.requested_at, match.need_id) < (each.need.requested_at, each.id)
                    goes_before = first and patience_over(waiter_of(state, now), now, LIMITS)
                    able = failing(each.case(now, LIMITS.retry_after), entry) is None
                    could = left < each.need.places <= left + len(rows_of(match)) and entry.version not in world.full
                    assert goes_before or not (able and could), f"{match.need_id} has the place of {each.id}"
                    if able and could:
                        seen("a place went to another need that is out of patience")
        self.held = {(match.need_id, match.attempt) for state in states.values() for match in matches_of(state)}
        self.waited = waits

    @invariant()
    def an_operator_is_alerted_once_for_each_need_that_waits_too_long(self) -> None:
        now = self.world.clock.now()
        for need in self.world.streams:
            alerts = [fact for fact in self.world.facts(need) if isinstance(fact, matching.PatienceOver)]
            state = self.world.state(need)
            assert len(alerts) <= 1
            if isinstance(state, WaitingNeed) and patience_over(waiter_of(state, now), now, LIMITS):
                assert alerts, "it waits without an alert"

    @invariant()
    def each_waiting_need_has_its_row(self) -> None:
        assert self.waiting_needs() <= self.world.waiting.keys()

    @invariant()
    def several_matches_are_one_broadcast_to_different_providers(self) -> None:
        for need in self.world.streams:
            matches = self.world.matches(need)
            assert len({match.provider for match in matches}) == len(matches)
            if len(matches) > 1:
                (broadcast,) = {match.broadcast for match in matches}
                assert broadcast is not None
                assert all(broadcast.first <= each.attempt < broadcast.first + broadcast.offers for each in matches)

    @invariant()
    def each_need_disputes_an_entry_once_and_no_more_are_counted_than_it_takes(self) -> None:
        rows = self.world.claims.tables[DISPUTES].values()
        counted = Counter((doc["version"], doc["need"]) for doc in rows)
        assert max(counted.values(), default=1) == 1
        assert max(Counter(doc["version"] for doc in rows).values(), default=0) <= LIMITS.dispute_after

    @invariant()
    def no_need_is_left_open(self) -> None:
        assert all(not isinstance(self.world.state(need), OpenNeed) for need in self.world.streams)
        assert self.world.dead == 0

    def teardown(self) -> None:
        for need in self.world.streams:
            self.check_history(need)
        before = self.states()
        for id_, event, topic in list(self.world.sent):
            if not isinstance(event, matching.WaitingRecalled | TimerElapsed):
                self.world.send(event, topic, id_)
        self.world.run()
        assert self.states() == before, "repeats change nothing"
        self.all_settle()
        self.all_are_withdrawn()

    def check_history(self, need: str) -> None:
        ruled_out: set[str] = set()
        failed: set[int] = set()
        attempts, ended = [0], False
        for fact in self.world.facts(need):
            after = matching.PlaceDisowned | matching.WaitingRecalled | EntryProblemsFound
            assert not ended or isinstance(fact, after), "a fact follows the end of the need"
            match fact:
                case matching.Matched():
                    first = fact.broadcast.first if fact.broadcast else fact.attempt
                    assert len(failed - {first}) < LIMITS.max_attempts, "offered too often"
                    assert f"{fact.provider}/{fact.service}" not in ruled_out, "offered where it was ruled out"
                    attempts.append(fact.attempt)
                case matching.AttemptEnded():
                    failed.add(fact.round or fact.attempt)
                    ruled_out |= {fact.service} if fact.for_good else set()
                case matching.Unmet() | matching.NeedEnded() | matching.Closed():
                    ended = True
        assert attempts == list(range(len(attempts))), "attempts are counted one by one"
        assert len(failed) <= LIMITS.max_attempts

    def all_are_withdrawn(self) -> None:
        """Once all needs are withdrawn, no place is held."""
        for need in self.world.streams:
            self.world.handle(withdrawn(need_id=need, referral_id=f"r{need[1:]}"))
        assert not self.world.rows, "a place was never released"
        assert not self.waiting_needs()

    def all_settle(self) -> None:
        """With all recalls lost, sweeps alone bring every free place to a need that waits for it."""
        self.world.log.held.clear()
        for _ in range(self.needs + 2):
            self.world.run_sweep()
        now = self.world.clock.now()
        rows = set(self.world.waiting)
        assert rows == self.waiting_needs(), f"the rows are {rows}, the waiting needs {self.waiting_needs()}"
        for waiter in self.world.waiters:
            for entry in self.world.directory.of(waiter.need.category):
                kept = any(
                    each.need.places > 1
                    and patience_over(each, now, LIMITS)
                    and precedence(each, entry, now, LIMITS) < precedence(waiter, entry, now, LIMITS)
                    for each in self.world.waiters
                )  # places are kept for a household out of patience
                able = (
                    failing(waiter.case(now, LIMITS.retry_after), entry) is None
                    and entry.version not in self.world.full
                )
                taken = sum(service_of(row) == entry.id for row in self.world.rows)
                full = entry.service.capacity - taken < waiter.need.places
                assert full or not able or kept, f"{waiter.id} waits, and {entry.id} has a place for it"


class MatchingWithBitmaps(Matching):
    """The same where each service with two places or more is a large one."""

    LARGE = 2


TestMatching = Matching.TestCase
TestMatchingWithBitmaps = MatchingWithBitmaps.TestCase
_steady = settings(stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck))
TestMatching.settings = settings(_steady, max_examples=100)
TestMatchingWithBitmaps.settings = settings(_steady, max_examples=30)  # differs only in how places are read
