"""From a row of a sheet to a JSON object: which column is which field, and what the sheet's words mean.

Without a map each heading must be the path of a field. A map is a TOML file:

    ignore = ["Entered by"]                  # columns that are not sent
    dates = "%d.%m.%Y"                       # format of dates, if not 1988-02-29
    timezone = "Europe/Warsaw"               # for times without a time zone

    [columns]                                # heading = path
    "Case no." = "reference"
    "Languages" = "person.languages"         # a list, separated by ; , or |

    [values."person.sex"]                    # what the sheet's words mean, ignoring case
    F = "female"

    [constants]                              # fields that the sheet lacks because they are always the same
    referrer = "organisation"
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict

from contracts.base import Message

from ...shared import vocabulary_file
from ...shared.errors import UserError
from .schema import Kind, alternatives, close_to, kind_of, typed

_LONGEST = 30
"""No list in the contracts is longer. The limit keeps a path such as ``needs.999999999.need`` from using memory."""


class Columns(BaseModel):
    """A map of columns, as in its file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ignore: list[str] = []
    dates: str = ""
    timezone: vocabulary_file.Zone = ""
    columns: dict[str, str] = {}
    values: dict[str, dict[str, str]] = {}
    constants: dict[str, str] = {}

    @staticmethod
    def read(path: Path) -> "Columns":
        """The map in a file. Raises `UserError` when it is invalid."""
        return vocabulary_file.read(path, Columns, "map")

    def paths(self, headings: Sequence[str], model: type[Message]) -> list[str]:
        """The field path of each column, empty for ignored ones. Raises `UserError` for a heading without a field."""
        for name in [*self.columns, *self.ignore]:
            if name not in headings:
                raise UserError(f"the map names a column {name!r}", f"the sheet has only {', '.join(headings)}")
        paths = ["" if each in self.ignore else self.columns.get(each, each) for each in headings]
        for heading, path in [*zip(headings, paths, strict=True), *((f"[constants] {x}", x) for x in self.constants)]:
            if path and (kind_of(model, path) is None or _is_beyond_any_list(path)):
                similar = close_to(model, path)
                hint = f"did you mean {similar}? " if similar else ""
                raise UserError(
                    f"column {heading!r}: there is no field {path}", f"{hint}map it to a field, or ignore it"
                )
        used = [path for path in [*paths, *self.constants] if path]
        if duplicate := next((path for path in used if used.count(path) > 1), None):
            raise UserError(f"two columns are {duplicate}", "map or ignore one of them; a constant counts as a column")
        return paths

    def row(self, cells: Sequence[str], paths: Sequence[str], model: type[Message]) -> dict[str, Any]:
        """The object of one row. Empty cells are left out."""
        whole: dict[str, Any] = {}
        for path, cell in [*self.constants.items(), *zip(paths, cells, strict=False)]:
            if path and cell.strip():
                _put(whole, path.split("."), self._value(path, cell.strip(), model))
        with_lists: dict[str, Any] = _lists(whole)
        return with_lists

    def _value(self, path: str, cell: str, model: type[Message]) -> Any:
        words = {name.lower(): value for name, value in self.values.get(path, {}).items()}
        match kind_of(model, path):
            case Kind.LIST:
                whole = words.get(cell.lower(), cell)
                if whole in alternatives(model, path):
                    return whole
                return [words.get(each.lower(), each) for each in re.split(r"\s*[;,|]\s*", whole) if each]
            case Kind.DATE:
                return self._date(cell)
            case Kind.TIME:
                return self._time(cell)
        return typed(model, path, words.get(cell.lower(), cell))

    def _date(self, cell: str) -> str:
        """The date in ISO format. Unchanged when it does not fit `dates`, so that validation reports it."""
        try:
            return datetime.strptime(cell, self.dates).date().isoformat() if self.dates else cell
        except ValueError:
            return cell

    def _time(self, cell: str) -> str:
        try:
            time = datetime.fromisoformat(cell)
        except ValueError:
            return cell
        return time.replace(tzinfo=ZoneInfo(self.timezone)).isoformat() if self.timezone and not time.tzinfo else cell


def _is_beyond_any_list(path: str) -> bool:
    return any(part.isdigit() and int(part) >= _LONGEST for part in path.split("."))


def _put(whole: dict[str, Any], parts: Sequence[str], value: Any) -> None:
    for part in parts[:-1]:
        whole = whole.setdefault(part, {})
    whole[parts[-1]] = value


def _lists(node: Any) -> Any:
    """The same, with objects whose names are numbers turned into lists. Gaps become {}, which validation reports."""
    if not isinstance(node, Mapping):
        return node
    converted = {name: _lists(inner) for name, inner in node.items()}
    if converted and all(name.isdigit() for name in converted):
        numbered = {int(name): inner for name, inner in converted.items()}
        return [numbered.get(number, {}) for number in range(max(numbered) + 1)]
    return converted
