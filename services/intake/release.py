"""Turns a release into ciphertext as it is published. The plain person exists only inside `render`."""

from collections.abc import Callable, Sequence
from typing import Any

import orjson
import structlog
from pydantic import ValidationError

from contracts import topics
from contracts.base import Message
from contracts.cloudevents import Malformed, decode
from contracts.intake import Released
from contracts.provider import ContactReleased, Profile
from services.chassis.decider import Effect
from services.chassis.journal import Outgoing
from services.chassis.ports import Record
from services.chassis.problems import careless
from services.chassis.sealing import Unsealable, seal_to, takes_sealed, unseal

from .gate import purpose
from .keys import KeyRing
from .personal import Personal

logger = structlog.get_logger()


class ProviderKeys:
    """The public key of each provider, from its directory. Also what the policy is `given`.

    One that may not take part (`admits`, as the registry of tenants says) has none: nothing can be released to it.
    """

    def __init__(self, admits: Callable[[str], bool] = lambda provider: True) -> None:
        self._admits = admits
        self._keys: dict[str, tuple[int, str | None]] = {}

    def apply(self, record: Record) -> None:
        """Take in one directory record; services are matching's business, and so is telling what is wrong.

        A profile that can't be used changes nothing; one that is deleted takes its key along.
        """
        if record.key != b"profile":
            return
        provider = record.topic.split(".")[1]
        key = None if record.value is None else self._key(record)
        if record.value is not None and key is None:
            logger.warning(
                "profile_unusable", topic=record.topic, offset=record.offset, hint="the old key stays in use"
            )
            return
        known = self._keys.get(provider)
        if known is None or known[0] < record.offset:
            self._keys[provider] = (record.offset, key)

    @staticmethod
    def _key(record: Record) -> str | None:
        try:
            profile = Profile.read(decode(record.headers, record.value, record.appended).data)
        except (Malformed, ValidationError):
            return None
        usable = takes_sealed(profile.public_key) and not careless(record.value or b"", Profile)
        return profile.public_key if usable else None  # a name twice: which key is meant?

    def __contains__(self, provider: object) -> bool:
        return self._keys.get(str(provider), (0, None))[1] is not None and self._admits(str(provider))

    def get(self, provider: str) -> str | None:
        """Its key, if it has published one."""
        return self._keys[provider][1] if provider in self else None

    async def gather(self, pairs: Sequence[tuple[Any, Message]]) -> "ProviderKeys":
        """Itself: the directory is followed, not asked."""
        return self

    def spend(self, effects: Sequence[Effect]) -> None:
        """A key is not used up."""


class Release:
    """The last step before a `Released` fact leaves for a provider."""

    def __init__(self, keys: KeyRing, providers: ProviderKeys) -> None:
        self._keys = keys
        self._providers = providers

    async def render(self, outgoing: list[Outgoing]) -> list[Outgoing]:
        """Open, select, encrypt to the provider. Where the data key was destroyed there is nothing left to release."""
        releases = [Released.read(each.text) for each in outgoing if each.type == Released.ce_type()]
        if not releases:
            return outgoing
        keys = await self._keys.find({release.referral_id for release in releases})
        rendered = []
        for each in outgoing:
            if each.type != Released.ce_type():
                rendered.append(each)
                continue
            release = Released.read(each.text)
            key = keys.get(release.referral_id)
            contact = None if key is None else self._contact(release, key)
            if contact is not None:
                rendered.append(each._replace(type=ContactReleased.ce_type(), text=contact.model_dump_json()))
        return rendered

    def _contact(self, release: Released, key: bytes) -> ContactReleased | None:
        try:
            box = unseal(key, release.personal.box, purpose(release.referral_id))
        except Unsealable:  # erased, and sent anew: this box's own key is no more
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
