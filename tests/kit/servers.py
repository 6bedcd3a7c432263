"""A Kafka and a MongoDB for the tests, from wherever the environment variable STACK says.

STACK=local                                     processes on this machine, no Docker (the default)
STACK=containers                                Testcontainers, with the official images
STACK=kafka=host:9092,mongo=mongodb://host/…    servers that are there already
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from deploy.local.kafka import serves
from deploy.local.mongo import REPLICA_SET, initiate
from deploy.local.process import StartFailed, free_port, run
from deploy.local.stack import Addresses, LocalStack

if TYPE_CHECKING:
    from testcontainers.core.container import DockerContainer

KAFKA_IMAGE = "apache/kafka:4.3.1"
MONGO_IMAGE = "mongo:8.0"


@contextmanager
def servers() -> Iterator[Addresses]:
    """Start what STACK asks for and stop it afterwards; servers that were there are left alone."""
    wanted = os.environ.get("STACK") or "local"
    if wanted == "local":
        with LocalStack() as stack:
            yield stack.addresses
    elif wanted == "containers":
        with _containers() as addresses:
            yield addresses
    elif wanted.startswith("kafka=") and ",mongo=" in wanted:
        kafka, _, mongo = wanted.removeprefix("kafka=").partition(",mongo=")
        yield Addresses(kafka, mongo)
    else:
        raise ValueError(f"STACK is {wanted!r}; it can be local, containers or kafka=host:port,mongo=uri")


@contextmanager
def _containers() -> Iterator[Addresses]:
    from testcontainers.core.container import DockerContainer  # slow to import, and needs an engine
    from testcontainers.core.docker_client import DockerClient

    host = DockerClient().host()
    port = free_port()  # chosen before the start, because Kafka has to be told its address as seen from here
    mongo = DockerContainer(MONGO_IMAGE).with_command(f"--replSet {REPLICA_SET}").with_exposed_ports(27017)
    kafka = DockerContainer(KAFKA_IMAGE).with_bind_ports(9092, port)
    with ExitStack() as running:
        running.enter_context(mongo)
        running.enter_context(kafka.with_envs(**_kafka_settings(f"{host}:{port}")))
        mongo_port = int(mongo.get_exposed_port(27017))
        _wait(mongo, lambda: initiate(host, mongo_port, member="localhost:27017"))
        _wait(kafka, lambda: run(serves(host, port)))
        yield Addresses(
            kafka=f"{host}:{port}",
            mongo=f"mongodb://{host}:{mongo_port}/?replicaSet={REPLICA_SET}&directConnection=true",
        )


def _kafka_settings(address: str) -> dict[str, str]:
    # One variable switches the image's own defaults off: so these are all it needs.
    settings = {
        "node.id": "1",
        "process.roles": "broker,controller",
        "listeners": "CLIENTS://0.0.0.0:9092,CONTROLLER://localhost:9093",
        "advertised.listeners": f"CLIENTS://{address}",
        "listener.security.protocol.map": "CLIENTS:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "controller.quorum.voters": "1@localhost:9093",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "CLIENTS",
        "auto.create.topics.enable": "false",
        "group.initial.rebalance.delay.ms": "0",
        "offsets.topic.num.partitions": "4",
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
    }
    return {"KAFKA_" + name.upper().replace(".", "_"): value for name, value in settings.items()}


def _wait(container: "DockerContainer", ready: Callable[[], bool], patience: float = 90) -> None:
    deadline = time.monotonic() + patience
    while not ready():
        if time.monotonic() > deadline or container.status == "exited":
            out, err = container.get_logs()
            raise StartFailed(f"{container.image} is not ready. Its log:\n{(out + err).decode(errors='replace')}")
        time.sleep(0.2)
        container.reload()
