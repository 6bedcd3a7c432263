"""From a row of a sheet to the object it means: which column is which field, and what its words mean.

Without a map each heading is a path itself. A map is TOML:

    ignore = ["Entered by"]                  # columns that are not sent
    dates = "%d.%m.%Y"                       # how dates are written, if not 1988-02-29
    timezone = "Europe/Warsaw"               # of times that have none

    [columns]                                # heading = path
    "Case no." = "reference"
    "Languages" = "person.languages"         # a list: parted by ; , or |

    [values."person.sex"]                    # what the sheet's words mean; capital or small is the same
    F = "female"

    [constants]                              # what the sheet does not say, since it is always so
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
from .schema import Kind, alternatives, close_to, kind_of

_LONGEST = 30
"""A list has no more than this in any contract; ``needs.999999999.need`` shall cost no memory."""


class Columns(BaseModel):
    """A map, as it stands in its file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ignore: list[str] = []
    dates: str = ""
    timezone: vocabulary_file.Zone = ""
    columns: dict[str, str] = {}
    values: dict[str, dict[str, str]] = {}
    constants: dict[str, str] = {}

    @staticmethod
    def read(path: Path) -> "Columns":
        """`UserError` where it is no map."""
        return vocabulary_file.read(path, Columns, "map")

    def paths(self, headings: Sequence[str], model: type[Message]) -> list[str]:
        """The path of each column, empty where it is not sent. `UserError` names the heading that leads nowhere."""
        for name in [*self.columns, *self.ignore]:
            if name not in headings:
                raise UserError(f"the map has a column {name!r}", f"the sheet has none: {', '.join(headings)}")
        found = ["" if each in self.ignore else self.columns.get(each, each) for each in headings]
        for heading, path in [*zip(headings, found, strict=True), *((f"[constants] {x}", x) for x in self.constants)]:
            if path and (kind_of(model, path) is None or _far(path)):
                near = close_to(model, path)
                hint = f"is {near} meant? " if near else ""
                raise UserError(f"column {heading!r}: there is no field {path}", f"{hint}map it to one, or ignore it")
        said = [path for path in [*found, *self.constants] if path]
        if twice := next((path for path in said if said.count(path) > 1), None):
            raise UserError(f"two columns are {twice}", "map or ignore one of them; a constant counts as one")
        return found

    def row(self, cells: Sequence[str], paths: Sequence[str], model: type[Message]) -> dict[str, Any]:
        """The object of one row. An empty cell says nothing."""
        whole: dict[str, Any] = {}
        for path, cell in [*self.constants.items(), *zip(paths, cells, strict=False)]:
            if path and cell.strip():
                _put(whole, path.split("."), self._value(path, cell.strip(), model))
        made: dict[str, Any] = _lists(whole)
        return made

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
        return words.get(cell.lower(), cell)

    def _date(self, cell: str) -> str:
        """As ISO has it; as it stands, for the contract to judge, where it is not written as `dates` says."""
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


def _far(path: str) -> bool:
    return any(part.isdigit() and int(part) >= _LONGEST for part in path.split("."))


def _put(whole: dict[str, Any], parts: Sequence[str], value: Any) -> None:
    for part in parts[:-1]:
        whole = whole.setdefault(part, {})
    whole[parts[-1]] = value


def _lists(node: Any) -> Any:
    """With objects that have numbers for names as lists. What is missing before the last is empty, and will be said."""
    if not isinstance(node, Mapping):
        return node
    made = {name: _lists(inner) for name, inner in node.items()}
    if made and all(name.isdigit() for name in made):
        numbered = {int(name): inner for name, inner in made.items()}
        return [numbered.get(number, {}) for number in range(max(numbered) + 1)]
    return made
