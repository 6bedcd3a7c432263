"""The public key of each provider, followed from the providers' directories."""

from collections.abc import Callable

import structlog
from pydantic import ValidationError

from contracts.cloudevents import MalformedError, decode
from contracts.provider import Profile
from services.chassis.encryption import takes_sealed
from services.chassis.ingress.validation_errors import lint_raw_json
from services.chassis.ports import Record

logger = structlog.get_logger()


class ProviderKeys:
    """The public key of each provider that has published one and may take part. See `releases.PublicKeys`.

    `admits` says whether a provider may take part, according to the registry of tenants.
    """

    def __init__(self, admits: Callable[[str], bool] = lambda provider: True) -> None:
        self._admits = admits
        self._keys: dict[str, tuple[int, str | None]] = {}

    def apply(self, record: Record) -> None:
        """Take the key from a directory record. Services are left to matching, which also reports bad entries.

        A profile that cannot be used changes nothing. A profile that is deleted removes the key.
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
        except (MalformedError, ValidationError):
            return None
        # A field that is there twice would leave open which key is meant.
        is_clear = not lint_raw_json(record.value or b"", Profile)
        return profile.public_key if takes_sealed(profile.public_key) and is_clear else None

    def admits(self, provider: str) -> bool:
        """Whether the provider may be sent anything."""
        return self._admits(provider)

    def __contains__(self, provider: object) -> bool:
        return self._keys.get(str(provider), (0, None))[1] is not None and self._admits(str(provider))

    def get(self, provider: str) -> str | None:
        """The provider's key, base64; None if it has not published one or may not take part."""
        return self._keys[provider][1] if provider in self else None
