"""Starts sending traces if the settings name a collector."""

from ..settings import ChassisSettings
from .trace_context import Tracing


def connect(service: str, settings: ChassisSettings) -> Tracing | None:
    """The sender of traces that the settings describe; None if they name no collector.

    Raises `ImportError` when traces are wanted but OpenTelemetry is not installed.
    """
    if not settings.traces:
        return None
    from .otel_exporter import Sender  # imports two hundred modules that a service without traces does not need

    return Sender(service, settings.instance, settings.traces, settings.traces_share)
