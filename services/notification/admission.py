"""The gate's own part: what providers answer on ``provider.<id>.responses``.

A note is free text about a person. It is sealed to intake, the only service that can open personal data, before it
reaches any topic of ours; notification itself can not read it.
"""

import hashlib
from collections.abc import Mapping, Sequence

from contracts import ids, intake, notification, provider, topics
from contracts.base import Message
from contracts.cloudevents import CloudEvent
from contracts.intake import Problem
from services.chassis.encryption import seal_to
from services.chassis.ingress.gate import Admitted, Arrival
from services.chassis.ports import Record

_INBOX = topics.inbox("notification")


def note_purpose(need_id: str) -> str:
    """What a note is sealed for; needed again to open it."""
    return f"referral-routing/note/{need_id}"


class AnswerAdmission:
    """Admits answers. `intake_key` is intake's public key; `hash_key` 32 secret bytes, the same on every instance."""

    accepts: Mapping[str, type[Message]] = {
        model.ce_type(): model for model in (provider.Answered, provider.RecallAcknowledged)
    }

    def __init__(self, intake_key: str, hash_key: bytes) -> None:
        self._intake_key = intake_key
        self._hash_key = hash_key

    async def prepare(self, arrivals: Sequence[Arrival]) -> None:
        """Nothing to gather: sealing to a public key needs no data key."""

    def admit(self, arrival: Arrival) -> Sequence[Admitted]:
        """The answer under the need's id. Whether there is such a need is decided in its stream, not here."""
        data = arrival.data
        if isinstance(data, provider.RecallAcknowledged):
            return [_confirmed(arrival, data)]
        assert isinstance(data, provider.Answered), "`accepts` has nothing else"  # noqa: S101
        need_id = ids.need_id(data.referral_id, data.need)
        note = None if data.note is None else seal_to(self._intake_key, data.note.encode(), note_purpose(need_id))
        received = notification.AnswerReceived(
            provider=arrival.tenant,
            referral_id=data.referral_id,
            need_id=need_id,
            need=data.need,
            attempt=data.attempt,
            answer=data.answer,
            code=data.code,
            by=data.by,
            missing=data.missing,
            provider_reference=data.provider_reference,
            note=note,
            answered_at=arrival.at,
            appointment_at=data.appointment_at,
        )
        # Sealing the same note twice gives different bytes; the hash is keyed, since a short note could be guessed.
        digest = hashlib.blake2b(arrival.event.data, key=self._hash_key, digest_size=16).hexdigest()
        return [Admitted(received, _INBOX, data.referral_id, digest)]

    def refuse(self, tenant: str, record: Record, event: CloudEvent, problems: list[Problem]) -> Sequence[Admitted]:
        """Told by notification, under the provider's own id: no need is known to be meant."""
        sent = self.accepts.get(event.type, provider.Answered).TYPE
        return [Admitted(notification.AnswerInvalid(provider=tenant, sent=sent, problems=problems), _INBOX, tenant)]


def _confirmed(arrival: Arrival, data: provider.RecallAcknowledged) -> Admitted:
    """Straight to intake, which recalls: it alone knows what was released."""
    confirmed = intake.DeletionConfirmed(
        provider=arrival.tenant,
        referral_id=data.referral_id,
        need_id=ids.need_id(data.referral_id, data.need),
        need=data.need,
        attempt=data.attempt,
        recall=data.recall,
        at=arrival.at,
    )
    return Admitted(confirmed, topics.inbox("intake"), data.referral_id)
