"""Reads a file of services: HSDS 3 as JSON, a table as CSV, or directory entries as JSON (contracts/provider.py)."""

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from contracts.agency import Admin1
from contracts.provider import Service
from contracts.words import Category, Status
from services.chassis.ingress.validation_errors import lint_raw_json, problems_of

from ..hsds import ReadService, Vocabulary, flat, nested, readings
from ..shared import vocabulary_file
from ..shared.errors import UserError


class ProviderTerms(BaseModel):
    """The provider's own terms, as in a TOML file; see `Vocabulary`. A status that maps to "" cannot be expressed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    area: Admin1 | None = None
    category: Category | None = None
    timezone: vocabulary_file.Zone = ""
    capacity: Annotated[int, Field(ge=0, le=100_000)] = 0
    areas: dict[str, Admin1] = {}
    categories: dict[str, Category] = {}
    statuses: dict[str, Status | str] = {}

    @staticmethod
    def read(path: Path) -> "ProviderTerms":
        """The terms in a file. Raises `UserError` when it is invalid."""
        return vocabulary_file.read(path, ProviderTerms, "file of terms")

    def vocabulary(self) -> Vocabulary:
        """The terms in the form that the HSDS reader expects."""
        statuses = {name.lower(): Status(each) if each in {*Status} else None for name, each in self.statuses.items()}
        return Vocabulary(
            area=self.area,
            areas=_lower(self.areas),
            categories=_lower(self.categories),
            category=self.category,
            statuses=statuses,
            timezone=self.timezone or None,
            capacity=self.capacity,
        )


def _lower(words: Mapping[str, Any]) -> dict[str, Any]:
    return {name.lower(): value for name, value in words.items()}


def read(raw: bytes, terms: ProviderTerms) -> list[ReadService]:
    """The result for each service in a file. Raises `UserError` when it is not a file of services."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"byte {error.start} of the file is not UTF-8", "save it as UTF-8") from None
    try:
        results = _document(text, terms) if text.lstrip().startswith(("{", "[")) else _table(text, terms)
    except (AttributeError, TypeError, KeyError):
        hint = "see “Service” at https://docs.openreferral.org"
        raise UserError("the services in the file do not follow HSDS", hint) from None
    if not results:
        raise UserError("there is no service in the file", "expected HSDS 3 as JSON, or a CSV with headings and rows")
    ids = [each.service.service for each in results if each.service is not None]
    if duplicate := next((id_ for id_ in ids if ids.count(id_) > 1), None):
        raise UserError(
            f"two services have the id {duplicate}", "give each its own: the second would replace the first"
        )
    return results


def _document(text: str, terms: ProviderTerms) -> list[ReadService]:
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        raise UserError(
            f"line {line} of the file is not valid JSON", getattr(error, "msg", "nested too deeply")
        ) from None
    entries = whole if isinstance(whole, list) else [whole]
    if all(isinstance(each, dict) and "service" in each and "capacity" in each for each in entries):
        return [_entry(each) for each in entries]
    return [_with_capacity_note(each, terms) for each in readings(nested(whole), terms.vocabulary())]


def _entry(document: dict[str, Any]) -> ReadService:
    """A directory entry in our own format."""
    raw = json.dumps(document).encode()
    if problems := lint_raw_json(raw, Service):
        return ReadService("", None, tuple(f"{each.field}: {each.fix}" for each in problems))
    try:
        return ReadService("", Service.read(raw))
    except ValidationError as error:
        return ReadService("", None, tuple(f"{each.field}: {each.fix}" for each in problems_of(error, Service)))


def _table(text: str, terms: ProviderTerms) -> list[ReadService]:
    head = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter="\t" if "\t" in head else max(",;", key=head.count))
    try:
        headings, rows = next(reader, []), list(reader)
    except csv.Error as error:
        raise UserError(f"line {reader.line_num} of the table cannot be read", str(error)) from None
    known = [each.strip() for each in headings]
    cells: list[dict[str | None, str]] = [
        {**dict(zip(known, row, strict=False)), None: "".join(row[len(known) :])} for row in rows if any(row)
    ]
    return [_with_capacity_note(each, terms) for each in readings(flat(cells), terms.vocabulary())]


def _with_capacity_note(result: ReadService, terms: ProviderTerms) -> ReadService:
    """The result with a note when the number of places is missing: without it the service gets no offers."""
    if result.service is None or result.service.capacity or terms.capacity:
        return result
    note = "no capacity: it counts as full until you set it with `referrals capacity`"
    return replace(result, notes=(*result.notes, note))
