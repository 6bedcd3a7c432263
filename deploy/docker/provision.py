"""The compose system's own steps: who makes its secrets, who tells the servers, who takes organisations in.

    python -m deploy.docker.provision secrets     # as root: creates what is missing in each folder of secrets
    python -m deploy.docker.provision access      # creates topics, access rules and passwords
    python -m deploy.docker.provision onboard agency brest-help    # prints the organisation's credentials, once
    python -m deploy.docker.provision analyst     # prints the analyst's credentials

`onboard` takes several organisations at once.

docker-compose.yml runs the first two at every `up`; again is harmless. /secrets/<who> is a volume of its own for each
of Kafka, MongoDB, the operator and the services: a container has its own and no other's. A service's files have the
names of its settings, which point to them with an @.
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
"""Users inside the official images. All of ours are 10001 (docker/Dockerfile)."""
_RENEW = timedelta(days=30)

_PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule required"
_LOGINS = """\
listener.name.operator.plain.sasl.jaas.config={plain} \
  username="broker" password="{broker}" user_broker="{broker}" user_operator="{operator}";
listener.name.controller.plain.sasl.jaas.config={plain} \
  username="broker" password="{broker}" user_broker="{broker}";
"""
# Part of Kafka's server.properties: the part that is secret. The rest stands in docker-compose.yml.


def make_secrets(root: Path = ROOT) -> None:
    """Whatever is not there yet: certificates, passwords and keys, each where only its owner finds it."""
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
    """Give each folder to the user who reads it. Takes root."""
    for who in ("kafka", "mongo", "operator", *SERVICES):
        for file in ((root / who), *(root / who).rglob("*")):
            os.chown(file, _OWNERS.get(who, 10001), _OWNERS.get(who, 10001))


def let_in(root: Path = ROOT) -> None:
    """Topics and rules as they are declared, and the passwords of services and the analyst, at both servers."""
    operator = operators_login(root)
    topics.create(operator, topics.internal())
    for service in SERVICES:
        own = root / service
        access.set_password(operator, service, (own / "kafka_password").read_text())
        user = urlsplit((own / "mongo").read_text())
        grant((root / "operator" / "mongo").read_text(), user.username or "", user.password or "")
    access.set_password(operator, access.ANALYST, (root / "operator" / access.ANALYST).read_text())
    access.apply(operator, tenants.declared_rules(operator))


def operators_login(root: Path = ROOT) -> Login:
    """The operator's way in, on a listener that is not open to the host."""
    own = root / "operator"
    return Login(_OPERATORS, "operator", (own / "kafka_password").read_text(), "PLAIN", str(own / "ca.pem"))


def _password() -> str:
    return secrets.token_hex(24)  # also a valid MongoDB key file, and needs no escapes anywhere


def _is_old(certificate: Path) -> bool:
    if not certificate.exists():
        return True
    return x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc < datetime.now(UTC) + _RENEW


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the first argument says."""
    command, *rest = (sys.argv[1:] if arguments is None else arguments) or ["help"]
    kafka = os.environ.get("KAFKA", "localhost:9092")  # as tenants see it
    if command == "secrets" and not rest:
        make_secrets()
        own_secrets()
    elif command == "access" and not rest:
        let_in()
    elif command == "onboard" and rest and len(rest) % 2 == 0:
        for kind, tenant in zip(rest[::2], rest[1::2], strict=True):
            try:
                given = tenants.onboard(operators_login(), kind, tenant, tenant)
            except ValueError as refused:
                sys.exit(f"{tenant}: {refused}")
            print("\n".join(credentials_file.lines(given, kafka, "ca.pem")))
    elif command == "analyst" and not rest:
        password = (ROOT / "operator" / access.ANALYST).read_text()
        given = tenants.Credentials(access.ANALYST, {access.ANALYST: password})
        print("\n".join(credentials_file.lines(given, kafka, "ca.pem")))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
