"""Intake's part of its gate: derives the referral's id, makes the person coarse, seals the rest."""

import hashlib
import re
from base64 import b64decode
from collections.abc import Mapping, Sequence

import h3
import orjson

from contracts import agency as sent
from contracts import topics
from contracts.base import Message
from contracts.cloudevents import CloudEvent
from contracts.ids import derived_id, referral_id
from contracts.intake import (
    ConsentReceived,
    MinimalProfile,
    Problem,
    ReferralReceived,
    ReferralRefused,
    Region,
    StatusAsked,
    WithdrawalReceived,
)
from contracts.recommendation import RecommendationRequested
from services.chassis.ingress.gate import Admitted, Arrival, RefusalError
from services.chassis.ports import Record

from ..privacy.fingerprint import marking_key, marks_of
from ..privacy.key_ring import KeyRing
from ..privacy.person import Personal, seal_personal
from .minimise import asked, band, fellows, flags, recommendation_asked

_REFERENCE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_CELL = 5
"""H3 resolution of what leaves the gate: some 250 km² a cell."""


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

    def __init__(self, keys: KeyRing, id_secret: str) -> None:
        self._ring = keys
        self._secret = b64decode(id_secret)
        self._marking = marking_key(self._secret)
        self._keys: dict[str, bytes] = {}

    async def prepare(self, arrivals: Sequence[Arrival]) -> None:
        """Find or make the data key of each referral in the batch."""
        self._keys = await self._ring.ensure(
            self._id(arrival.tenant, arrival.data.reference)
            for arrival in arrivals
            if isinstance(arrival.data, sent.Submitted)
        )

    def admit(self, arrival: Arrival) -> Sequence[Admitted]:
        """One event for intake's own stream of that referral."""
        data = arrival.data
        match data:
            case RecommendationRequested():
                question = recommendation_asked(
                    self._request(arrival.tenant, data.reference), arrival.tenant, arrival.at, data
                )
                return [Admitted(question, topics.INTAKE, question.request_id, self._hash(arrival.event.data))]
            case sent.Submitted():
                event: ReferralReceived | ConsentReceived | WithdrawalReceived | StatusAsked = self._received(
                    arrival, data
                )
            case sent.ConsentChanged():
                event = ConsentReceived(
                    referral_id=self._id(arrival.tenant, data.reference),
                    agency=arrival.tenant,
                    reference=data.reference,
                    consent=data.consent,
                    received_at=arrival.at,
                )
            case sent.ReferralWithdrawn():
                event = WithdrawalReceived(
                    referral_id=self._id(arrival.tenant, data.reference),
                    agency=arrival.tenant,
                    reference=data.reference,
                    needs=data.needs,
                    reason=data.reason,
                )
            case sent.StatusRequested():
                event = StatusAsked(
                    referral_id=self._id(arrival.tenant, data.reference),
                    agency=arrival.tenant,
                    reference=data.reference,
                )
            case _:
                raise TypeError(type(data).__name__)
        return [Admitted(event, topics.inbox("intake"), event.referral_id, self._hash(arrival.event.data))]

    def refuse(self, tenant: str, record: Record, event: CloudEvent, problems: list[Problem]) -> Sequence[Admitted]:
        """The agency is told on its status topic, by outcomes; under its own reference where that can be read."""
        reference = _reference(event.data)
        asks = event.type == RecommendationRequested.ce_type()
        id_ = (self._request if asks else self._id)(tenant, reference)
        key = id_ if reference else derived_id("refused", record.topic, event.id)
        refused = ReferralRefused(
            referral_id=key, agency=tenant, reference=reference, sent=_known(event.type), problems=problems
        )
        return [Admitted(refused, topics.inbox("outcomes"), key, self._hash(event.data))]

    def _id(self, agency: str, reference: str) -> str:
        return referral_id(self._secret, agency, reference)

    def _request(self, agency: str, reference: str) -> str:
        """Of a question, never that of a referral: no id of an organisation has a slash."""
        return referral_id(self._secret, f"recommendation/{agency}", reference)

    def _hash(self, body: bytes) -> str:
        """Keyed, since a plain hash of a short body could be guessed."""
        return hashlib.blake2b(body, key=self._secret, digest_size=16).hexdigest()

    def _received(self, arrival: Arrival, referral: sent.Submitted) -> ReferralReceived:
        person, where = referral.person, referral.location
        today = arrival.at.date()
        age = band(person, today, "person")
        if age.years[1] < 18 and person.caregiver is None:
            raise RefusalError(
                Problem(field="person.caregiver", fix="is needed under 18, also for an unaccompanied child")
            )
        id_ = self._id(arrival.tenant, referral.reference)
        cell = None
        if where.latitude is not None and where.longitude is not None:
            cell = h3.latlng_to_cell(where.latitude, where.longitude, _CELL)
        minimum = MinimalProfile(
            age_band=age,
            sex=person.sex,
            languages=person.languages,
            status=person.status,
            flags=flags(person),
            household_size=referral.size,
        )
        return ReferralReceived(
            referral_id=id_,
            agency=arrival.tenant,
            reference=referral.reference,
            corrects=isinstance(referral, sent.Corrected),
            referrer=referral.referrer,
            received_at=arrival.at,
            person=minimum,
            household=fellows(referral.household, minimum, today),
            region=Region(admin1=where.admin1, cell=cell),
            consent=referral.consent,
            may_contact=person.contact.may_contact,
            needs=[asked(id_, need, referral.size) for need in referral.needs],
            personal=seal_personal(id_, self._keys[id_], Personal.of(referral)),
            marks=marks_of(self._marking, person, referral.consent),
        )


def _known(type_: str) -> str:
    """Empty where the type could not be read, or is none."""
    model = ReferralAdmission.accepts.get(type_)
    return model.TYPE if model else ""


def _reference(body: bytes) -> str:
    """The agency's reference in a body that is otherwise not valid, if it is one."""
    try:
        reference = orjson.loads(body).get("reference")
    except (orjson.JSONDecodeError, AttributeError):
        return ""
    return reference if isinstance(reference, str) and _REFERENCE.fullmatch(reference) else ""
