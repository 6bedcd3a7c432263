"""Settings that all services share, from environment variables ``REFERRALS_…``."""

import ssl
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field
from pydantic_core import to_json
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from .clock import EPOCH, Clock
from .encryption import Base64Key, SecretText
from .setting_names import servers


def _readable(path: str) -> str:
    """Raises `ValueError` when a file is given that cannot be used as a certificate authority."""
    if path:
        try:
            ssl.create_default_context(cafile=path)
        except OSError as error:  # `SSLError` is one
            raise ValueError(f"this PEM file cannot be used ({error.strerror or type(error).__name__})") from None
    return path


class ChassisSettings(BaseSettings):
    """What every service needs to run. Times are in seconds unless the name says otherwise."""

    model_config = SettingsConfigDict(env_prefix="REFERRALS_", extra="ignore", hide_input_in_errors=True)

    kafka: Annotated[
        list[str],
        NoDecode,
        BeforeValidator(servers),
        Field(min_length=1, description="bootstrap servers: host:port, separated by commas, or a JSON list of them"),
    ] = ["127.0.0.1:9092"]
    kafka_user: Annotated[str, Field(description="user name for Kafka; empty: the server has no logins")] = ""
    kafka_password: Annotated[SecretText, Field(description="password of kafka_user, or @file", repr=False)] = ""
    kafka_mechanism: Annotated[
        Literal["SCRAM-SHA-512", "PLAIN"], Field(description="SASL mechanism: SCRAM-SHA-512 or PLAIN")
    ] = "SCRAM-SHA-512"
    kafka_ca: Annotated[
        str,
        AfterValidator(_readable),
        Field(description="PEM file of the authority that signed Kafka's certificate; empty: no TLS"),
    ] = ""
    mongo: Annotated[
        SecretText,
        Field(description="MongoDB connection string, of a replica set, or @file", repr=False),
    ] = "mongodb://127.0.0.1:27017"
    database: Annotated[str, Field(description="prefix of the database names; each service has its own")] = "referrals"
    operator_key: Annotated[
        Base64Key,
        Field(description="the operators' raw X25519 public key, base64 or @file; dead letters are sealed to it"),
    ]
    operator_token: Annotated[
        SecretText,
        Field(
            pattern=r"^$|^[!-~]{16,200}$",
            description="bearer token for the read-only queries beside /health, or @file; empty: they are not served",
        ),
    ] = ""
    registry_required: Annotated[
        bool, Field(description="refuse organisations that are not registered in referrals.tenants")
    ] = False
    instance: Annotated[str, Field(description="stable name of this instance in its consumer groups")] = "0"
    host: Annotated[str, Field(description="address on which /health and /metrics are served")] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535, description="port on which /health and /metrics are served")] = 8080
    traces: Annotated[
        str,
        Field(
            pattern=r"^$|^https?://",
            description="where traces are sent, OTLP over HTTP, such as http://jaeger:4318; empty: no traces",
        ),
    ] = ""
    traces_share: Annotated[
        float, Field(ge=0, le=1, description="share of referrals that are traced; must be the same in all services")
    ] = 1.0
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Field(description="debug, info, warning or error")
    ] = "info"
    clock_origin: Annotated[AwareDatetime, Field(description="where an accelerated clock starts")] = EPOCH
    clock_speed: Annotated[float, Field(gt=0, description="how many times faster than real time the clock runs")] = 1.0
    max_records: Annotated[int, Field(gt=0, description="most records in one batch")] = 2000
    batch_timeout_ms: Annotated[int, Field(description="pause after a poll that returned nothing")] = 10
    metadata_max_age_ms: Annotated[
        int, Field(description="how often to look for new topics, such as a new tenant's")
    ] = 5000
    session_timeout_ms: Annotated[
        int, Field(description="after this long without a heartbeat, an instance loses its partitions")
    ] = 10_000
    request_timeout_ms: Annotated[int, Field(description="timeout of one request to Kafka")] = 8_000
    publish_deadline: Annotated[
        float, Field(description="longest time to publish one batch; after that, the batch is retried")
    ] = 30.0
    mongo_timeout_ms: Annotated[int, Field(description="timeout of one operation of MongoDB")] = 10_000
    cached_streams: Annotated[int, Field(description="streams whose state is kept in memory")] = 20_000
    stream_limit: Annotated[
        int, Field(description="most changes to one stream; further events go to the dead letters")
    ] = 1_000
    tick: Annotated[float, Field(description="seconds between two checks for timers that are due")] = 1.0
    crash_at: Annotated[
        str,
        Field(
            pattern=r"^([a-z]+:[0-9]+)?$",
            description="for fault tests: die (kill -9) at a crash point, such as stored:20",
        ),
    ] = ""
    graceful: Annotated[float, Field(description="longest time that a stop waits for the batch in progress")] = 15.0

    @property
    def clock(self) -> Clock:
        """The clock these settings describe."""
        return Clock(self.clock_origin, self.clock_speed)


def table(settings: type[BaseSettings]) -> str:
    """All settings of a service as text: variable, default, meaning. No values, since some of them are secrets."""
    prefix = settings.model_config.get("env_prefix", "")
    rows = [
        (
            f"{prefix}{name}".upper(),
            "(required)" if field.is_required() else _as_written(field.get_default(call_default_factory=True)),
            field.description or "",
        )
        for name, field in settings.model_fields.items()
    ]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return "\n".join(f"{name:<{widths[0]}}  {default:<{widths[1]}}  {meaning}" for name, default, meaning in rows)


def _as_written(default: Any) -> str:
    """A default as it would be written into the variable."""
    return to_json(default).decode() if isinstance(default, list | dict) else str(default)
