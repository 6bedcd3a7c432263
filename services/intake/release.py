"""Turns a release into ciphertext as it is published. The plain person exists only inside `render`."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson
import structlog
from pydantic import ValidationError

from contracts.base import Message
from contracts.cloudevents import Malformed, decode
from contracts.intake import Released
from contracts.provider import ContactReleased, Profile
from services.chassis.decider import Effect
from services.chassis.journal import Outgoing
from services.chassis.ports import Record
from services.chassis.sealing import seal_to, unseal

from .gate import purpose
from .keys import KeyRing
from .personal import Personal

logger = structlog.get_logger()


class ProviderKeys:
    """The public key of each provider, from its directory. Also what the policy is `given`."""

    def __init__(self) -> None:
        self._keys: dict[str, tuple[int, str]] = {}

    def apply(self, record: Record) -> None:
        """Take in one directory record; services and bad entries are matching's business."""
        if record.key != b"profile" or record.value is None:
            return
        provider = record.topic.split(".")[1]
        try:
            event = decode(record.headers, record.value, record.appended)
            profile = Profile.read(event.data)
        except (Malformed, ValidationError):
            logger.warning(
                "profile_unusable", topic=record.topic, offset=record.offset, hint="the old key stays in use"
            )
            return
        known = self._keys.get(provider)
        if known is None or known[0] < record.offset:
            self._keys[provider] = (record.offset, profile.public_key)

    def __contains__(self, provider: object) -> bool:
        return provider in self._keys

    def __getitem__(self, provider: str) -> str:
        return self._keys[provider][1]

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
            if release.referral_id in keys:
                text = self._contact(release, keys[release.referral_id]).model_dump_json()
                rendered.append(replace(each, type=ContactReleased.ce_type(), text=text))
        return rendered

    def _contact(self, release: Released, key: bytes) -> ContactReleased:
        personal = Personal.model_validate_json(unseal(key, release.personal.box, purpose(release.referral_id)))
        fields = personal.release(release.fields, release.need)
        sealed = seal_to(
            self._providers[release.provider], orjson.dumps(fields), f"referral-routing/contact/{release.need_id}"
        )
        return ContactReleased(
            provider=release.provider,
            referral_id=release.referral_id,
            need=release.need,
            need_id=release.need_id,
            attempt=release.attempt,
            service=release.service,
            fields=[field for field in release.fields if field.value in fields],
            sealed=sealed,
        )
