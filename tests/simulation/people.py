"""Agencies and providers of the simulation: they do what the scheduler picks, and keep their own books."""

import random
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache

import orjson

from contracts import topics
from contracts.agency import Consent, ConsentChanged, Corrected, ReferralWithdrawn, StatusRequested, Submitted
from contracts.cloudevents import decode
from contracts.ids import referral_id
from contracts.outcomes import RecommendationAnswered, StatusChanged
from contracts.provider import Answered, ContactReleased, Offer, Profile, Recall, RecallAcknowledged, Service
from contracts.recommendation import RecommendationRequested
from contracts.words import Answer, Category, DeclineCode, NotDeliveredCode, Urgency
from services.chassis.encryption import new_pair

from .world import SECRET, World

AGENCIES, PROVIDERS = ("a1", "a2"), ("p1", "p2", "p3")
TENANTS = dict.fromkeys(AGENCIES, "agency") | dict.fromkeys(PROVIDERS, "provider")
_, PUBLIC = new_pair()
_CATEGORIES = (Category.SHELTER, Category.LEGAL)


@dataclass
class People:
    """All tenants. `sent` are the events that can be repeated: topic, key, body, id."""

    world: World
    chance: random.Random
    sent: list[tuple[str, str, object, str]] = field(default_factory=list)
    referrals: list[tuple[str, Submitted]] = field(default_factory=list)
    answered: set[tuple[str, int, Answer]] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)
    doors: list[tuple[str, Service]] = field(default_factory=list)
    questions: list[tuple[str, str]] = field(default_factory=list)

    def open_doors(self) -> None:
        """The providers publish their directories: few places, so that needs wait."""
        for provider in PROVIDERS:
            self._say(topics.directory(provider), "profile", Profile(name=provider, public_key=PUBLIC))
            for number in range(self.chance.randint(1, 2)):
                service = Service(
                    service=f"s{number}",
                    name="service",
                    categories=[self.chance.choice(_CATEGORIES)],
                    capacity=self.chance.choice((1, 1, 2, 2, 3)),
                    areas=["BY"],
                )
                self.doors.append((provider, service))
                self._say(topics.directory(provider), service.service, service)
        self.sent.clear()

    def submit(self) -> None:
        """A new referral of one or two needs."""
        number = len(self.referrals)
        agency = self.chance.choice(AGENCIES)
        referral = Submitted.model_validate(
            {
                "reference": f"R-{number}",
                "referrer": "peer",
                "person": self._person(),
                "household": [
                    {"member": f"m{n}", "name": "Somebody else", "age_band": "5-11", "sex": "male"}
                    for n in range(self.chance.choice((0, 0, 0, 1, 2)))
                ],
                "location": {"admin1": "BY-HM"},
                "consent": {
                    "basis": "consent",
                    "given_at": self.world.now(),
                    "given_by": "person",
                    "grants": [{"recipients": "any", "fields": self.chance.choice(([], ["name"], ["name"]))}],
                },
                "needs": [
                    {
                        "need": str(label),
                        "category": self.chance.choice(_CATEGORIES),
                        "urgency": self.chance.choice(list(Urgency)),
                    }
                    for label in range(self.chance.randint(1, 2))
                ],
            }
        )
        self.referrals.append((agency, referral))
        self._say(topics.referrals(agency), referral.reference, referral)

    def correct_person(self) -> None:
        """Some referral is corrected: in what is sealed, so that only a need on hold takes notice of it."""
        if self.referrals:
            agency, referral = self.chance.choice(self.referrals)
            self.asked.add(referral.reference)  # it is answered with where it stands
            person = referral.person.model_copy(update={"name": f"Somebody {self.chance.random()}"})
            corrected = Corrected(**{**dict(referral), "person": person})
            self._say(topics.referrals(agency), referral.reference, corrected)

    def republish(self) -> None:
        """Some provider publishes its services again, be they full or not."""
        provider = self.chance.choice(PROVIDERS)
        for entry in [each for who, each in self.doors if who == provider]:
            self.world.send(topics.directory(provider), entry.service, entry)

    def _person(self) -> dict[str, object]:
        """Somebody, or one of two whom agencies may know again; of one of them nobody may be told anything."""
        known = self.chance.choice((None, 1, 1, 2))
        return {
            "name": "Somebody Else" if known else "Somebody",
            "case_code": "C-1",
            **({"birth_date": f"1990-02-0{known}"} if known else {"age_band": "18-59"}),
            "sex": "female",
            "languages": ["ru"],
            "flags": ["gbv-survivor"] if known == 2 else [],
            "contact": {"may_contact": False, "phone": f"+37529000000{known}" if known else None},
        }

    def withdraw(self) -> None:
        """Some referral is not wanted any more."""
        if self.referrals:
            agency, referral = self.chance.choice(self.referrals)
            self.asked.add(referral.reference)  # a second withdrawal is answered with where it stands
            self._say(topics.referrals(agency), referral.reference, ReferralWithdrawn(reference=referral.reference))

    def correct(self) -> None:
        """Some referral is changed, and says so: how urgent its needs are, and perhaps what is asked for."""
        if self.referrals:
            number = self.chance.randrange(len(self.referrals))
            agency, referral = self.referrals[number]
            self.asked.add(referral.reference)  # one that changes nothing is answered with where it stands
            changes = {"urgency": self.chance.choice(list(Urgency)), "category": self.chance.choice(_CATEGORIES)}
            needs = [need.model_copy(update=changes) for need in referral.needs]
            corrected = Corrected.model_validate(referral.model_dump() | {"needs": needs})
            self.referrals[number] = (agency, corrected)
            self._say(topics.referrals(agency), referral.reference, corrected)

    def consent(self) -> None:
        """Somebody thinks again about who may know what; now and then nobody may know anything."""
        if self.referrals:
            known = {each.referral_id for provider in PROVIDERS for each in self.notices(provider)}
            told = [each for each in self.referrals if referral_id(SECRET, each[0], each[1].reference) in known]
            agency, referral = self.chance.choice(told or self.referrals)
            self.asked.add(referral.reference)  # where it changes nothing for others, it is answered
            basis = self.chance.choice(("consent", "vital-interest"))
            recipients = self.chance.choice(("any", ["p1", "p2"], ["p3"]))
            grants = [{"recipients": recipients, "fields": self.chance.choice(([], ["name"], ["name", "case_code"]))}]
            consent = {
                "basis": basis,
                "given_at": self.world.now(),
                "given_by": "person",
                "grants": grants if self.chance.random() < 0.8 else [],
            }
            body = ConsentChanged(reference=referral.reference, consent=Consent.model_validate(consent))
            self._say(topics.referrals(agency), referral.reference, body)

    def delete(self) -> None:
        """Some provider says that it has deleted what was recalled."""
        provider = self.chance.choice(PROVIDERS)
        recalls = [each for each in self.notices(provider) if isinstance(each, Recall)]
        if recalls:
            recall = self.chance.choice(recalls)
            body = RecallAcknowledged(
                referral_id=recall.referral_id, need=recall.need, attempt=recall.attempt, recall=recall.recall
            )
            self._say(topics.responses(provider), recall.referral_id, body)

    def notices(self, provider: str) -> list[ContactReleased | Recall]:
        """What a provider was told of persons, in order: releases as often as they came, recalls at their first."""
        found: list[ContactReleased | Recall] = []
        for record in self.world.log.read(topics.notifications(provider)):
            event = decode(record.headers, record.value, record.appended)
            if event.type == ContactReleased.ce_type():
                found.append(ContactReleased.read(event.data))
            elif event.type == Recall.ce_type() and (recall := Recall.read(event.data)) not in found:
                found.append(recall)
        return found

    def ask(self) -> None:
        """Some agency asks again."""
        if self.referrals:
            agency, referral = self.chance.choice(self.referrals)
            self.asked.add(referral.reference)
            self._say(topics.referrals(agency), referral.reference, StatusRequested(reference=referral.reference))

    def wonder(self) -> None:
        """Some agency asks what there is, without a referral."""
        agency, reference = self.chance.choice(AGENCIES), f"Q-{len(self.questions)}"
        self.questions.append((agency, reference))
        question = RecommendationRequested.model_validate(
            {
                "reference": reference,
                "person": {"age_band": "18-59", "sex": "female", "languages": ["ru"]},
                "location": {"admin1": "BY-HM"},
                "needs": [{"need": "1", "category": self.chance.choice(_CATEGORIES), "urgency": "urgent"}],
            }
        )
        self._say(topics.referrals(agency), reference, question)

    def unanswered(self) -> set[tuple[str, str]]:
        """Questions of which the agency has never heard again."""
        found = set(self.questions)
        for agency in AGENCIES:
            for record in self.world.log.read(topics.status(agency)):
                event = decode(record.headers, record.value, record.appended)
                if event.type == RecommendationAnswered.ce_type():
                    found.discard((agency, RecommendationAnswered.read(event.data).reference))
        return found

    def repeat(self) -> None:
        """Something that was sent is sent again, under the same id."""
        if self.sent:
            topic, key, body, id_ = self.chance.choice(self.sent)
            self.world.send(topic, key, body, id_)  # type: ignore[arg-type]

    def answer(self) -> None:
        """Some provider answers some offer it has ever had: now, late, twice, or impossibly."""
        provider = self.chance.choice(PROVIDERS)
        offers = self.offers(provider)
        if offers:
            offer = self.chance.choice(offers[-4:])
            likely = [*Answer, *[Answer.ACCEPTED] * 6, Answer.DELIVERED, Answer.DECLINED]
            self._answer(provider, offer, self.chance.choice(likely))

    def answer_all(self, answer: Answer) -> None:
        """Every provider says this to every offer it has ever had."""
        for provider in PROVIDERS:
            for offer in self.offers(provider):
                self._answer(provider, offer, answer)

    def deliver_all(self) -> None:
        """Whoever has taken a need up brings it to its end."""
        for provider in PROVIDERS:
            for offer in self.offers(provider):
                if (offer.need_id, offer.attempt, Answer.ACCEPTED) in self.answered:
                    self._answer(provider, offer, Answer.DELIVERED)

    def offers(self, provider: str) -> list[Offer]:
        """What a provider was offered, without repetitions."""
        found: dict[str, Offer] = {}
        for record in self.world.log.read(topics.notifications(provider)):
            event = decode(record.headers, record.value, record.appended)
            if event.type == Offer.ce_type():
                found.setdefault(event.id, Offer.read(event.data))
        return list(found.values())

    def told(self) -> dict[tuple[str, str, str], list[StatusChanged]]:
        """What each agency knows of each need, in order and without repetitions. Fails where an id has two bodies."""
        books: dict[tuple[str, str, str], list[StatusChanged]] = {
            (agency, referral.reference, need.need): []
            for agency, referral in self.referrals
            for need in referral.needs
        }
        bodies: dict[str, bytes] = {}
        ids: set[str] = set()
        for agency in AGENCIES:
            for record in self.world.log.read(topics.status(agency)):
                event = decode(record.headers, record.value, record.appended)
                known = bodies.setdefault(event.id, event.data)
                assert known == event.data or orjson.loads(known) == orjson.loads(event.data), "one id, two bodies"
                if event.type == StatusChanged.ce_type():
                    status = _status(event.data)
                    story = books[(agency, status.reference, status.need)]
                    if status not in story:
                        story.append(status)
                    elif event.id not in ids:
                        assert status.reference in self.asked, f"{status.reference}: told twice, and nobody had asked"
                    ids.add(event.id)
        return books

    def _answer(self, provider: str, offer: Offer, answer: Answer) -> None:
        code = {Answer.DECLINED: list(DeclineCode), Answer.NOT_DELIVERED: list(NotDeliveredCode)}.get(answer)
        appointed = answer in (Answer.APPOINTMENT_PROPOSED, Answer.APPOINTMENT_MOVED)
        body = Answered(
            referral_id=offer.referral_id,
            need=offer.need,
            attempt=offer.attempt,
            answer=answer,
            code=self.chance.choice(code) if code else None,
            appointment_at=self.world.now() + timedelta(hours=self.chance.randint(1, 9)) if appointed else None,
        )
        self.answered.add((offer.need_id, offer.attempt, answer))
        self._say(topics.responses(provider), offer.referral_id, body)

    def _say(self, topic: str, key: str, body: object) -> None:
        id_ = self.world.send(topic, key, body)  # type: ignore[arg-type]
        self.sent.append((topic, key, body, id_))


@lru_cache(maxsize=10_000)
def _status(body: bytes) -> StatusChanged:
    """Read once, as a run asks again and again for all that was told."""
    return StatusChanged.read(body)


def ended(story: list[StatusChanged]) -> bool:
    """True when the referrer knows an end."""
    return any(status.state.ended for status in story)
