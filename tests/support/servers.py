"""A Kafka and a MongoDB for the tests. The environment variable STACK says where they come from.

STACK=local                                     processes on this machine, without Docker (the default)
STACK=containers                                Testcontainers, with the official images
STACK=kafka=host:9092,mongo=mongodb://host/…    servers that are already running, without logins

Servers that we start have access control: a client without a login is refused. A test is the operator by default.
"""

import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from deploy.cluster.login import Login
from deploy.local.kafka import AccessControl, serves
from deploy.local.mongo import REPLICA_SET, initiate
from deploy.local.mongo import login as mongo_login
from deploy.local.process import StartError, free_port
from deploy.local.stack import Addresses, LocalStack, provision_service_users
from deploy.run_coroutine import run

if TYPE_CHECKING:
    from testcontainers.core.container import DockerContainer

KAFKA_IMAGE = "apache/kafka:4.3.1"
MONGO_IMAGE = "mongo:8.0"


@contextmanager
def servers() -> Iterator[Addresses]:
    """Start the servers that STACK describes, and stop them afterwards. Servers that were running are left alone."""
    stack_kind = os.environ.get("STACK") or "local"
    if stack_kind == "local":
        with LocalStack(access_control=AccessControl()) as stack:
            yield stack.addresses
    elif stack_kind == "containers":
        with _containers() as addresses:
            yield addresses
    elif stack_kind.startswith("kafka=") and ",mongo=" in stack_kind:
        kafka, _, mongo = stack_kind.removeprefix("kafka=").partition(",mongo=")
        yield Addresses(kafka, mongo)
    else:
        raise ValueError(f"STACK is {stack_kind!r}: set it to local, containers or kafka=host:port,mongo=uri")


def login_settings(login: Login) -> dict[str, Any]:
    """The settings with which a service uses this login to Kafka (services/chassis/settings.py)."""
    return {
        "kafka": [login.kafka],
        "kafka_user": login.user,
        "kafka_password": login.password,
        "kafka_mechanism": login.mechanism,
        "kafka_ca": login.ca,
    }


@contextmanager
def _containers() -> Iterator[Addresses]:
    from testcontainers.core.container import DockerContainer  # slow to import, and needs a container engine
    from testcontainers.core.docker_client import DockerClient

    host, root = DockerClient().host(), secrets.token_hex(24)
    # Ports are chosen before the start, because Kafka must know its addresses as seen from here.
    operator = Login(f"{host}:{free_port()}", "operator", secrets.token_hex(24), "PLAIN")
    port = free_port()
    mongo = DockerContainer(MONGO_IMAGE).with_command(["bash", "-c", _MONGOD]).with_exposed_ports(27017)
    mongo.with_envs(MONGO_INITDB_ROOT_USERNAME="root", MONGO_INITDB_ROOT_PASSWORD=root)
    kafka = DockerContainer(KAFKA_IMAGE).with_bind_ports(9092, port)
    kafka.with_bind_ports(9094, int(operator.kafka.partition(":")[2]))
    with ExitStack() as running:
        running.enter_context(mongo)
        running.enter_context(kafka.with_envs(**_kafka_settings(f"{host}:{port}", operator)))
        mongo_port = int(mongo.get_exposed_port(27017))
        _wait(mongo, lambda: initiate(host, mongo_port, "localhost:27017", root))
        _wait(kafka, lambda: run(serves(host, port, operator)))
        uri = f"mongodb://{host}:{mongo_port}/?replicaSet={REPLICA_SET}&directConnection=true"
        yield Addresses(
            f"{host}:{port}", mongo_login(uri, "root", root), operator, passwords=provision_service_users(operator)
        )


# Members of a replica set authenticate each other by a key file. With users, even a single member needs one.
_MONGOD = f"""
umask 077; head -c 48 /dev/urandom | base64 >/tmp/keyfile; chown mongodb /tmp/keyfile
exec docker-entrypoint.sh mongod --replSet {REPLICA_SET} --keyFile /tmp/keyfile
"""


def _kafka_settings(address: str, operator: Login) -> dict[str, str]:
    # A single variable turns off the image's defaults, so all are set here. Access control as in deploy/local/kafka.py.
    login = "org.apache.kafka.common.security.{} required"
    plain, broker = login.format("plain.PlainLoginModule"), secrets.token_hex(24)
    broker = f'username="broker" password="{broker}" user_broker="{broker}"'
    settings = {
        "node.id": "1",
        "process.roles": "broker,controller",
        "listeners": "CLIENTS://0.0.0.0:9092,OPERATOR://0.0.0.0:9094,CONTROLLER://localhost:9093",
        "advertised.listeners": f"CLIENTS://{address},OPERATOR://{operator.kafka}",
        "listener.security.protocol.map": "CLIENTS:SASL_PLAINTEXT,OPERATOR:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT",
        "controller.quorum.voters": "1@localhost:9093",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "OPERATOR",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "sasl.mechanism.controller.protocol": "PLAIN",
        "listener.name.clients.sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.clients.scram-sha-512.sasl.jaas.config": f"{login.format('scram.ScramLoginModule')};",
        "listener.name.operator.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.operator.plain.sasl.jaas.config": f'{plain} {broker} user_operator="{operator.password}";',
        "listener.name.controller.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.controller.plain.sasl.jaas.config": f"{plain} {broker};",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found": "false",
        "super.users": "User:operator;User:broker",
        "auto.create.topics.enable": "false",
        "group.initial.rebalance.delay.ms": "0",
        "offsets.topic.num.partitions": "4",
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
    }
    return {"KAFKA_" + name.upper().replace("-", "___").replace(".", "_"): value for name, value in settings.items()}


def _wait(container: "DockerContainer", ready: Callable[[], bool], patience: float = 90) -> None:
    deadline = time.monotonic() + patience
    while not ready():
        if time.monotonic() > deadline or container.status == "exited":
            out, err = container.get_logs()
            raise StartError(f"{container.image} is not ready. Its log:\n{(out + err).decode(errors='replace')}")
        time.sleep(0.2)
        container.reload()
