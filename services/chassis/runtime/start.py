"""The command line of every service: run it, or print its settings."""

import sys
from collections.abc import Callable
from typing import TypeVar

from pydantic import ValidationError

from ..settings import ChassisSettings, table
from .service import ServiceRuntime

T = TypeVar("T", bound=ChassisSettings)


def start(build: Callable[[T], ServiceRuntime], settings: type[T]) -> None:
    """Run the service that `build` wires. Exit status 2 and one line per fault when settings are missing or wrong."""
    if "--settings" in sys.argv:
        sys.stdout.write(table(settings) + "\n")
        return
    try:
        read = settings()
    except ValidationError as faults:
        for fault in faults.errors(include_input=False, include_url=False, include_context=False):
            name = "_".join(map(str, fault["loc"])).upper()
            variable = f"{settings.model_config.get('env_prefix', '')}{name}" if name else "settings"
            sys.stderr.write(f"{variable}: {fault['msg'].removeprefix('Value error, ')}\n")
        sys.exit(2)
    build(read).run()
