"""Starts sending traces, where the settings name a collector."""

from ..settings import ChassisSettings
from .trace_context import Tracing


def connect(service: str, settings: ChassisSettings) -> Tracing | None:
    """What `settings` say; None: no traces. Raises `ImportError` where the libraries are not installed."""
    if not settings.traces:
        return None
    from .otel_exporter import Sender  # two hundred modules that a service without traces does without

    return Sender(service, settings.instance, settings.traces, settings.traces_share)
