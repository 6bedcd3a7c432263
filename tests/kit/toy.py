"""The counter as a process of its own, with its inbox and one more input: ``python -m tests.kit.toy``."""

from services.chassis.service import Service
from services.chassis.settings import ChassisSettings
from services.chassis.start import start
from tests.kit import counter


def build(settings: ChassisSettings) -> Service:
    service = Service(counter.SERVICE, settings)
    service.loop(counter.CounterPolicy(), [counter.OTHER], outside=counter.Seats(service.claims, "s1", "s2"))
    return service


if __name__ == "__main__":
    start(build, ChassisSettings)
