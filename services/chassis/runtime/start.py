"""The command line of every service: run it, or print its settings."""

import sys
from collections.abc import Callable
from typing import TypeVar

from pydantic import ValidationError

from ..settings import ChassisSettings, table
from .service import ServiceRuntime

T = TypeVar("T", bound=ChassisSettings)


def start(build: Callable[[T], ServiceRuntime], settings: type[T]) -> None:
    """Run the service that `build` wires; with ``--settings``, print the table of settings instead.

    When settings are missing or wrong, print one line for each of them and exit with status 2.
    """
    if "--settings" in sys.argv:
        sys.stdout.write(table(settings) + "\n")
        return
    try:
        values = settings()
    except ValidationError as error:
        for problem in error.errors(include_input=False, include_url=False, include_context=False):
            name = "_".join(map(str, problem["loc"])).upper()
            variable = f"{settings.model_config.get('env_prefix', '')}{name}" if name else "settings"
            sys.stderr.write(f"{variable}: {problem['msg'].removeprefix('Value error, ')}\n")
        sys.exit(2)
    build(values).run()
