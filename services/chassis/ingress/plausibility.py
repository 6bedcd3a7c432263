"""Whether the times in a message are plausible, seen from when it was received; see `contracts.formats.Within`."""

from collections.abc import Iterator
from datetime import date, datetime
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel

from contracts.formats import Within
from contracts.profiles import Problem


def implausible_times(body: BaseModel, at: datetime) -> list[Problem]:
    """What is wrong with the times in a message that was received at `at`."""
    return [
        Problem(field=".".join(map(str, path)), fix=fix)
        for path, limit, value in _times(body, ())
        if (fix := limit.fix(value, at)) is not None
    ]


def _times(body: BaseModel, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], Within, date]]:
    for name, limit in _limited(type(body)):
        value = getattr(body, name)
        if isinstance(value, date) and limit is not None:
            yield (*path, name), limit, value
        elif isinstance(value, BaseModel):
            yield from _times(value, (*path, name))
        elif isinstance(value, list):
            for index, each in enumerate(value):
                if isinstance(each, BaseModel):
                    yield from _times(each, (*path, name, index))
                elif limit is not None:
                    yield (*path, name, index), limit, each


@cache
def _limited(model: type[BaseModel]) -> tuple[tuple[str, Within | None], ...]:
    """The fields of a model that have a limit, or parts with one."""
    fields = ((name, [field.annotation, *field.metadata]) for name, field in model.model_fields.items())
    marks = ((name, list(_marks(hints))) for name, hints in fields)
    return tuple(
        (name, next((each for each in marked if isinstance(each, Within)), None)) for name, marked in marks if marked
    )


def _marks(hint: Any) -> Iterator[Any]:
    """The limits within a type, and the models within it that have any."""
    if isinstance(hint, Within):
        yield hint
    elif isinstance(hint, list):
        for each in hint:
            yield from _marks(each)
    elif isinstance(hint, type) and issubclass(hint, BaseModel):
        if _limited(hint):
            yield hint
    else:
        yield from _marks([*get_args(hint), *getattr(hint, "__metadata__", ())])
