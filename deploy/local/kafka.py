"""A real Apache Kafka without Docker: the official jars, one node that is both broker and controller.

    kafka = Kafka(data / "kafka")       # formats the folder; see kafka_install.py for the jars and Java
    kafka.start()                       # see process.py for kill, freeze, thaw, restart, stop
    kafka.address                       # "127.0.0.1:20123"

    kafka = Kafka(data / "kafka", AccessControl())  # deny by default; SCRAM for clients, a listener for the operator
    kafka.operator                                  # a Login (deploy/cluster/login.py)

For demo and tests: every topic has a single replica.
"""

import asyncio
import re
import secrets
import subprocess
import uuid
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from deploy.cluster.login import Login
from deploy.local.kafka_install import fetch_jars, find_java
from deploy.local.process import LOCALHOST, Process, StartError, free_port, port_is_free
from deploy.run_coroutine import run
from deploy.secrets.certificates import make_certificates

_LOGGING = Path(__file__).with_name("log4j2.properties")

_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
controller.listener.names=CONTROLLER
log.dirs={data}/log
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=16777216
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
"""
# The last two lines shorten a broker's session from 9 s: a killed broker cannot return before its old session ends.

_OPEN = """\
listeners=CLIENTS://{host}:{port},CONTROLLER://{host}:{controller_port}
listener.security.protocol.map=CLIENTS:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=CLIENTS
"""

_PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule required"
_ACCESS_CONTROL = """\
listeners=CLIENTS://{host}:{port},OPERATOR://{host}:{operator_port},CONTROLLER://{host}:{controller_port}
listener.security.protocol.map=CLIENTS:{protocol},OPERATOR:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT
inter.broker.listener.name=OPERATOR
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=false
super.users=User:operator;User:broker
sasl.mechanism.inter.broker.protocol=PLAIN
sasl.mechanism.controller.protocol=PLAIN
listener.name.clients.sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.clients.scram-sha-512.sasl.jaas.config=\
  org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.clients.scram-sha-512.connections.max.reauth.ms={reauth_ms}
listener.name.operator.sasl.enabled.mechanisms=PLAIN
listener.name.operator.plain.sasl.jaas.config={plain} \
  username="broker" password="{broker}" user_broker="{broker}" user_operator="{operator}";
listener.name.controller.sasl.enabled.mechanisms=PLAIN
listener.name.controller.plain.sasl.jaas.config={plain} \
  username="broker" password="{broker}" user_broker="{broker}";
"""
# Broker and operator do not log in by SCRAM: a 4.3.1 broker can refuse every SCRAM user after a restart.
_TLS = """\
listener.name.clients.ssl.keystore.type=PEM
listener.name.clients.ssl.keystore.location={pem}
"""


@dataclass(frozen=True)
class AccessControl:
    """Deny by default. Clients log in by SCRAM-SHA-512, the operator on a listener of its own."""

    tls: bool = False
    """Encrypt the connections of clients; the certificate to trust is `Kafka.ca`."""
    reauth_ms: int = 900_000
    """How often, in milliseconds, a live connection must log in again; a revoked one is closed within this time."""


class Kafka(Process):
    """A single-node Kafka in the folder `data`. A folder that already holds one is used again, on the same port."""

    def __init__(self, data: Path, access_control: AccessControl | None = None) -> None:
        """Prepare Kafka. Raises `StartError` when Maven, Java or the download is missing, or the port is in use."""
        java, jars = find_java(), fetch_jars()
        classpath = ["-cp", f"{jars}/*"]
        properties = data / "server.properties"
        if properties.exists():
            self.port = _port_of(properties)
            if not port_is_free(self.port):
                raise StartError(f"Port {self.port} of the Kafka in {data} is in use: is this Kafka already running?")
        else:
            self.port = _format(java, classpath, data, access_control)
        self.address = f"{LOCALHOST}:{self.port}"
        self.ca = str(data / "ca.pem") if (data / "ca.pem").exists() else ""
        """The certificate that clients must trust; empty without TLS."""
        self.operator = _operator(properties.read_text()) or Login(self.address)
        """The login that may do everything."""
        command = [
            *(java, "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),  # starts fast and uses little memory
            f"-Dlog4j2.configurationFile={_LOGGING}",
            *(*classpath, "kafka.Kafka", str(properties)),
        ]
        super().__init__("kafka", command, data.parent / "kafka.log", self._is_ready)

    def _is_ready(self) -> bool:
        return run(serves(LOCALHOST, self.port, self.operator))


def _port_of(properties: Path) -> int:
    """The port for clients in a server.properties; 0 when it has none."""
    listener = re.search(r"^listeners=CLIENTS://.*?:(\d+),", properties.read_text(), re.MULTILINE)
    return int(listener.group(1)) if listener else 0


def _operator(properties: str) -> Login | None:
    """The operator's login in a server.properties; None without access control."""
    port = re.search(r"OPERATOR://(.*?:\d+),", properties)
    password = re.search(r'user_operator="(.*?)"', properties)
    return Login(port[1], "operator", password[1], "PLAIN") if port and password else None


async def serves(host: str, port: int, login: Login | None = None) -> bool:
    """Whether the Kafka there answers an administrator's request. False, and no error, when there is none."""
    # The port opens long before the broker serves, so only an answered request proves it. The port is tried first all
    # the same: it is cheaper, and the admin client would log an error for a closed port.
    try:
        _, connection = await asyncio.open_connection(host, port)
    except OSError:
        return False
    connection.close()
    admin = AIOKafkaAdminClient(**(login or Login(f"{host}:{port}")).aiokafka(), request_timeout_ms=3000)
    try:
        await admin.start()
        return bool((await admin.describe_cluster())["brokers"])
    except (KafkaError, OSError, TimeoutError):
        return False
    finally:
        await admin.close()


def _format(java: str, classpath: list[str], data: Path, access_control: AccessControl | None) -> int:
    """Write server.properties, format the folder, and return the port for clients."""
    port, controller_port, operator_port = _distinct_ports(3)
    data.mkdir(parents=True, exist_ok=True)
    template = _PROPERTIES + (_ACCESS_CONTROL if access_control else _OPEN)
    if access_control and access_control.tls:
        template += _TLS
        make_certificates(data)
    properties = data / "server.properties.new"
    properties.touch(mode=0o600)
    properties.write_text(
        template.format(
            host=LOCALHOST,
            port=port,
            controller_port=controller_port,
            operator_port=operator_port,
            data=data.resolve(),
            protocol="SASL_SSL" if access_control and access_control.tls else "SASL_PLAINTEXT",
            reauth_ms=access_control.reauth_ms if access_control else 0,
            plain=_PLAIN,
            broker=secrets.token_urlsafe(24),
            operator=secrets.token_urlsafe(24),
            pem=data.resolve() / "server.pem",
        )
    )
    _run_storage_tool(java, classpath, data, properties)
    properties.rename(data / "server.properties")  # from now on the folder is complete
    return port


def _distinct_ports(count: int) -> set[int]:
    ports: set[int] = set()
    while len(ports) < count:
        ports.add(free_port())
    return ports


def _run_storage_tool(java: str, classpath: list[str], data: Path, properties: Path) -> None:
    cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    command = [java, "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", *classpath, "kafka.tools.StorageTool", "format"]
    command += [f"--cluster-id={cluster}", f"--config={properties}"]  # with =, since an id may begin with a dash
    # Its output can contain credentials, so only errors are kept.
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise StartError(f"Kafka could not format {data}:\n{done.stderr}")
