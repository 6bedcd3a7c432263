"""Reads a file of referrals (JSON, JSON lines or CSV): each row is either valid, or has faults.

A fault names the row, its column or field, and what to do. It never contains the content of the row.
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from contracts.agency import Submitted
from contracts.base import Input
from contracts.household_rules import birth_date_error, needs_caregiver
from contracts.profiles import Problem
from contracts.zones import latest_day, local_day
from services.chassis.ingress.validation_errors import lint_raw_json, problems_of

from ...shared.errors import UserError
from .columns import Columns

_LARGEST = 262_144
"""Bytes of one event; intake's gate refuses larger ones."""
_LARGEST_CELL = 131_072

M = TypeVar("M", bound=Input)


class Form(StrEnum):
    """The format of a file; ``auto`` detects it from the beginning."""

    AUTO = "auto"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"


@dataclass(frozen=True)
class Fault:
    """An error in a row. `column` is the heading in the sheet; empty without a sheet or without such a column."""

    row: str
    column: str
    field: str
    fix: str

    def cells(self) -> tuple[object, ...]:
        """The fault as a row under `COLUMNS`."""
        return tuple(asdict(self).values())


COLUMNS = ("ROW", "COLUMN", "FIELD", "WHAT TO DO")


@dataclass(frozen=True)
class ImportRow(Generic[M]):
    """One row: its content when it is valid, otherwise its faults."""

    where: str
    body: M | None
    faults: tuple[Fault, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    """Headings of a sheet by field path."""


def rows(
    raw: bytes, model: type[M], form: Form, columns: Columns, now: datetime, agency: str = ""
) -> list[ImportRow[M]]:
    """Every row of a file. Raises `UserError` when the file cannot be read as rows at all.

    `agency`, if known, is the only agency whose referrals the file may contain.
    """
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        hint = "save it as UTF-8 (in a spreadsheet program: “CSV UTF-8”)"
        raise UserError(f"byte {error.start} of the file is not UTF-8", hint) from None
    form = _form(text) if form is Form.AUTO else form
    parsed = _sheet(text, model, columns) if form is Form.CSV else _documents(text, model, form)
    checked = [_checked(each, now, agency) for each in parsed]
    if not checked:
        raise UserError("the file is empty", "expected JSON, JSON lines, or CSV with headings and rows")
    return _refuse_duplicates(checked)


def _form(text: str) -> Form:
    start = text.lstrip()
    if not start.startswith(("{", "[")):
        return Form.CSV
    if start.startswith("["):
        return Form.JSON
    try:
        end = json.JSONDecoder().raw_decode(start)[1]
    except (ValueError, RecursionError):
        return Form.JSONL if "\n{" in start else Form.JSON
    return Form.JSON if not start[end:].strip() else Form.JSONL


def _documents(text: str, model: type[M], form: Form) -> Iterator[ImportRow[M]]:
    if form is Form.JSONL:
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                yield _document(f"line {number}", line, model)
        return
    start = text.strip()
    if not start.startswith("["):
        yield _document("1", start, model)
        return
    for number, part in enumerate(_elements(start), 1):
        yield _document(str(number), part, model)


def _elements(text: str) -> Iterator[str]:
    """The text of each element of a list. Parsing the whole list would hide a name that is given twice."""
    decoder, at = json.JSONDecoder(), 1
    while True:
        at = _past(text, at, " \t\r\n")
        if text[at : at + 1] == "]" and not text[at + 1 :].strip():
            return
        try:
            _, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            line = text.count("\n", 0, getattr(error, "pos", at)) + 1
            raise UserError(
                f"line {line} of the file is not valid JSON", getattr(error, "msg", "nested too deeply")
            ) from None
        yield text[at:end]
        at = _past(text, end, " \t\r\n")
        if text[at : at + 1] not in (",", "]"):
            line = text.count("\n", 0, at) + 1
            raise UserError(f"line {line} of the file is not valid JSON", "expected a comma or ]")
        at += text[at] == ","


def _past(text: str, at: int, what: str) -> int:
    while at < len(text) and text[at] in what:
        at += 1
    return at


def _document(where: str, text: str, model: type[M]) -> ImportRow[M]:
    raw = text.encode(errors="surrogatepass")
    if problems := lint_raw_json(raw, model):
        return ImportRow(where, None, tuple(_faults(where, problems)))
    try:
        return ImportRow(where, model.read(raw))
    except ValidationError as error:
        return ImportRow(where, None, tuple(_faults(where, problems_of(error, model))))


def _sheet(text: str, model: type[M], columns: Columns) -> Iterator[ImportRow[M]]:
    head = text.partition("\n")[0]
    csv.field_size_limit(_LARGEST_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=head.count), strict=True)
    try:
        headings = [each.strip() for each in next(reader, [])]
        if duplicate := next((each for each in headings if each and headings.count(each) > 1), None):
            raise UserError(f"the sheet has two columns {duplicate!r}", "give each column its own heading")
        while headings and not headings[-1]:
            headings.pop()
        paths = columns.paths(headings, model)
        headings_by_path = {path: heading for heading, path in zip(headings, paths, strict=True) if path}
        for number, cells in enumerate(reader, 2):
            if any(cell.strip() for cell in cells):
                yield _cells(f"row {number}", cells, paths, headings_by_path, columns, model)
    except csv.Error as error:
        raise UserError(f"line {reader.line_num} of the sheet cannot be read", str(error)) from None


def _cells(
    where: str,
    cells: Sequence[str],
    paths: Sequence[str],
    headings: dict[str, str],
    columns: Columns,
    model: type[M],
) -> ImportRow[M]:
    if any(cell.strip() for cell in cells[len(paths) :]):
        fix = "has more cells than there are headings: put quotes around cells that contain the separator"
        return ImportRow(where, None, (Fault(where, "", "", fix),))
    whole = columns.row(cells, paths, model)
    raw = json.dumps(whole).encode()
    try:
        if problems := lint_raw_json(raw, model):
            return ImportRow(where, None, tuple(_faults(where, problems, headings)))
        return ImportRow(where, model.read(json.dumps(whole)), columns=headings)
    except ValidationError as error:
        return ImportRow(where, None, tuple(_faults(where, problems_of(error, model), headings)))


def _faults(where: str, problems: Sequence[Problem], headings: Mapping[str, str] | None = None) -> Iterator[Fault]:
    for each in problems:
        yield Fault(where, _heading(each.field, headings or {}), each.field, each.fix)


def _heading(field: str, headings: Mapping[str, str]) -> str:
    """The column of a field: its own, that of the list it is in, or the only column of the fields within it."""
    parts = field.split(".")
    for count in range(len(parts), 0, -1):
        if heading := headings.get(".".join(parts[:count])):
            return heading
    inner = [heading for path, heading in headings.items() if path.startswith(f"{field}.")]
    return inner[0] if len(inner) == 1 else ""


def _checked(row: ImportRow[M], now: datetime, agency: str) -> ImportRow[M]:
    """The row with what intake's gate would refuse beyond the schema."""
    body = row.body
    if body is None:
        return row
    problems = []
    claimed = getattr(body, "agency", None)
    if agency and claimed not in (None, agency):
        problems.append(Problem(field="agency", fix=f"must be your own id ({agency}) or be left out"))
    if isinstance(body, Submitted):
        problems += list(_ages(body, now))
    if len(body.model_dump_json(exclude_unset=True).encode()) > _LARGEST:
        problems.append(Problem(field="body", fix="is larger than 256 KiB: shorten the notes or send fewer needs"))
    return replace(row, body=None if problems else body, faults=tuple(_faults(row.where, problems, row.columns)))


def _ages(body: Submitted, now: datetime) -> Iterator[Problem]:
    """What intake's gate would refuse, which needs to know the day where the person is."""
    today, latest = local_day(body.location.admin1, now), latest_day(body.location.admin1, now)
    birth_dates = {f"household.{number}.birth_date": each.birth_date for number, each in enumerate(body.household)}
    birth_dates["person.birth_date"] = body.person.birth_date
    errors = {field: birth_date_error(day, latest) for field, day in birth_dates.items()}
    yield from (Problem(field=field, fix=error) for field, error in errors.items() if error)
    if not any(errors.values()) and needs_caregiver(body.person.band_on(today)) and body.person.caregiver is None:
        yield Problem(field="person.caregiver", fix="is needed under 18, also for an unaccompanied child")


def _refuse_duplicates(checked: list[ImportRow[M]]) -> list[ImportRow[M]]:
    """The rows, with a fault in each that repeats a reference: it would be the same referral and be lost."""
    seen: dict[Any, str] = {}
    unique: list[ImportRow[M]] = []
    for row in checked:
        reference = getattr(row.body, "reference", None)
        if row.body is not None and reference in seen:
            fix = f"{seen[reference]} has the same reference: give each referral its own"
            row = replace(
                row, body=None, faults=(Fault(row.where, row.columns.get("reference", ""), "reference", fix),)
            )
        seen.setdefault(reference, row.where)
        unique.append(row)
    return unique
