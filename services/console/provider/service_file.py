"""A file of services: HSDS 3 as JSON, a table as CSV, or entries as contracts/provider.py has them. Pure."""

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


class Words(BaseModel):
    """The provider's own terms, as they stand in a TOML file; see `Vocabulary`. A status that means "" has no word."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    area: Admin1 | None = None
    category: Category | None = None
    timezone: vocabulary_file.Zone = ""
    capacity: Annotated[int, Field(ge=0, le=100_000)] = 0
    areas: dict[str, Admin1] = {}
    categories: dict[str, Category] = {}
    statuses: dict[str, Status | str] = {}

    @staticmethod
    def read(path: Path) -> "Words":
        """`UserError` where it is none."""
        return vocabulary_file.read(path, Words, "file of words")

    def vocabulary(self) -> Vocabulary:
        """For the reader of HSDS."""
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


def read(raw: bytes, words: Words) -> list[ReadService]:
    """What becomes of each service in a file. `UserError` where it is no file of services."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"byte {error.start} of the file is not UTF-8", "save it as UTF-8") from None
    try:
        found = _document(text, words) if text.lstrip().startswith(("{", "[")) else _table(text, words)
    except (AttributeError, TypeError, KeyError):
        raise UserError(
            "the file is not as HSDS has services", "see https://docs.openreferral.org, “Service”"
        ) from None
    if not found:
        raise UserError("there is no service in the file", "expected HSDS 3 as JSON, or a CSV with headings and rows")
    stated = [each for each in found if each.service is not None]
    names = [each.service.service for each in stated if each.service is not None]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UserError(f"two services have the id {twice}", "of two under one key the second would replace the first")
    return found


def _document(text: str, words: Words) -> list[ReadService]:
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        raise UserError(f"the file is not JSON: line {line}", getattr(error, "msg", "nested too deeply")) from None
    entries = whole if isinstance(whole, list) else [whole]
    if all(isinstance(each, dict) and "service" in each and "capacity" in each for each in entries):
        return [_entry(each) for each in entries]
    return [_placed(each, words) for each in readings(nested(whole), words.vocabulary())]


def _entry(stated: dict[str, Any]) -> ReadService:
    """As the contract has it."""
    raw = json.dumps(stated).encode()
    if found := lint_raw_json(raw, Service):
        return ReadService("", None, tuple(f"{each.field}: {each.fix}" for each in found))
    try:
        return ReadService("", Service.read(raw))
    except ValidationError as error:
        return ReadService("", None, tuple(f"{each.field}: {each.fix}" for each in problems_of(error)))


def _table(text: str, words: Words) -> list[ReadService]:
    head = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter="\t" if "\t" in head else max(",;", key=head.count))
    try:
        headings, rows = next(reader, []), list(reader)
    except csv.Error as error:
        raise UserError(f"line {reader.line_num} of the table can not be read", str(error)) from None
    known = [each.strip() for each in headings]
    said: list[dict[str | None, str]] = [
        {**dict(zip(known, row, strict=False)), None: "".join(row[len(known) :])} for row in rows if any(row)
    ]
    return [_placed(each, words) for each in readings(flat(said), words.vocabulary())]


def _placed(found: ReadService, words: Words) -> ReadService:
    """Without a number of places nobody can be sent: said rather than guessed."""
    if found.service is None or found.service.capacity or words.capacity:
        return found
    return replace(found, notes=(*found.notes, "no capacity: taken as full, until `referrals capacity` says otherwise"))
