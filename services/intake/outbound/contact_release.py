"""Turns a release into ciphertext when it is published. The person exists in clear only inside `render`.

A fact may be published long after it was decided, for example after a crash. So the provider gets only what it may have
according to the journal at the time of publishing, which knows of every recall since.
"""

import orjson
import structlog

from contracts import topics
from contracts.intake import RecallOverdue, Released
from contracts.provider import ContactReleased, Recall
from services.chassis.encryption import UnsealableError, seal_to, unseal
from services.chassis.engine.journal import OutgoingEvent

from ..domain.state import Referral
from ..privacy.key_ring import KeyRing
from ..privacy.person import Personal, purpose
from .journal_reader import JournalReader
from .provider_keys import ProviderKeys

logger = structlog.get_logger()


class ContactRelease:
    """Renders the facts that leave for a provider, and logs what an operator must do about a recall."""

    def __init__(self, keys: KeyRing, providers: ProviderKeys, journals: JournalReader) -> None:
        self._keys = keys
        self._providers = providers
        self._journals = journals

    async def render(self, outgoing: list[OutgoingEvent]) -> list[OutgoingEvent]:
        """The events to publish. Each release is opened, reduced to the fields still allowed, and encrypted.

        A release whose data key was destroyed is left out. Raises `TransientError`.
        """
        outgoing = [event for event in outgoing if self._may_leave(event)]
        releases = {
            at: Released.read(event.text) for at, event in enumerate(outgoing) if event.type == Released.ce_type()
        }
        if not releases:
            return outgoing
        ids = {release.referral_id for release in releases.values()}
        keys, referrals = await self._keys.find(ids), await self._journals.read(ids)
        rendered = []
        for at, event in enumerate(outgoing):
            if at not in releases:
                rendered.append(event)
                continue
            release = _still_allowed(releases[at], referrals.get(releases[at].referral_id))
            key = keys.get(release.referral_id)
            contact = None if key is None or not release.fields else self._contact(release, key)
            if contact is not None:
                rendered.append(event._replace(type=ContactReleased.ce_type(), text=contact.model_dump_json()))
        return rendered

    def _may_leave(self, event: OutgoingEvent) -> bool:
        """False for a recall to an organisation whose access was revoked."""
        if event.type == RecallOverdue.ce_type():
            overdue = RecallOverdue.read(event.text)
            logger.warning(
                "recall_overdue",
                topic=topics.notifications(overdue.provider),
                referral_id=overdue.referral_id,
                hint="the provider has not confirmed that it deleted the released data: contact it by other means",
            )
        if event.type != Recall.ce_type():
            return True
        recall = Recall.read(event.text)
        if not self._providers.admits(recall.provider):
            logger.error(
                "recall_to_barred",
                topic=event.topic,
                referral_id=recall.referral_id,
                hint="the organisation has the recalled data but may not be sent anything: contact it by other means",
            )
        return self._providers.admits(recall.provider)

    def _contact(self, release: Released, key: bytes) -> ContactReleased | None:
        """The encrypted contact; None if the person was erased, or the provider has no public key."""
        try:
            plain = unseal(key, release.personal.box, purpose(release.referral_id))
        except UnsealableError:  # erased and then sent again: the key that sealed this box no longer exists
            return None
        public_key = self._providers.get(release.provider)
        if public_key is None:
            logger.error(
                "release_without_key",
                topic=topics.directory(release.provider),
                referral_id=release.referral_id,
                hint="the provider deleted its profile before the contact was sent; it has to ask the agency",
            )
            return None
        fields = Personal.model_validate_json(plain).release(release.fields, release.need, release.members)
        sealed = seal_to(public_key, orjson.dumps(fields), f"referral-routing/contact/{release.need_id}")
        return ContactReleased(
            provider=release.provider,
            referral_id=release.referral_id,
            need=release.need,
            need_id=release.need_id,
            attempt=release.attempt,
            service=release.service,
            fields=[field for field in release.fields if field.value in fields],
            sealed=sealed,
            reference=release.reference,
        )


def _still_allowed(release: Released, referral: Referral | None) -> Released:
    """The release without the fields that were recalled since it was decided."""
    disclosure = referral.needs.disclosures.get((release.need, release.attempt)) if referral else None
    allowed = disclosure.fields if disclosure else frozenset()
    return release.model_copy(update={"fields": [field for field in release.fields if field in allowed]})
