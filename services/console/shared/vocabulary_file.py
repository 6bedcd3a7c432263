"""TOML files in which an organisation explains its own terms."""

import tomllib
from pathlib import Path
from typing import Annotated, TypeVar
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ValidationError

from services.chassis.ingress.validation_errors import problems_of

from .errors import UserError

M = TypeVar("M", bound=BaseModel)


def _zone(name: str) -> str:
    if name and name not in available_timezones():
        raise ValueError("must be a time zone's IANA name, such as Europe/Warsaw")
    return name


Zone = Annotated[str, AfterValidator(_zone)]
"""A time zone's IANA name; empty when none is given."""


def read(path: Path, model: type[M], what: str) -> M:
    """The content of the file as a `model`. `what` is the file's name in error messages, such as "map".

    Raises `UserError` when the file cannot be read, is not TOML, or does not fit the model.
    """
    try:
        return model.model_validate(tomllib.loads(path.read_text()))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise UserError(f"the {what} {path} cannot be read", reason) from None
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"the {what} {path} is not TOML", str(error)) from None
    except ValidationError as error:
        fixes = "; ".join(f"{each.field} {each.fix}" for each in problems_of(error, model))
        raise UserError(f"the {what} {path} cannot be used", fixes) from None
