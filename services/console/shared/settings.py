"""Addresses and secrets: from options, from the environment (``REFERRALS_…``), or from what `make up` left running.

The local system is used only when neither a Kafka nor a service is given, so that a login never goes to another system.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from contracts.topics import SERVICES
from deploy.cluster.access import ANALYST
from deploy.cluster.login import Login
from deploy.local.state import State
from services.chassis.encryption import Base64Key, SecretText
from services.chassis.setting_names import servers, unknown

from .errors import UserError
from .identity import Identity, Lines, from_environment, from_file, identity


@dataclass(frozen=True)
class CommandOptions:
    """Options from the command line or the environment; an empty one was not given."""

    kafka: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    mechanism: str = "PLAIN"
    ca: str = ""
    urls: Sequence[str] = ()
    token: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    file: str = ""
    """An organisation's credentials file."""


class Settings:
    """What a command needs, looked up one by one: `timeline` needs no Kafka. Each property raises `UserError`."""

    def __init__(self, options: CommandOptions, running: Callable[[], State | None] | None = None) -> None:
        self._options = options
        self._running = running or State.read

    @cached_property
    def _state(self) -> State | None:
        if self._options.kafka or self._options.urls:
            return None
        try:
            return self._running()
        except (OSError, ValueError, TypeError, KeyError) as error:
            what = f"the state of the local system cannot be read ({type(error).__name__})"
            hint = "run `make down` and `make up` as its owner, or give --kafka and --url"
            raise UserError(what, hint) from None

    @property
    def login(self) -> Login:
        """The operator's Kafka login."""
        if self._state:
            return self._state.addresses.operator
        options = self._options
        if not options.kafka:
            what = "no Kafka address is given, and no local system is running"
            raise UserError(what, "give --kafka or REFERRALS_KAFKA, or run `make up`")
        password = _secret(options.password, "REFERRALS_KAFKA_PASSWORD")
        return Login(_servers(options.kafka), options.user, password, options.mechanism, options.ca)

    def identity(self, role: str) -> Identity:
        """The agency, the provider or the analyst that gives the command."""
        lines = from_file(Path(self._options.file)) if self._options.file else from_environment(os.environ)
        return identity(role, lines or self._analyst(role), os.environ.get("KAFKA") or self.clients)

    def _analyst(self, role: str) -> Lines:
        """The analyst's login to the local system, which stores it; those of organisations are stored nowhere."""
        password = self._state.addresses.passwords.get(role) if self._state and role == ANALYST else None
        return [("KAFKA_USER", ANALYST), ("KAFKA_PASSWORD", password)] if password else []

    @property
    def clients(self) -> str:
        """Kafka's address for everybody but the operator; empty when it is unknown."""
        return self._state.addresses.kafka if self._state else ""

    @property
    def urls(self) -> dict[str, str]:
        """The known addresses of services."""
        return self._state.urls if self._state else dict(_url(each) for each in self._options.urls)

    def url(self, service: str) -> str:
        """The address of one service."""
        if service not in self.urls:
            raise UserError(f"the address of {service} is not known", f"give --url {service}=http://HOST:PORT")
        return self.urls[service]

    @property
    def token(self) -> str:
        """The bearer token for the services' JSON."""
        token = _secret(self._options.token, "REFERRALS_OPERATOR_TOKEN") or (self._state and self._state.operator_token)
        if not token:
            raise UserError("the operator's token is missing", "give --operator-token or REFERRALS_OPERATOR_TOKEN")
        return token

    @property
    def private_key(self) -> str:
        """The operator's private key, which decrypts dead letters."""
        key = self._options.key or (f"@{self._state.operator_key}" if self._state and self._state.operator_key else "")
        if not key:
            hint = "give --private-key or REFERRALS_OPERATOR_PRIVATE_KEY, best as @file"
            raise UserError("the operator's private key is missing", hint)
        return read_key(key, "REFERRALS_OPERATOR_PRIVATE_KEY")


def misspelt(variables: Mapping[str, str]) -> list[str]:
    """A warning for each variable with our prefix that has no effect anywhere, with the nearest name."""
    if not unknown(variables, ()):
        return []
    from services.chassis.settings import ChassisSettings  # slow to import, and hardly ever needed

    return [
        f"{variable} is no setting and has no effect" + (f"; did you mean {nearest}?" if nearest else "")
        for variable, nearest in unknown(variables, ChassisSettings.model_fields).items()
    ]


def _servers(text: str) -> str:
    """`host:port` with commas. Also accepts a JSON list, as services do in the same variable."""
    try:
        return ",".join(TypeAdapter(list[str]).validate_python(servers(text)))
    except ValueError as error:
        raise UserError("REFERRALS_KAFKA (--kafka) cannot be read", str(error)) from None


def _url(text: str) -> tuple[str, str]:
    service, _, url = text.partition("=")
    if service not in SERVICES or not url.startswith(("http://", "https://")):
        raise UserError(
            "the address of a service (--url) cannot be read", f"expected {'|'.join(SERVICES)}=http://HOST:PORT"
        )
    return service, url.rstrip("/")


def _secret(text: str, name: str) -> str:
    return _read(TypeAdapter(SecretText), text, name)


def read_key(text: str, name: str) -> str:
    """A private key from its text or from ``@file``. Raises `UserError` when it is not a key."""
    return _read(TypeAdapter(Base64Key), text, name)


def _read(kind: TypeAdapter[str], text: str, name: str) -> str:
    """The text itself, or the content of the ``@file`` it names. Error messages never repeat it."""
    try:
        return kind.validate_python(text)
    except ValidationError as error:
        reason = error.errors(include_input=False, include_url=False)[0]["msg"].removeprefix("Value error, the file ")
        if text.startswith("@") and not reason.startswith(("Value error", "expected")):
            raise UserError(f"the file in {name} {reason}", "give a file that you may read") from None
        raise UserError(f"{name} cannot be used", "expected 32 bytes in base64, or @file with them") from None
