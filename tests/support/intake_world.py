"""A person for intake's tests, full of strings that must not appear where no person belongs; and intake's gate."""

from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import orjson

from contracts import intake, topics
from contracts.agency import Consent, Grant, Submitted
from contracts.base import Message
from contracts.cloudevents import CloudEvent, encode
from contracts.profiles import Region, RequestedNeed, Sealed
from contracts.provider import Profile
from contracts.words import Category, ConsentGiver, LegalBasis, Lifecycle, PersonalField, ReferrerKind, Urgency
from services.chassis.engine.dead_letters import DeadLetters
from services.chassis.ingress.gate import Gate
from services.chassis.ports import Record
from services.intake.admission.referrals import ReferralAdmission
from services.intake.privacy.key_ring import KeyRing

from .builders import OF_NEED, REFERRAL, minimum
from .clock import START, HandClock, no_pause
from .memory_twins import MemoryClaims, MemoryGroup, MemoryLog, drain
from .rig import OPERATOR_PUBLIC, Seen, seen

SECRET = b64encode(b"s" * 32).decode()
MASTER = b64encode(b"m" * 32).decode()
INBOX, OUTCOMES = topics.inbox("intake"), topics.inbox("outcomes")

CANARIES = {
    "name": "Canaria Lopez",
    "case_code": "CASE-4711-CANARY",
    "birth_date": "1988-02-03",
    "nationality": '"SV"',
    "caregiver": "Tia Canaria",
    "phone": "+375 29 7654321",
    "email": "canaria@example.org",
    "place": "Canary Street 7",
    "latitude": "52.097",
    "longitude": "23.734",
    "note": "She sleeps at the canary station",
}
"""The values in `body`, as they would appear if they got through."""


def body(**changes: Any) -> dict[str, Any]:
    """What an agency sends, with all fields; None leaves a field out."""
    whole: dict[str, Any] = {
        "reference": "R-1",
        "referrer": "migration-agency",
        "person": person(),
        "location": {
            "admin1": "BY-BR",
            "place": CANARIES["place"],
            "latitude": 52.0975312,
            "longitude": 23.7340871,
        },
        "consent": {
            "basis": "consent",
            "given_at": START.isoformat(),
            "given_by": "person",
            "grants": [{"recipients": "any", "fields": [field.value for field in PersonalField]}],
        },
        "needs": [need()],
    }
    return {name: value for name, value in {**whole, **changes}.items() if value is not None}


def person(**changes: Any) -> dict[str, Any]:
    whole: dict[str, Any] = {
        "name": CANARIES["name"],
        "case_code": CANARIES["case_code"],
        "birth_date": CANARIES["birth_date"],
        "sex": "female",
        "languages": ["ru"],
        "nationality": "SV",
        "status": "irregular",
        "caregiver": {"name": CANARIES["caregiver"], "informed": True},
        "contact": {"may_contact": True, "phone": CANARIES["phone"], "email": CANARIES["email"]},
    }
    return {name: value for name, value in {**whole, **changes}.items() if value is not None}


def need(label: str = "bed", **changes: Any) -> dict[str, Any]:
    return {"need": label, "category": "shelter", "urgency": "urgent", "note": CANARIES["note"], **changes}


def question(**changes: Any) -> dict[str, Any]:
    """A recommendation request for one bed."""
    whole: dict[str, Any] = {
        "reference": "Q-1",
        "person": {"age_band": "18-59", "sex": "female", "languages": ["ru"], "disability": True},
        "location": {"admin1": "BY-BR"},
        "needs": [{"need": "bed", "category": "shelter", "urgency": "normal"}],
    }
    return {**whole, **changes}


def submission(**changes: Any) -> Submitted:
    return Submitted.model_validate(body(**changes))


# What the gate passes on to the policy --------------------------------------------------------------------------------


def consent(*fields: PersonalField, recipients: Any = "any") -> Consent:
    """A consent that grants these fields to `recipients`."""
    return Consent(
        basis=LegalBasis.CONSENT,
        given_at=START,
        given_by=ConsentGiver.PERSON,
        grants=[Grant(recipients=recipients, fields=list(fields))],
    )


def requested(label: str = "bed", **changes: Any) -> RequestedNeed:
    return RequestedNeed(
        **{
            "need_id": f"id-of-{label}",
            "need": label,
            "category": Category.SHELTER,
            "urgency": Urgency.URGENT,
            **changes,
        }
    )


def received(*needs: RequestedNeed, **changes: Any) -> intake.ReferralReceived:
    return intake.ReferralReceived(
        **{
            "referral_id": REFERRAL,
            "agency": OF_NEED["agency"],
            "reference": OF_NEED["reference"],
            "referrer": ReferrerKind.MIGRATION_AGENCY,
            "received_at": START,
            "person": minimum(),
            "region": Region(admin1="BY-BR"),
            "consent": consent(PersonalField.NAME, PersonalField.CONTACT),
            "needs": list(needs) or [requested()],
            "personal": Sealed(key_id=REFERRAL, box="box", digest="digest"),
            **changes,
        }
    )


def corrected(*needs: RequestedNeed, **changes: Any) -> intake.ReferralReceived:
    return received(*needs, corrects=True, **changes)


def withdrawal(*needs: str, reason: str = "resolved") -> intake.WithdrawalReceived:
    return intake.WithdrawalReceived(**_of_referral(), needs=list(needs), reason=reason)


def consent_received(*fields: PersonalField, recipients: Any = "any", **changes: Any) -> intake.ConsentReceived:
    """A new consent that grants these fields to `recipients`, with `changes` of its other fields."""
    now = consent(*fields, recipients=recipients).model_copy(update=changes)
    return intake.ConsentReceived(**_of_referral(), consent=now, received_at=START)


def release_ended(end: Lifecycle, label: str = "bed", attempt: int = 1, **changes: Any) -> intake.ReleaseEnded:
    return intake.ReleaseEnded(**dict(release_requested(label, attempt, **changes)), end=end)


def deletion_confirmed(
    recall: int = 1, label: str = "bed", attempt: int = 1, **changes: Any
) -> intake.DeletionConfirmed:
    return intake.DeletionConfirmed(
        **{
            "provider": "provider-1",
            "referral_id": REFERRAL,
            "need_id": f"id-of-{label}",
            "need": label,
            "attempt": attempt,
            "recall": recall,
            "at": START,
            **changes,
        }
    )


def status_asked() -> intake.StatusAsked:
    return intake.StatusAsked(**_of_referral())


def release_requested(label: str = "bed", attempt: int = 1, **changes: Any) -> intake.ReleaseRequested:
    return intake.ReleaseRequested(
        **{
            "referral_id": REFERRAL,
            "need_id": f"id-of-{label}",
            "need": label,
            "attempt": attempt,
            "provider": "provider-1",
            "service": "beds",
            **changes,
        }
    )


def _of_referral() -> dict[str, str]:
    return {"referral_id": REFERRAL, "agency": OF_NEED["agency"], "reference": OF_NEED["reference"]}


# The gate -------------------------------------------------------------------------------------------------------------


def profile(public_key: str, offset: int = 0, provider: str = "provider-1") -> Record:
    """A record with a provider's profile on its directory."""
    entry = Profile(name=provider, public_key=public_key)
    headers = encode(CloudEvent(f"profile-{offset}", "/p", Profile.ce_type(), START, b""))
    return Record(topics.directory(provider), 0, offset, b"profile", entry.model_dump_json().encode(), headers, START)


class IntakeGate:
    """The chassis' gate with intake's admission, over memory twins, for two agencies."""

    def __init__(self, secret: str = SECRET) -> None:
        self.clock = HandClock()
        self.log = MemoryLog(self.clock.now)
        self.log.create(
            topics.referrals("a"),
            topics.referrals("b"),
            INBOX,
            OUTCOMES,
            topics.INTAKE,
            topics.DEAD_LETTERS,
            partitions=1,
        )
        self.claims = MemoryClaims()
        self.keys = KeyRing(self.claims, MASTER)
        self._consumer = MemoryGroup(self.log, pattern=topics.AGENCY_REFERRALS).join()
        self._gate = Gate(
            "intake",
            ReferralAdmission(self.keys, secret),
            log=self.log,
            clock=self.clock,
            dead_letters=DeadLetters("intake", self.log, OPERATOR_PUBLIC),
            sleep=no_pause,
        )
        self._sent = 0

    def send(self, kind: type[Message], body_: dict[str, Any] | bytes, agency: str = "a", id_: str = "") -> None:
        """Put an event on an agency's topic."""
        self._sent += 1
        event = CloudEvent(id_ or f"e{self._sent}", f"/{agency}", kind.ce_type(), self.clock.now(), b"")
        text = body_ if isinstance(body_, bytes) else orjson.dumps(body_)
        self.log.append(topics.referrals(agency), CANARIES["name"].encode(), text, encode(event))

    async def run(self) -> list[Seen]:
        """Run the gate. Returns everything on the two inboxes and intake's own topic, in order."""
        await drain(self._gate, self._consumer)
        return [seen(record) for record in self.log.read(INBOX, OUTCOMES, topics.INTAKE)]

    async def passed(self, body_: dict[str, Any] | None = None, agency: str = "a") -> Seen:
        """Send one submission. Returns the event that it led to."""
        before = {each.record.position for each in await self.run()}
        self.send(Submitted, body_ or body(), agency)
        [out] = [each for each in await self.run() if each.record.position not in before]
        return out

    def written(self) -> Iterator[bytes]:
        """All bytes that left the gate, dead letters included."""
        for record in self.log.read(INBOX, OUTCOMES, topics.INTAKE, topics.DEAD_LETTERS):
            yield record.key or b""
            yield record.value or b""
            for name, content in record.headers:
                yield name.encode() + b"=" + (content or b"")
