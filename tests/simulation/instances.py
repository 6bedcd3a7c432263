"""A simulated service and its instances: the real loop, gate, ticker and sweeps, wired to memory twins."""

from base64 import b64encode
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from contracts import topics
from contracts.texts import sentences
from services.chassis.encryption import new_key, new_pair
from services.chassis.engine.dead_letters import DeadLetters
from services.chassis.engine.loop import Loop
from services.chassis.engine.rehearsal import Rehearsal
from services.chassis.engine.timers import Progress, Ticker
from services.chassis.ingress.gate import Admission, Gate
from services.chassis.ingress.tenant_registry import TenantRegistry
from services.chassis.ports import Record, Stage
from services.chassis.telemetry.metrics import Meter
from services.intake.admission.referrals import ReferralAdmission
from services.intake.context_loader import IntakeContextLoader
from services.intake.domain.policy import IntakePolicy
from services.intake.jobs.sweep import DuplicateSweep as DuplicateSweep
from services.intake.outbound.contact_release import ContactRelease
from services.intake.outbound.journal_reader import JournalReader
from services.intake.outbound.provider_keys import ProviderKeys
from services.intake.privacy.key_ring import KeyRing
from services.matching.context_loader import MatchingContextLoader
from services.matching.directory.directory import Directory
from services.matching.domain.policy import MatchingPolicy
from services.matching.jobs.sweep import WaitingSweep
from services.matching.place_table import MarkedClaims
from services.notification.admission import AnswerAdmission
from services.notification.domain.policy import NotificationPolicy
from services.notification.outbound.recipients import Recipients
from services.outcomes.domain.policy import OutcomesPolicy
from tests.support.clock import no_pause
from tests.support.memory_twins import MemoryClaims, MemoryGroup, MemoryLog, MemoryStore
from tests.support.rig import ProcessDiedError

if TYPE_CHECKING:
    from .world import World

LARGE = 2
"""Services with so many places have bitmaps of their places, so that some have one and some have none."""
RECALL_WITHIN = timedelta(hours=3)
INPUTS = {
    "intake": (topics.MATCHING,),
    "matching": (topics.INTAKE, topics.NOTIFICATION),
    "notification": (topics.MATCHING,),
    "outcomes": (topics.INTAKE, topics.MATCHING, topics.NOTIFICATION),
}
GATE_TOPICS = {"intake": topics.AGENCY_REFERRALS, "notification": topics.PROVIDER_RESPONSES}

# Keys are made once for all runs: what is random in them does not change what happens.
SECRET = bytes([1]) * 32
_SECRET, _MASTER = (b64encode(bytes([n]) * 32).decode() for n in (1, 2))
_HASH_KEY = new_key()
_, _OPERATOR = new_pair()
_, _INTAKE = new_pair()


class SimulatedService:
    """What outlives a service's instances: its journal, its rows, its consumer groups."""

    def __init__(self, name: str, log: MemoryLog, store: MemoryStore) -> None:
        self.name = name
        self.store, self.claims = store, MemoryClaims()
        self.meter = Meter(name)
        read = (topics.inbox(name), *INPUTS[name])
        self.group = MemoryGroup(log, *read)
        pattern = GATE_TOPICS.get(name)
        self.gate_group = MemoryGroup(log, pattern=pattern) if pattern else None
        self.stages = [Stage(f"{name}-gate", pattern=pattern)] if pattern else []
        self.stages.append(Stage(name, topics=read))
        self.instances: list[Instance] = []


class Instance:
    """One process of a service: its loop, its ticker, its gate if it has one. `die_at` is the step at which it dies."""

    def __init__(self, world: "World", service: SimulatedService) -> None:
        self.service = service
        self.die_at: str | None = None
        self.directory, self.provider_keys = Directory(), ProviderKeys()
        for record in world.log.read(*(topic for topic in world.log.topics if topic.endswith(".directory"))):
            self.follow(record)
        key_ring = KeyRing(service.claims, _MASTER)
        common: dict[str, Any] = {"log": world.log, "clock": world.clock, "sleep": no_pause, "meter": service.meter}
        common["dead_letters"] = DeadLetters(service.name, world.log, _OPERATOR, service.meter)
        policy, options = self._policy(world, key_ring)
        is_matching = service.name == "matching"
        claims = MarkedClaims(service.claims, self.directory, LARGE) if is_matching else service.claims
        self.loop: Loop[Any] = world.loop(
            service.name, policy, store=service.store, claims=claims, fault=self._fault, **common, **options
        )
        self.rehearsal: Rehearsal[Any] = Rehearsal(policy, service.store, options.get("context_loader"))
        self.consumer = service.group.join(self.loop.forget)
        self.gate: Gate | None = None
        if service.gate_group is not None:
            self.gate = Gate(service.name, self._admission(key_ring), fault=self._fault, **common)
            self.gate_consumer = service.gate_group.join()
        progress = Progress(service.stages, world, world.clock)
        self.ticker = Ticker(service.name, service.store, world.log, progress, self._fault)
        self.sweep = WaitingSweep(self.directory, service.claims, world.limits, meter=service.meter, large=LARGE)
        self.duplicate_sweep = DuplicateSweep(service.claims)

    def _policy(self, world: "World", key_ring: KeyRing) -> tuple[Any, dict[str, Any]]:
        """The service's policy, and the loop's options that go with it."""
        claims = self.service.claims
        match self.service.name:
            case "intake":
                intake = IntakePolicy(RECALL_WITHIN, link_confidential=True)
                release = ContactRelease(key_ring, self.provider_keys, JournalReader(self.service.store.load, intake))
                context_loader = IntakeContextLoader(self.provider_keys, claims, key_ring)
                return intake, {"context_loader": context_loader, "render": release.render}
            case "matching":
                return MatchingPolicy(world.limits), {
                    "context_loader": MatchingContextLoader(self.directory, claims, large=LARGE)
                }
            case "notification":
                return NotificationPolicy(world.deadlines), {"context_loader": Recipients(TenantRegistry())}
            case _:
                return OutcomesPolicy(sentences), {}

    def _admission(self, key_ring: KeyRing) -> Admission:
        if self.service.name == "intake":
            return ReferralAdmission(key_ring, _SECRET)
        return AnswerAdmission(_INTAKE, _HASH_KEY)

    def follow(self, record: Record) -> None:
        """Read an entry that a provider has published in its directory."""
        self.directory.apply(record)
        self.provider_keys.apply(record)

    def _fault(self, step: str) -> None:
        if step == self.die_at:
            raise ProcessDiedError(step)

    def leave(self) -> None:
        """Leave the consumer groups, because the process is dead or taken for dead."""
        self.service.group.leave(self.consumer)
        if self.service.gate_group is not None:
            self.service.gate_group.leave(self.gate_consumer)
        self.service.instances.remove(self)
