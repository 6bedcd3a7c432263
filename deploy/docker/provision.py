"""Provisions the compose system: makes its secrets, sets up the servers, and onboards organisations.

    python -m deploy.docker.provision secrets     # as root: creates missing secrets
    python -m deploy.docker.provision access      # creates topics, access rules and passwords
    python -m deploy.docker.provision onboard agency brest-help    # prints the organisation's credentials, once
    python -m deploy.docker.provision analyst     # prints the analyst's credentials

`onboard` takes several pairs of kind and id. docker-compose.yml runs the first two commands at every `up`; repeating
them does no harm.

Kafka, MongoDB, the operator and each service have a volume of secrets of their own, /secrets/<name>, and a container
mounts no other. A service's files are named like its settings, which refer to them with an @.
"""

import os
import secrets
import shutil
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509

from contracts.topics import SERVICES
from deploy.cluster import access, credentials_file, tenants, topics
from deploy.cluster.login import Login
from deploy.local.mongo import grant, login
from deploy.secrets.certificates import make_certificates
from deploy.secrets.keys import environment, kept

ROOT = Path("/secrets")
_KAFKA, _OPERATORS = "kafka", "kafka:29093"
_MONGO = "mongodb://mongo:27017/?replicaSet=rs0"
_OWNERS = {"kafka": 1000, "mongo": 999}
"""User ids inside the official images. Our own images use 10001 (Dockerfile)."""
_RENEW = timedelta(days=30)

_PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule required"
_LOGINS = """\
listener.name.operator.plain.sasl.jaas.config={plain} \
  username="broker" password="{broker}" user_broker="{broker}" user_operator="{operator}";
listener.name.controller.plain.sasl.jaas.config={plain} \
  username="broker" password="{broker}" user_broker="{broker}";
"""
# The secret part of Kafka's server.properties; the rest is in docker-compose.yml.


def make_secrets(root: Path = ROOT) -> None:
    """Create missing certificates, passwords and keys, each in the folder of its owner."""
    kafka, mongo, operator = (root / who for who in ("kafka", "mongo", "operator"))
    password = kept(operator / "kafka_password", _password)
    kept(kafka / "server.properties", lambda: _LOGINS.format(plain=_PLAIN, broker=_password(), operator=password))
    kept(mongo / "keyfile", _password)
    kept(operator / "mongo", lambda: login(_MONGO, "root", kept(mongo / "root_password", _password)))
    kept(operator / access.ANALYST, _password)
    for service in SERVICES:
        own = root / service
        kept(own / "kafka_password", _password)
        kept(own / "operator_token", partial(kept, operator / "token", _password))
        kept(own / "mongo", partial(login, _MONGO, f"referrals_{service}", _password()))
        for name, value in environment(own, service, private=operator / "keys").items():
            kept(own / name.removeprefix("REFERRALS_").lower(), partial(str, value))
    if _is_old(kafka / "ca.pem"):
        make_certificates(kafka, (_KAFKA, "localhost"))
    for who in ("operator", *SERVICES):
        shutil.copyfile(kafka / "ca.pem", root / who / "ca.pem")


def own_secrets(root: Path = ROOT) -> None:
    """Make the user that reads a folder its owner. Needs root."""
    for who in ("kafka", "mongo", "operator", *SERVICES):
        for file in ((root / who), *(root / who).rglob("*")):
            os.chown(file, _OWNERS.get(who, 10001), _OWNERS.get(who, 10001))


def provision_access(root: Path = ROOT) -> None:
    """Apply the declared topics and access rules, and set the passwords of services and the analyst on both servers."""
    operator = operators_login(root)
    topics.create(operator, topics.internal_topics())
    for service in SERVICES:
        own = root / service
        access.set_password(operator, service, (own / "kafka_password").read_text())
        user = urlsplit((own / "mongo").read_text())
        grant((root / "operator" / "mongo").read_text(), user.username or "", user.password or "")
    access.set_password(operator, access.ANALYST, (root / "operator" / access.ANALYST).read_text())
    access.apply(operator, tenants.declared_rules(operator))


def operators_login(root: Path = ROOT) -> Login:
    """The operator's Kafka login, on a listener that the host cannot reach."""
    own = root / "operator"
    return Login(_OPERATORS, "operator", (own / "kafka_password").read_text(), "PLAIN", str(own / "ca.pem"))


def _password() -> str:
    return secrets.token_hex(24)  # also a valid MongoDB key file, and needs no escapes anywhere


def _is_old(certificate: Path) -> bool:
    if not certificate.exists():
        return True
    return x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc < datetime.now(UTC) + _RENEW


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command that the first argument names."""
    command, *rest = (sys.argv[1:] if arguments is None else arguments) or ["help"]
    kafka = os.environ.get("KAFKA", "localhost:9092")  # the address for tenants
    if command == "secrets" and not rest:
        make_secrets()
        own_secrets()
    elif command == "access" and not rest:
        provision_access()
    elif command == "onboard" and rest and len(rest) % 2 == 0:
        for kind, tenant in zip(rest[::2], rest[1::2], strict=True):
            try:
                credentials = tenants.onboard(operators_login(), kind, tenant, tenant)
            except ValueError as refused:
                sys.exit(f"{tenant} was not onboarded: {refused}")
            print("\n".join(credentials_file.lines(credentials, kafka, "ca.pem")))
    elif command == "analyst" and not rest:
        password = (ROOT / "operator" / access.ANALYST).read_text()
        credentials = tenants.Credentials(access.ANALYST, {access.ANALYST: password})
        print("\n".join(credentials_file.lines(credentials, kafka, "ca.pem")))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
