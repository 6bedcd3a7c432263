"""The four services as processes of this machine, beside a running stack.

    with LocalStack() as stack:
        create(stack.addresses.kafka, internal_topics())            # deploy.cluster.topics
        with start_services(stack.addresses, stack.data) as services:
            services.url("intake")                                  # "http://127.0.0.1:20125", /health and /metrics
            services.kill("matching")                               # SIGKILL, as in a crash
            services.restart("matching")                            # on the same port; returns when it is ready
            services["outcomes"].freeze()                           # see process.py

Logs are <data>/<name>.log, as JSON lines. Settings are environment variables (services/chassis/settings.py).
"""

import http.client
import json
import secrets
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from contracts.topics import SERVICES
from deploy.local.mongo import grant
from deploy.local.process import LOCALHOST, Process, free_port
from deploy.local.stack import Addresses
from deploy.secrets.keys import environment

_ROOT = Path(__file__).parents[2]


class ServiceProcess(Process):
    """One instance of a service. It is ready when /health/ready answers with status 200."""

    def __init__(self, name: str, data: Path, env: Mapping[str, str]) -> None:
        self.port = free_port()
        own = {"REFERRALS_HOST": LOCALHOST, "REFERRALS_PORT": str(self.port), "PYTHONPATH": str(_ROOT)}
        command = [sys.executable, "-m", f"services.{name}"]
        super().__init__(name, command, data / f"{name}.log", self._is_ready, {**env, **own})

    @property
    def url(self) -> str:
        """Base URL of its /health and /metrics, without a slash at the end."""
        return f"http://{LOCALHOST}:{self.port}"

    def _is_ready(self) -> bool:
        connection = http.client.HTTPConnection(LOCALHOST, self.port, timeout=2)
        try:
            connection.request("GET", "/health/ready")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


class Services(Mapping[str, ServiceProcess]):
    """All services by name. Leaving the `with` block stops them."""

    def __init__(self, services: Mapping[str, ServiceProcess]) -> None:
        self._services = dict(services)

    def kill(self, name: str) -> None:
        """SIGKILL, as in a crash."""
        self[name].kill()

    def restart(self, name: str) -> None:
        """Kill the service if it is running, start it again and wait until it is ready. Raises `StartError`."""
        self[name].restart()

    def url(self, name: str) -> str:
        """Base URL of the service's /health and /metrics."""
        return self[name].url

    def stop(self) -> None:
        """Stop all services in good order, at the same time."""
        for service in self.values():
            service.terminate()
        for service in self.values():
            service.stop()

    def __getitem__(self, name: str) -> ServiceProcess:
        return self._services[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._services)

    def __len__(self) -> int:
        return len(self._services)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start_services(
    addresses: Addresses,
    data: Path,
    extra_env: Mapping[str, str] | None = None,
    names: tuple[str, ...] = SERVICES,
) -> Services:
    """Start these services at the same time and wait until each is ready. The internal topics must exist.

    `data` is the folder for their logs and secrets; `extra_env` are more settings for all of them (``REFERRALS_…``).
    When a service does not start, all are killed and `StartError` is raised with the end of its log.
    """
    services = Services(
        {name: ServiceProcess(name, data, settings_of(name, addresses, data, extra_env)) for name in names}
    )
    try:
        for service in services.values():
            service.spawn()
        for service in services.values():
            service.wait_ready()
    except BaseException:
        for service in services.values():
            service.kill()
        raise
    return services


def settings_of(
    name: str, addresses: Addresses, data: Path, extra_env: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The environment for all instances of a service: its keys, its servers and, with access control, its logins.

    Each call changes the password of the service's MongoDB user, so call it once for all instances.
    """
    common = {"REFERRALS_KAFKA": json.dumps([addresses.kafka]), "REFERRALS_MONGO": addresses.mongo}
    extra = dict(extra_env or {})
    logins = _logins(addresses, name, extra.get("REFERRALS_DATABASE", "referrals"))
    return environment(data / "keys", name) | common | logins | extra


def _logins(addresses: Addresses, name: str, prefix: str) -> dict[str, str]:
    """The settings of a service's own Kafka and MongoDB users; none without access control."""
    if not addresses.operator.user:
        return {}
    login = addresses.login(name)
    return {
        "REFERRALS_KAFKA_USER": login.user,
        "REFERRALS_KAFKA_PASSWORD": login.password,
        "REFERRALS_KAFKA_CA": login.ca,
        "REFERRALS_MONGO": grant(addresses.mongo, f"{prefix}_{name}", secrets.token_hex(24)),
    }
