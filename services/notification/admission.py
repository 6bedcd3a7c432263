"""Checks what providers send on ``provider.<id>.responses``.

A note is free text about a person. It is encrypted to intake, the only service that can read personal data, before it
reaches any internal topic; notification itself cannot read it.
"""

import hashlib
from collections.abc import Mapping, Sequence

from contracts import ids, intake, notification, provider, topics
from contracts.base import Message
from contracts.cloudevents import CloudEvent
from contracts.profiles import Problem
from services.chassis.encryption import seal_to
from services.chassis.ingress.gate import Admitted, Arrival
from services.chassis.ports import Record

_INBOX = topics.inbox("notification")


def note_purpose(need_id: str) -> str:
    """The purpose to which a note's ciphertext is bound; whoever decrypts it must name the same one."""
    return f"referral-routing/note/{need_id}"


class AnswerAdmission:
    """Admits answers. `intake_key` is intake's public key; `hash_key` is 32 secret bytes, shared by all instances."""

    accepts: Mapping[str, type[Message]] = {
        model.ce_type(): model for model in (provider.Answered, provider.RecallAcknowledged)
    }

    def __init__(self, intake_key: str, hash_key: bytes) -> None:
        self._intake_key = intake_key
        self._hash_key = hash_key

    async def prepare(self, arrivals: Sequence[Arrival]) -> None:
        """Does nothing: encrypting to a public key needs no data key."""

    def admit(self, arrival: Arrival) -> Sequence[Admitted]:
        """The answer, under the id of its need. Whether that need exists is decided in its stream, not here."""
        data = arrival.data
        if isinstance(data, provider.RecallAcknowledged):
            return [_deletion_confirmed(arrival, data)]
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
        # The hash is of the original, since the same note encrypted twice gives different bytes.
        return [Admitted(received, _INBOX, data.referral_id, self._hash(arrival.event.data))]

    def refuse(self, tenant: str, record: Record, event: CloudEvent, problems: list[Problem]) -> Sequence[Admitted]:
        """The refusal, which notification sends. It goes under the provider's id, since its need is not known."""
        sent = self.accepts.get(event.type, provider.Answered).TYPE
        invalid = notification.AnswerInvalid(provider=tenant, sent=sent, problems=problems)
        return [Admitted(invalid, _INBOX, tenant, self._hash(event.data))]

    def _hash(self, body: bytes) -> str:
        """Keyed, since a short note could be guessed from a plain hash."""
        return hashlib.blake2b(body, key=self._hash_key, digest_size=16).hexdigest()


def _deletion_confirmed(arrival: Arrival, data: provider.RecallAcknowledged) -> Admitted:
    """A confirmed deletion goes straight to intake, which sent the recall and alone knows what was released."""
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
