"""How much of the broker one organisation may use, so that one organisation's flood does not slow the others.

Bytes per second and the share of request time count for all connections of one user together. The broker slows down a
user that exceeds them; nothing is lost (Kafka documentation, "Quotas"). confluent-kafka's AdminClient 2.16 cannot set
quotas and aiokafka 0.14 can only read them, so this module writes the request itself (protocol: AlterClientQuotas).
"""

from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import for_code
from aiokafka.protocol.admin import DescribeClientQuotasRequest
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Float64, Int16, Int32, Schema, String

from deploy.cluster.login import Login

MIB = 1024 * 1024
TENANT = {"producer_byte_rate": 1.0 * MIB, "consumer_byte_rate": 4.0 * MIB, "request_percentage": 25.0}
"""Limits of each tenant's user. A referral has about 2 kB, so this allows 500 a second; the agencies of a whole country
send a few in a minute."""

_ENTITY = Array(("entity_type", String("utf-8")), ("entity_name", String("utf-8")))
_EXACTLY = 0


class QuotaError(RuntimeError):
    """Kafka refused to set or to return a quota."""


class _Response(Response):  # type: ignore[misc]
    API_KEY = 49
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("entries", Array(("error_code", Int16), ("error_message", String("utf-8")), ("entity", _ENTITY))),
    )


class _RequestV0(RequestStruct):  # type: ignore[misc]
    API_KEY = 49
    API_VERSION = 0
    RESPONSE_TYPE = _Response
    SCHEMA = Schema(
        (
            "entries",
            Array(
                ("entity", _ENTITY),
                ("ops", Array(("key", String("utf-8")), ("value", Float64), ("remove", Boolean))),
            ),
        ),
        ("validate_only", Boolean),
    )


class _AlterClientQuotas(Request[_RequestV0]):  # type: ignore[misc]
    API_KEY = 49

    def __init__(self, user: str, limits: dict[str, float]) -> None:
        self._entry = ([("user", user)], [(key, value, False) for key, value in limits.items()])

    def build(self, request_struct_class: Any) -> Any:
        return request_struct_class([self._entry], False)


async def limit(operator: Login, user: str, limits: dict[str, float] | None = None) -> None:
    """Set the quotas of one user, by default those of `TENANT`. Raises `QuotaError` when Kafka refuses."""
    async with _Admin(operator) as admin:
        answer = await admin.send(_AlterClientQuotas(user, limits or TENANT))
    for code, why, _ in answer.entries:
        if code:
            raise QuotaError(f"Kafka refused the quota of {user}: {for_code(code).__name__} {why or ''}".strip())


async def limits_of(operator: Login, user: str) -> dict[str, float]:
    """The quotas of one user in Kafka, by Kafka's names. Raises `QuotaError` when Kafka refuses."""
    async with _Admin(operator) as admin:
        answer = await admin.send(DescribeClientQuotasRequest([("user", _EXACTLY, user)], True))
    if answer.error_code:
        raise QuotaError(f"Kafka did not return the quotas of {user}: {for_code(answer.error_code).__name__}")
    return {name: value for _, values in answer.entries or () for name, value in values}


class _Admin:
    """An administrator's connection for requests that aiokafka has no method for."""

    def __init__(self, operator: Login) -> None:
        self._admin = AIOKafkaAdminClient(**operator.aiokafka())

    async def __aenter__(self) -> "_Admin":
        await self._admin.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._admin.close()

    async def send(self, request: Any) -> Any:
        return await self._admin._send_to_controller(request)
