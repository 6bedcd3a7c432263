"""The agency, provider or analyst that gives a command, from the credentials file that the operator handed over.

The file has one NAME=VALUE per line, with the names of deploy/cluster/credentials_file.py. Without a file the values
are read from the environment:

    KAFKA=127.0.0.1:9092
    KAFKA_USER=agency:brest-help
    KAFKA_PASSWORD=…
    KAFKA_CA=ca.pem             where Kafka has TLS
    PRIVATE_KEY=…               of a provider: decrypts the contacts that are released to it
    PUBLIC_KEY=…                of a provider: its public key, for the profile

A file without KAFKA uses KAFKA of the environment. A value may be ``@file``. An organisation that is both agency and
provider has KAFKA_USER and KAFKA_PASSWORD twice.
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
_HINT = "give --login FILE (or REFERRALS_LOGIN) with the file from the operator"
Lines = list[tuple[str, str]]


@dataclass(frozen=True)
class Identity:
    """One organisation in one role, or the analyst: its id, its Kafka login, and a provider's keys."""

    role: str
    id: str
    login: Login
    private_key: str = field(default="", repr=False)
    public_key: str = ""

    @property
    def group(self) -> str:
        """The consumer group of its commands; access rules allow it groups with this prefix."""
        return f"{ANALYST}.console" if self.role == ANALYST else f"{self.role}.{self.id}.console"

    @property
    def source(self) -> str:
        """The CloudEvents source of its events."""
        return f"/{self.id}"


def identity(role: str, lines: Lines, kafka: str = "") -> Identity:
    """The identity of a credentials file in one role. `kafka` is the address when the lines have none.

    On a Kafka without logins the file has a user and no password. Raises `UserError` when the role or a value is
    missing.
    """
    values = dict(lines)
    user, password = _login_of(role, lines)
    kafka = values.get("KAFKA") or kafka
    if not kafka:
        raise UserError("no Kafka address is given", "put KAFKA=host:port into the login file or the environment")
    id_ = ANALYST if role == ANALYST else user.partition(":")[2]
    if TENANT_ID.fullmatch(id_) is None:
        raise UserError("KAFKA_USER cannot be read", f"expected {role}:ID, as in the file from the operator")
    ca = values.get("KAFKA_CA", "") if password else ""
    login = Login(kafka, user if password else "", password, ca=ca)
    return Identity(role, id_, login, values.get("PRIVATE_KEY", ""), values.get("PUBLIC_KEY", ""))


def from_environment(environment: Mapping[str, str]) -> Lines:
    """The values that are set in the environment."""
    return [(name, _value(environment[name], name, Path())) for name in NAMES if environment.get(name)]


def from_file(path: Path) -> Lines:
    """The values in a file; paths in it are relative to its folder. Warns when other users can read the file."""
    try:
        text, mode = path.read_text(), path.stat().st_mode
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise UserError(f"the login file {path} cannot be read", reason) from None
    if mode & (stat.S_IRGRP | stat.S_IROTH):
        output.warn(f"{path} contains a password and others can read it: run `chmod 600 {path}`")
    return list(_lines(text.splitlines(), path))


def _lines(text: Iterable[str], path: Path) -> Iterable[tuple[str, str]]:
    for number, line in enumerate(text, 1):
        name, equals, value = (part.strip() for part in line.removeprefix("export ").partition("="))
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if not equals or name not in NAMES:
            raise UserError(
                f"line {number} of {path} cannot be read", f"expected NAME=VALUE, NAME being {', '.join(NAMES)}"
            )
        value = _value(value.strip("'\""), name, path.parent)
        yield name, str(path.parent / value) if name == "KAFKA_CA" else value


def _value(text: str, name: str, folder: Path) -> str:
    if not text.startswith("@"):
        return text
    try:
        return (folder / text[1:]).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise UserError(f"the file in {name} cannot be read", reason) from None


def _login_of(role: str, lines: Lines) -> tuple[str, str]:
    """User and password of one role. A password belongs to the user on the lines before it."""
    users: dict[str, str] = {}
    for name, value in lines:
        if name == "KAFKA_USER":
            users[value] = ""
        elif name == "KAFKA_PASSWORD" and users:
            users[list(users)[-1]] = value
    of_role = [each for each in users if each == ANALYST == role or each.startswith(f"{role}:")]
    if of_role:
        return of_role[0], users[of_role[0]]
    if users:
        raise UserError(f"this command needs the login of {_with_article(role)}, not of {', '.join(users)}", _HINT)
    raise UserError(f"the login of {_with_article(role)} is missing", _HINT)


def _with_article(role: str) -> str:
    return f"a{'n' if role[0] == 'a' else ''} {role}"
