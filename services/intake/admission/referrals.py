"""Intake's part of its gate: derives the referral's id, minimises the person, and seals the rest."""

import hashlib
import re
from base64 import b64decode
from collections.abc import Mapping, Sequence
from datetime import date

import h3
import orjson

from contracts import agency as sent
from contracts import topics
from contracts.base import Message
from contracts.cloudevents import CloudEvent
from contracts.household_rules import counts_as_child, needs_caregiver
from contracts.ids import derived_id, referral_id
from contracts.intake import (
    ConsentReceived,
    RecommendationAsked,
    ReferralReceived,
    ReferralRefused,
    StatusAsked,
    WithdrawalReceived,
)
from contracts.profiles import MinimalProfile, Problem, Region
from contracts.recommendation import RecommendationRequested
from contracts.words.people import age_on
from services.chassis.ingress.gate import Admitted, Arrival, RefusalError
from services.chassis.ports import Record

from ..domain.ages import look_again_on
from ..domain.consent_rules import USUAL, ConsentLimits, Question, Subject, contradictions
from ..privacy.fingerprint import fingerprint_key, fingerprint_of
from ..privacy.key_ring import KeyRing
from ..privacy.person import Personal, birth_dates_of, seal_personal
from .minimise import Days, minimal_household, minimal_person, minimal_recommendation_request, requested_need

_REFERENCE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_H3_RESOLUTION = 5
"""Of the cell that leaves the gate instead of coordinates: some 250 km² each."""


class ReferralAdmission:
    """See `services.chassis.ingress.gate.Admission`."""

    accepts: Mapping[str, type[Message]] = {
        model.ce_type(): model
        for model in (
            sent.Submitted,
            sent.Corrected,
            sent.ConsentChanged,
            sent.ReferralWithdrawn,
            sent.StatusRequested,
            RecommendationRequested,
        )
    }

    def __init__(self, key_ring: KeyRing, id_secret: str, consents: ConsentLimits = USUAL) -> None:
        self._key_ring = key_ring
        self._consents = consents
        self._secret = b64decode(id_secret)
        self._fingerprint_key = fingerprint_key(self._secret)
        self._keys: dict[str, bytes] = {}

    async def prepare(self, arrivals: Sequence[Arrival]) -> None:
        """Find or make the data key of each referral in the batch. Raises `TransientError`."""
        self._keys = await self._key_ring.ensure(
            self._referral_id(arrival.tenant, arrival.data.reference)
            for arrival in arrivals
            if isinstance(arrival.data, sent.Submitted)
        )

    def admit(self, arrival: Arrival) -> Sequence[Admitted]:
        """One event: for matching if it is a recommendation request, else for the referral's own stream.

        Raises `RefusalError`.
        """
        if isinstance(arrival.data, RecommendationRequested):
            request = self._recommendation_asked(arrival, arrival.data)
            return [Admitted(request, topics.INTAKE, request.request_id, self._hash(arrival.event.data))]
        event = self._referral_event(arrival)
        return [Admitted(event, topics.inbox("intake"), event.referral_id, self._hash(arrival.event.data))]

    def refuse(self, tenant: str, record: Record, event: CloudEvent, problems: list[Problem]) -> Sequence[Admitted]:
        """A refusal that outcomes delivers to the agency, under its own reference if that can be read."""
        reference = _reference(event.data)
        if not reference:
            key = derived_id("refused", record.topic, event.id)
        elif event.type == RecommendationRequested.ce_type():
            key = self._request_id(tenant, reference)
        else:
            key = self._referral_id(tenant, reference)
        refused = ReferralRefused(
            referral_id=key, agency=tenant, reference=reference, sent=_known_type(event.type), problems=problems
        )
        return [Admitted(refused, topics.inbox("outcomes"), key, self._hash(event.data))]

    def _referral_event(
        self, arrival: Arrival
    ) -> ReferralReceived | ConsentReceived | WithdrawalReceived | StatusAsked:
        match arrival.data:
            case sent.Submitted() as referral:
                return self._referral_received(arrival, referral)
            case sent.ConsentChanged() as change:
                return ConsentReceived(
                    **self._address(arrival.tenant, change.reference),
                    consent=change.consent,
                    received_at=arrival.at,
                )
            case sent.ReferralWithdrawn() as withdrawal:
                return WithdrawalReceived(
                    **self._address(arrival.tenant, withdrawal.reference),
                    needs=withdrawal.needs,
                    reason=withdrawal.reason,
                )
            case sent.StatusRequested() as request:
                return StatusAsked(**self._address(arrival.tenant, request.reference))
            case other:
                raise TypeError(type(other).__name__)

    def _address(self, agency: str, reference: str) -> dict[str, str]:
        """The fields that every event about a referral begins with."""
        return {"referral_id": self._referral_id(agency, reference), "agency": agency, "reference": reference}

    def _referral_id(self, agency: str, reference: str) -> str:
        return referral_id(self._secret, agency, reference)

    def _request_id(self, agency: str, reference: str) -> str:
        """The id of a recommendation request. It is never a referral's, since no organisation's id has a slash."""
        return referral_id(self._secret, f"recommendation/{agency}", reference)

    def _hash(self, body: bytes) -> str:
        """Keyed, since a plain hash of a short body could be guessed."""
        return hashlib.blake2b(body, key=self._secret, digest_size=16).hexdigest()

    def _recommendation_asked(self, arrival: Arrival, request: RecommendationRequested) -> RecommendationAsked:
        request_id = self._request_id(arrival.tenant, request.reference)
        return minimal_recommendation_request(request_id, arrival.tenant, arrival.at, request)

    def _referral_received(self, arrival: Arrival, referral: sent.Submitted) -> ReferralReceived:
        days = Days.at(referral.location, arrival.at)
        person = minimal_person(referral.person, referral.size, days)
        if needs_caregiver(person.age_band) and referral.person.caregiver is None:
            raise RefusalError(
                Problem(field="person.caregiver", fix="is needed under 18, also for an unaccompanied child")
            )
        household = minimal_household(referral.household, person, days)
        subject = _subject(referral, days.today, [person, *(member.person for member in household)])
        if problems := contradictions(Question(referral.consent, subject, arrival.at, self._consents)):
            raise RefusalError(*problems)
        id_ = self._referral_id(arrival.tenant, referral.reference)
        personal = Personal.from_referral(referral)
        return ReferralReceived(
            **self._address(arrival.tenant, referral.reference),
            corrects=isinstance(referral, sent.Corrected),
            referrer=referral.referrer,
            received_at=arrival.at,
            person=person,
            household=household,
            region=_region(referral.location),
            consent=referral.consent,
            may_contact=referral.person.contact.may_contact,
            needs=[requested_need(id_, need, referral.size) for need in referral.needs],
            personal=seal_personal(id_, self._keys[id_], personal),
            marks=fingerprint_of(self._fingerprint_key, referral.person, referral.consent),
            look_again_on=look_again_on(birth_dates_of(personal).values(), days.today),
        )


def _subject(referral: sent.Submitted, today: date, people: Sequence[MinimalProfile]) -> Subject:
    """Whom the consent is about. With a birth date the age is known to the year, else only its band."""
    born, caregiver = referral.person.birth_date, referral.person.caregiver
    return Subject(
        admin1=referral.location.admin1,
        ages=people[0].age_band.years if born is None else (age_on(today, born),) * 2,
        with_child=any(counts_as_child(person.age_band, person.flags) for person in people),
        birth_date=born,
        caregiver_informed=None if caregiver is None else caregiver.informed,
    )


def _region(location: sent.Location) -> Region:
    cell = None
    if location.latitude is not None and location.longitude is not None:
        cell = h3.latlng_to_cell(location.latitude, location.longitude, _H3_RESOLUTION)
    return Region(admin1=location.admin1, cell=cell)


def _known_type(ce_type: str) -> str:
    """The message type without its prefix; empty if it could not be read or is unknown."""
    model = ReferralAdmission.accepts.get(ce_type)
    return model.TYPE if model else ""


def _reference(body: bytes) -> str:
    """The agency's reference in a body that is otherwise not valid; empty if there is none."""
    try:
        reference = orjson.loads(body).get("reference")
    except (orjson.JSONDecodeError, AttributeError):
        return ""
    return reference if isinstance(reference, str) and _REFERENCE.fullmatch(reference) else ""
