"""The command line of every service: run it, or print its settings."""

import os
import sys
from collections.abc import Callable
from typing import NoReturn, TypeVar

import structlog
from pydantic import ValidationError
from pydantic_settings import SettingsError

from ..errors import SettingError
from ..setting_names import unknown
from ..settings import ChassisSettings, table
from .service import ServiceRuntime

logger = structlog.get_logger()

T = TypeVar("T", bound=ChassisSettings)


def start(build: Callable[[T], ServiceRuntime], settings: type[T]) -> None:
    """Run the service that `build` wires; with ``--settings``, print the table of settings instead.

    When settings are missing or wrong, print one line for each of them and exit with status 2. A variable
    that is no setting is a warning.
    """
    if "--settings" in sys.argv:
        sys.stdout.write(table(settings) + "\n")
        return
    try:
        service = build(_read(settings))
    except SettingError as error:
        _refuse(f"{_variable(settings, error.name)}: {error}")
    for variable, nearest in unknown(os.environ, settings.model_fields).items():
        hint = f"did you mean {nearest}?" if nearest else "--settings lists those there are"
        logger.warning("setting_unknown", field=variable, hint=f"it has no effect; {hint}")
    service.run()


def _read(settings: type[T]) -> T:
    """The settings in the environment. When some are missing or wrong, ends the process."""
    try:
        return settings()
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False, include_context=False)
        _refuse(
            *(
                f"{_variable(settings, *map(str, each['loc'][:1]))}: {each['msg'].removeprefix('Value error, ')}"
                for each in problems
            )
        )
    except SettingsError as error:  # a structured value that is no JSON; the library's text names the field only
        _refuse(str(error))


def _variable(settings: type[T], name: str = "") -> str:
    return f"{settings.model_config.get('env_prefix', '')}{name.upper()}"


def _refuse(*lines: str) -> NoReturn:
    sys.stderr.writelines(f"{line}\n" for line in lines)
    sys.exit(2)
