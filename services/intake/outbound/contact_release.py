"""Turns a release into ciphertext as it is published. The plain person exists only inside `render`.

A fact may be published long after it was decided: again after a crash, or late. So what leaves is what its provider may
hold by the journal as it is then, which knows of every recall since.
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
from .journal_reader import Journals
from .provider_keys import ProviderKeys

logger = structlog.get_logger()


class Release:
    """The last step before a fact leaves for a provider, or for whoever sees to a recall that is overdue."""

    def __init__(self, keys: KeyRing, providers: ProviderKeys, journals: Journals) -> None:
        self._keys = keys
        self._providers = providers
        self._journals = journals

    async def render(self, outgoing: list[OutgoingEvent]) -> list[OutgoingEvent]:
        """Open, select, encrypt to the provider. Where the data key was destroyed there is nothing left to release."""
        outgoing = [each for each in outgoing if self._passes(each)]
        releases = {at: Released.read(each.text) for at, each in enumerate(outgoing) if each.type == Released.ce_type()}
        if not releases:
            return outgoing
        referrals = {release.referral_id for release in releases.values()}
        keys, known = await self._keys.find(referrals), await self._journals.read(referrals)
        rendered = []
        for at, each in enumerate(outgoing):
            if at not in releases:
                rendered.append(each)
                continue
            release = _still(releases[at], known.get(releases[at].referral_id))
            key = keys.get(release.referral_id)
            contact = None if key is None or not release.fields else self._contact(release, key)
            if contact is not None:
                rendered.append(each._replace(type=ContactReleased.ce_type(), text=contact.model_dump_json()))
        return rendered

    def _passes(self, each: OutgoingEvent) -> bool:
        """All but a recall to an organisation that may be told nothing any more. What an operator must do is logged."""
        if each.type == RecallOverdue.ce_type():
            late = RecallOverdue.read(each.text)
            logger.warning(
                "recall_overdue",
                topic=topics.notifications(late.provider),
                referral_id=late.referral_id,
                hint="the provider has not said that it deleted what was released to it: ask it by other means",
            )
        if each.type != Recall.ce_type():
            return True
        recall = Recall.read(each.text)
        if not self._providers.admits(recall.provider):
            logger.error(
                "recall_to_barred",
                topic=each.topic,
                referral_id=recall.referral_id,
                hint="the organisation holds what is recalled and may be told nothing here: ask it by other means",
            )
        return self._providers.admits(recall.provider)

    def _contact(self, release: Released, key: bytes) -> ContactReleased | None:
        try:
            box = unseal(key, release.personal.box, purpose(release.referral_id))
        except UnsealableError:  # erased, and sent anew: this box's own key is no more
            return None
        public_key = self._providers.get(release.provider)
        if public_key is None:
            logger.error(
                "release_without_key",
                topic=topics.directory(release.provider),
                referral_id=release.referral_id,
                hint="the provider withdrew its profile as it was to be told a contact; it has to ask the agency",
            )
            return None
        fields = Personal.model_validate_json(box).release(release.fields, release.need, release.members)
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


def _still(release: Released, known: Referral | None) -> Released:
    """The release, less the fields that have been recalled since it was decided."""
    holding = known.holdings.get((release.need, release.attempt)) if known else None
    given = holding.given if holding else frozenset()
    return release.model_copy(update={"fields": [field for field in release.fields if field in given]})
