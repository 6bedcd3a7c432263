"""TOML files in which an organisation says what its own words mean: read, or told what is wrong with them."""

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
"""A time zone's IANA name; empty where none is said."""


def read(path: Path, model: type[M], what: str) -> M:
    """The file as this model; `what` it is called where it can not be read, is no TOML or not as it has to be."""
    try:
        return model.model_validate(tomllib.loads(path.read_text()))
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise UserError(f"the {what} {path} can not be read", why) from None
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"the {what} {path} is not TOML", str(error)) from None
    except ValidationError as error:
        told = "; ".join(f"{each.field} {each.fix}" for each in problems_of(error))
        raise UserError(f"the {what} {path} can not be used", told) from None
