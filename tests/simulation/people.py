"""The agencies and providers of the simulation: they do what the scheduler picks, and keep their own books."""

import random
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache

import orjson

from contracts import topics
from contracts.agency import Consent, ConsentChanged, Corrected, ReferralWithdrawn, StatusRequested, Submitted
from contracts.base import Message
from contracts.ids import referral_id
from contracts.outcomes import RecommendationAnswered, StatusChanged
from contracts.provider import Answered, ContactReleased, Offer, Profile, Recall, RecallAcknowledged, Service
from contracts.recommendation import RecommendationRequested
from contracts.words import Answer, Category, DeclineCode, NotDeliveredCode, Urgency
from services.chassis.encryption import new_pair

from .instances import SECRET
from .world import World

AGENCIES, PROVIDERS = ("a1", "a2"), ("p1", "p2", "p3")
TENANTS = dict.fromkeys(AGENCIES, "agency") | dict.fromkeys(PROVIDERS, "provider")
_, PUBLIC = new_pair()
_CATEGORIES = (Category.SHELTER, Category.LEGAL)

Need = tuple[str, str, str]
"""A need as its agency names it: agency, reference of the referral, label of the need."""


@dataclass
class People:
    """All tenants, and what they remember.

    `sent` are the events that may be sent again: topic, key, body, id. `queried` are the references of referrals whose
    agency may get an answer with the present status: it asked, corrected, withdrew or changed consent. `accepted` are
    the offers (need id and attempt) that were accepted. `requests` are the recommendations that were requested.
    """

    world: World
    rng: random.Random
    sent: list[tuple[str, str, Message, str]] = field(default_factory=list)
    referrals: list[tuple[str, Submitted]] = field(default_factory=list)
    accepted: set[tuple[str, int]] = field(default_factory=set)
    queried: set[str] = field(default_factory=set)
    services: list[tuple[str, Service]] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)

    # agencies --------------------------------------------------------------------------------------------------------

    def submit(self) -> None:
        """An agency sends a new referral of one or two needs."""
        number = len(self.referrals)
        agency = self.rng.choice(AGENCIES)
        referral = Submitted.model_validate(
            {
                "reference": f"R-{number}",
                "referrer": "peer",
                "person": self._person(),
                "household": [
                    {"member": f"m{n}", "name": "Somebody else", "age_band": "5-11", "sex": "male"}
                    for n in range(self.rng.choice((0, 0, 0, 1, 2)))
                ],
                "location": {"admin1": "BY-HM"},
                "consent": {
                    "basis": "consent",
                    "given_at": self.world.now(),
                    "given_by": "person",
                    "grants": [{"recipients": "any", "fields": self.rng.choice(([], ["name"], ["name"]))}],
                },
                "needs": [
                    {
                        "need": str(label),
                        "category": self.rng.choice(_CATEGORIES),
                        "urgency": self.rng.choice(list(Urgency)),
                    }
                    for label in range(self.rng.randint(1, 2))
                ],
            }
        )
        self.referrals.append((agency, referral))
        self._send(topics.referrals(agency), referral.reference, referral)

    def correct_person(self) -> None:
        """An agency corrects personal data of a referral, so that only a need on hold is decided again."""
        if self.referrals:
            agency, referral = self.rng.choice(self.referrals)
            self.queried.add(referral.reference)
            person = referral.person.model_copy(update={"name": f"Somebody {self.rng.random()}"})
            corrected = Corrected(**{**dict(referral), "person": person})
            self._send(topics.referrals(agency), referral.reference, corrected)

    def correct(self) -> None:
        """An agency changes the urgency and perhaps the category of a referral's needs."""
        if self.referrals:
            number = self.rng.randrange(len(self.referrals))
            agency, referral = self.referrals[number]
            self.queried.add(referral.reference)
            changes = {"urgency": self.rng.choice(list(Urgency)), "category": self.rng.choice(_CATEGORIES)}
            needs = [need.model_copy(update=changes) for need in referral.needs]
            corrected = Corrected.model_validate(referral.model_dump() | {"needs": needs})
            self.referrals[number] = (agency, corrected)
            self._send(topics.referrals(agency), referral.reference, corrected)

    def withdraw(self) -> None:
        """An agency withdraws a referral, perhaps for the second time."""
        if self.referrals:
            agency, referral = self.rng.choice(self.referrals)
            self.queried.add(referral.reference)
            self._send(topics.referrals(agency), referral.reference, ReferralWithdrawn(reference=referral.reference))

    def change_consent(self) -> None:
        """A person changes who may know what; sometimes nobody may know anything any more."""
        if self.referrals:
            shared = {each.referral_id for provider in PROVIDERS for each in self.disclosures(provider)}
            with_disclosure = [
                each for each in self.referrals if referral_id(SECRET, each[0], each[1].reference) in shared
            ]
            agency, referral = self.rng.choice(with_disclosure or self.referrals)
            self.queried.add(referral.reference)
            basis = self.rng.choice(("consent", "vital-interest"))
            recipients = self.rng.choice(("any", ["p1", "p2"], ["p3"]))
            grants = [{"recipients": recipients, "fields": self.rng.choice(([], ["name"], ["name", "case_code"]))}]
            consent = {
                "basis": basis,
                "given_at": self.world.now(),
                "given_by": "person",
                "grants": grants if self.rng.random() < 0.8 else [],
            }
            body = ConsentChanged(reference=referral.reference, consent=Consent.model_validate(consent))
            self._send(topics.referrals(agency), referral.reference, body)

    def request_status(self) -> None:
        """An agency asks for the present status of a referral."""
        if self.referrals:
            agency, referral = self.rng.choice(self.referrals)
            self.queried.add(referral.reference)
            self._send(topics.referrals(agency), referral.reference, StatusRequested(reference=referral.reference))

    def request_recommendation(self) -> None:
        """An agency asks which services there are, without a referral."""
        agency, reference = self.rng.choice(AGENCIES), f"Q-{len(self.requests)}"
        self.requests.append((agency, reference))
        request = RecommendationRequested.model_validate(
            {
                "reference": reference,
                "person": {"age_band": "18-59", "sex": "female", "languages": ["ru"]},
                "location": {"admin1": "BY-HM"},
                "needs": [{"need": "1", "category": self.rng.choice(_CATEGORIES), "urgency": "urgent"}],
            }
        )
        self._send(topics.referrals(agency), reference, request)

    def _person(self) -> dict[str, object]:
        """Somebody new, or one of two persons whom both agencies send. That the second is known must stay secret."""
        known = self.rng.choice((None, 1, 1, 2))
        return {
            "name": "Somebody Else" if known else "Somebody",
            "case_code": "C-1",
            **({"birth_date": f"1990-02-0{known}"} if known else {"age_band": "18-59"}),
            "sex": "female",
            "languages": ["ru"],
            "flags": ["gbv-survivor"] if known == 2 else [],
            "contact": {"may_contact": False, "phone": f"+37529000000{known}" if known else None},
        }

    # providers -------------------------------------------------------------------------------------------------------

    def publish_directories(self) -> None:
        """The providers publish their directories, with few places, so that some needs wait."""
        for provider in PROVIDERS:
            self._send(topics.directory(provider), "profile", Profile(name=provider, public_key=PUBLIC))
            for number in range(self.rng.randint(1, 2)):
                service = Service(
                    service=f"s{number}",
                    name="service",
                    categories=[self.rng.choice(_CATEGORIES)],
                    capacity=self.rng.choice((1, 1, 2, 2, 3)),
                    areas=["BY"],
                )
                self.services.append((provider, service))
                self._send(topics.directory(provider), service.service, service)
        self.sent.clear()

    def publish_again(self) -> None:
        """A provider publishes its services again, whether they are full or not."""
        provider = self.rng.choice(PROVIDERS)
        for entry in [service for owner, service in self.services if owner == provider]:
            self.world.send(topics.directory(provider), entry.service, entry)

    def answer(self) -> None:
        """A provider answers one of its latest offers: in time, late, twice, or with an answer that is not allowed."""
        provider = self.rng.choice(PROVIDERS)
        offers = self.offers(provider)
        if offers:
            offer = self.rng.choice(offers[-4:])
            likely = [*Answer, *[Answer.ACCEPTED] * 6, Answer.DELIVERED, Answer.DECLINED]
            self._answer(provider, offer, self.rng.choice(likely))

    def answer_all(self, answer: Answer) -> None:
        """Every provider gives this answer to every offer it has ever had."""
        for provider in PROVIDERS:
            for offer in self.offers(provider):
                self._answer(provider, offer, answer)

    def deliver_all(self) -> None:
        """Every provider reports that it has delivered what it accepted."""
        for provider in PROVIDERS:
            for offer in self.offers(provider):
                if (offer.need_id, offer.attempt) in self.accepted:
                    self._answer(provider, offer, Answer.DELIVERED)

    def acknowledge_recall(self) -> None:
        """A provider confirms that it has deleted what was recalled."""
        provider = self.rng.choice(PROVIDERS)
        recalls = [each for each in self.disclosures(provider) if isinstance(each, Recall)]
        if recalls:
            recall = self.rng.choice(recalls)
            body = RecallAcknowledged(
                referral_id=recall.referral_id, need=recall.need, attempt=recall.attempt, recall=recall.recall
            )
            self._send(topics.responses(provider), recall.referral_id, body)

    def _answer(self, provider: str, offer: Offer, answer: Answer) -> None:
        codes = {Answer.DECLINED: list(DeclineCode), Answer.NOT_DELIVERED: list(NotDeliveredCode)}.get(answer)
        has_time = answer in (Answer.APPOINTMENT_PROPOSED, Answer.APPOINTMENT_MOVED)
        body = Answered(
            referral_id=offer.referral_id,
            need=offer.need,
            attempt=offer.attempt,
            answer=answer,
            code=self.rng.choice(codes) if codes else None,
            appointment_at=self.world.now() + timedelta(hours=self.rng.randint(1, 9)) if has_time else None,
        )
        if answer is Answer.ACCEPTED:
            self.accepted.add((offer.need_id, offer.attempt))
        self._send(topics.responses(provider), offer.referral_id, body)

    # anybody ---------------------------------------------------------------------------------------------------------

    def send_again(self) -> None:
        """A tenant sends something again, under the same id."""
        if self.sent:
            topic, key, body, id_ = self.rng.choice(self.sent)
            self.world.send(topic, key, body, id_)

    def _send(self, topic: str, key: str, body: Message) -> None:
        id_ = self.world.send(topic, key, body)
        self.sent.append((topic, key, body, id_))

    # the books -------------------------------------------------------------------------------------------------------

    def offers(self, provider: str) -> list[Offer]:
        """The offers that a provider has read, without repetitions."""
        offers: dict[str, Offer] = {}
        for event in self.world.tenant_events(topics.notifications(provider)):
            if event.type == Offer.ce_type():
                offers.setdefault(event.id, _offer(event.data))
        return list(offers.values())

    def disclosures(self, provider: str) -> list[ContactReleased | Recall]:
        """What a provider has read about persons, in order. Releases stand as often as they came, each recall once."""
        disclosures: list[ContactReleased | Recall] = []
        for event in self.world.tenant_events(topics.notifications(provider)):
            if event.type == ContactReleased.ce_type():
                disclosures.append(ContactReleased.read(event.data))
            elif event.type == Recall.ce_type() and (recall := Recall.read(event.data)) not in disclosures:
                disclosures.append(recall)
        return disclosures

    def unanswered_requests(self) -> set[tuple[str, str]]:
        """The recommendations that were requested and never answered: agency and reference."""
        unanswered = set(self.requests)
        for agency in AGENCIES:
            for event in self.world.tenant_events(topics.status(agency)):
                if event.type == RecommendationAnswered.ce_type():
                    unanswered.discard((agency, RecommendationAnswered.read(event.data).reference))
        return unanswered

    def needs(self) -> list[Need]:
        """All needs that were sent."""
        return [
            (agency, referral.reference, need.need) for agency, referral in self.referrals for need in referral.needs
        ]

    def knows_every_end(self) -> bool:
        """Whether the agencies have read an end for each of their needs."""
        ended = {
            (agency, status.reference, status.need)
            for agency in AGENCIES
            for event in self.world.tenant_events(topics.status(agency))
            if event.type == StatusChanged.ce_type() and (status := _status(event.data)).state.ended
        }
        return ended.issuperset(self.needs())

    def statuses(self) -> dict[Need, list[StatusChanged]]:
        """The statuses that agencies have read of each need, in order and without repetitions.

        Raises `AssertionError` if one id has two bodies, or if a status came again though the agency did not ask.
        """
        by_need: dict[Need, list[StatusChanged]] = {need: [] for need in self.needs()}
        bodies: dict[str, bytes] = {}
        ids: set[str] = set()
        for agency in AGENCIES:
            for event in self.world.tenant_events(topics.status(agency)):
                known = bodies.setdefault(event.id, event.data)
                assert known == event.data or orjson.loads(known) == orjson.loads(event.data), "one id, two bodies"
                if event.type == StatusChanged.ce_type():
                    status = _status(event.data)
                    of_need = by_need[(agency, status.reference, status.need)]
                    if status not in of_need:
                        of_need.append(status)
                    elif event.id not in ids:
                        assert status.reference in self.queried, f"{status.reference}: a status came again unasked"
                    ids.add(event.id)
        return by_need


@lru_cache(maxsize=10_000)
def _status(body: bytes) -> StatusChanged:
    """Parsed once, since a run looks at all statuses again and again."""
    return StatusChanged.read(body)


@lru_cache(maxsize=10_000)
def _offer(body: bytes) -> Offer:
    """Parsed once, since a run looks at all offers again and again."""
    return Offer.read(body)
