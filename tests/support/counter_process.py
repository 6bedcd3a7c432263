"""The counter as a service, with one input besides its inbox: ``python -m tests.support.counter_process``."""

from services.chassis.runtime.service import ServiceRuntime
from services.chassis.runtime.start import start
from services.chassis.settings import ChassisSettings
from tests.support import counter


def build(settings: ChassisSettings) -> ServiceRuntime:
    service = ServiceRuntime(counter.SERVICE, settings)
    service.loop(counter.CounterPolicy(), [counter.OTHER], context_loader=counter.Seats(service.claims, "s1", "s2"))
    return service


if __name__ == "__main__":
    start(build, ChassisSettings)
