"""Who gives an agency's, a provider's or the analyst's command: what was handed over when it was taken in.

The file has one NAME=VALUE a line, with the names of deploy/cluster/credentials_file.py; without a file they are read
from the environment:

    KAFKA=127.0.0.1:9092
    KAFKA_USER=agency:brest-help
    KAFKA_PASSWORD=…
    KAFKA_CA=ca.pem             where Kafka has TLS
    PRIVATE_KEY=…               a provider's, which opens the contacts that are released to it
    PUBLIC_KEY=…                its public half, for the provider's profile

Where a file does not say where Kafka is, the environment's KAFKA does. A value may be ``@file``. Who is agency and
provider in one has KAFKA_USER and KAFKA_PASSWORD twice.
"""

import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from contracts.topics import TENANT_ID
from deploy.cluster.access import ANALYST
from deploy.cluster.login import Login

from . import output
from .errors import UserError

AGENCY = "agency"
PROVIDER = "provider"
NAMES = ("KAFKA", "KAFKA_USER", "KAFKA_PASSWORD", "KAFKA_CA", "PRIVATE_KEY", "PUBLIC_KEY")
_HINT = "give --login FILE (or REFERRALS_LOGIN) with what the operator handed over"
Lines = list[tuple[str, str]]


@dataclass(frozen=True)
class Identity:
    """One principal: its way into Kafka, its id, and a provider's keys."""

    role: str
    id: str
    login: Login
    private_key: str = field(default="", repr=False)
    public_key: str = ""

    @property
    def group(self) -> str:
        """The consumer group of its commands, among those that are its own."""
        return f"{ANALYST}.console" if self.role == ANALYST else f"{self.role}.{self.id}.console"

    @property
    def source(self) -> str:
        """Its events' CloudEvents source."""
        return f"/{self.id}"


def identity(role: str, lines: Lines, kafka: str = "") -> Identity:
    """Who is meant in that role. `kafka` is where Kafka is, if the lines do not say. `UserError` when nobody is.

    A user without a password is who one is on a Kafka without logins.
    """
    said = dict(lines)
    user, password = _login_of(role, lines)
    kafka = said.get("KAFKA") or kafka
    if not kafka:
        raise UserError("no Kafka is named", "KAFKA=host:port is wanted, beside KAFKA_USER or in the environment")
    id_ = ANALYST if role == ANALYST else user.partition(":")[2]
    if TENANT_ID.fullmatch(id_) is None:
        raise UserError("KAFKA_USER can not be read", f"expected {role}:ID, as the operator handed it over")
    ca = said.get("KAFKA_CA", "") if password else ""
    login = Login(kafka, user if password else "", password, ca=ca)
    return Identity(role, id_, login, said.get("PRIVATE_KEY", ""), said.get("PUBLIC_KEY", ""))


def from_environment(environment: Mapping[str, str]) -> Lines:
    """What the environment has of it."""
    return [(name, _value(environment[name], name, Path())) for name in NAMES if environment.get(name)]


def from_file(path: Path) -> Lines:
    """What stands in a file. Others' reading it is warned of. Paths in it count from where it is."""
    try:
        text, mode = path.read_text(), path.stat().st_mode
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        raise UserError(f"the login file {path} can not be read", why) from None
    if mode & (stat.S_IRGRP | stat.S_IROTH):
        output.warn(f"{path} holds a password and others can read it: chmod 600 {path}")
    return list(_lines(text.splitlines(), path))


def _lines(text: Iterable[str], path: Path) -> Iterable[tuple[str, str]]:
    for number, line in enumerate(text, 1):
        name, equals, value = (part.strip() for part in line.removeprefix("export ").partition("="))
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if not equals or name not in NAMES:
            raise UserError(f"line {number} of {path} can not be read", f"expected NAME=VALUE with {', '.join(NAMES)}")
        value = _value(value.strip("'\""), name, path.parent)
        yield name, str(path.parent / value) if name == "KAFKA_CA" else value


def _value(text: str, name: str, folder: Path) -> str:
    if not text.startswith("@"):
        return text
    try:
        return (folder / text[1:]).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"the file of {name} can not be read", getattr(error, "strerror", None) or "no text") from None


def _login_of(role: str, lines: Lines) -> tuple[str, str]:
    """User and password of one role; of several the password that follows its user."""
    users: dict[str, str] = {}
    for name, value in lines:
        if name == "KAFKA_USER":
            users[value] = ""
        elif name == "KAFKA_PASSWORD" and users:
            users[list(users)[-1]] = value
    found = [each for each in users if each == ANALYST == role or each.startswith(f"{role}:")]
    if found:
        return found[0], users[found[0]]
    if users:
        raise UserError(f"this takes the login of {_a(role)}, not of {', '.join(users)}", _HINT)
    raise UserError(f"there is no login of {_a(role)}", _HINT)


def _a(role: str) -> str:
    return f"a{'n' if role[0] == 'a' else ''} {role}"
