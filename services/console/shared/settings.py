"""Where everything is and who we are: from options, from ``REFERRALS_…``, or from what `make up` left running.

What runs locally counts only when neither a Kafka nor a service is named, so that the login of one system never
goes to another.
"""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from contracts.topics import SERVICES
from deploy.cluster.access import ANALYST
from deploy.cluster.login import Login
from deploy.local.state import State
from services.chassis.encryption import Base64Key, SecretText

from .errors import UserError
from .identity import Identity, Lines, from_environment, from_file, identity


@dataclass(frozen=True)
class CommandOptions:
    """What was said on the command line or in the environment; empty: nothing was."""

    kafka: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    mechanism: str = "PLAIN"
    ca: str = ""
    urls: Sequence[str] = ()
    token: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    file: str = ""
    """An organisation's login, as it was handed over."""


class Settings:
    """What a command needs, asked for one by one: who reads a timeline needs no Kafka. Each raises `UserError`."""

    def __init__(self, given: CommandOptions, running: Callable[[], State | None] | None = None) -> None:
        self._given = given
        self._running = running or State.read

    @cached_property
    def _state(self) -> State | None:
        if self._given.kafka or self._given.urls:
            return None
        try:
            return self._running()
        except (OSError, ValueError, TypeError, KeyError) as error:
            why = f"what runs here can not be read ({type(error).__name__})"
            raise UserError(why, "`make down` and `make up` as its owner, or name Kafka and the services") from None

    @property
    def login(self) -> Login:
        """The operator's way into Kafka."""
        if self._state:
            return self._state.addresses.operator
        given = self._given
        if not given.kafka:
            raise UserError("no Kafka is named and nothing runs here", "give --kafka or REFERRALS_KAFKA, or `make up`")
        password = _secret(given.password, "REFERRALS_KAFKA_PASSWORD")
        return Login(_servers(given.kafka), given.user, password, given.mechanism, given.ca)

    def identity(self, role: str) -> Identity:
        """Who gives an agency's, a provider's or the analyst's command."""
        lines = from_file(Path(self._given.file)) if self._given.file else from_environment(os.environ)
        return identity(role, lines or self._analyst(role), os.environ.get("KAFKA") or self.clients)

    def _analyst(self, role: str) -> Lines:
        """What runs here keeps the analyst's password; those of organisations are kept nowhere."""
        known = self._state.addresses.passwords.get(role) if self._state and role == ANALYST else None
        return [("KAFKA_USER", ANALYST), ("KAFKA_PASSWORD", known)] if known else []

    @property
    def clients(self) -> str:
        """Kafka's address for everybody else, where it is known; else empty."""
        return self._state.addresses.kafka if self._state else ""

    @property
    def urls(self) -> dict[str, str]:
        """Where each service listens, as far as it is known."""
        return self._state.urls if self._state else dict(_url(each) for each in self._given.urls)

    def url(self, service: str) -> str:
        """Where one service listens."""
        if service not in self.urls:
            raise UserError(f"the address of {service} is not known", f"give --url {service}=http://HOST:PORT")
        return self.urls[service]

    @property
    def token(self) -> str:
        """The bearer token of the services' JSON."""
        said = _secret(self._given.token, "REFERRALS_OPERATOR_TOKEN") or (self._state and self._state.operator_token)
        if not said:
            raise UserError("there is no operator's token", "give --operator-token or REFERRALS_OPERATOR_TOKEN")
        return said

    @property
    def private_key(self) -> str:
        """The operator's private key, which opens dead letters."""
        said = self._given.key or (f"@{self._state.operator_key}" if self._state and self._state.operator_key else "")
        if not said:
            raise UserError(
                "there is no private key", "give --private-key or REFERRALS_OPERATOR_PRIVATE_KEY, best as @file"
            )
        return opening_key(said, "REFERRALS_OPERATOR_PRIVATE_KEY")


def _servers(text: str) -> str:
    """`host:port` with commas, also out of the JSON list that services take in the same variable."""
    if not text.startswith("["):
        return text
    try:
        return ",".join(json.loads(text))
    except (ValueError, TypeError):
        raise UserError("REFERRALS_KAFKA can not be read", "expected host:port,… or a JSON list of them") from None


def _url(text: str) -> tuple[str, str]:
    service, _, url = text.partition("=")
    if service not in SERVICES or not url.startswith(("http://", "https://")):
        raise UserError("an address of a service can not be read", f"expected {'|'.join(SERVICES)}=http://HOST:PORT")
    return service, url.rstrip("/")


def _secret(text: str, name: str) -> str:
    return _read(TypeAdapter(SecretText), text, name)


def opening_key(text: str, name: str) -> str:
    """A private key, or ``@file`` of it. `UserError` where it is none."""
    return _read(TypeAdapter(Base64Key), text, name)


def _read(kind: TypeAdapter[str], text: str, name: str) -> str:
    """What it is, or what is in the file it names. It is never repeated in an error."""
    try:
        return kind.validate_python(text)
    except OSError as error:
        raise UserError(f"the file of {name} can not be read", error.strerror or type(error).__name__) from None
    except (ValidationError, UnicodeDecodeError):
        raise UserError(f"{name} is unusable", "expected 32 bytes in base64, or @file with them") from None
