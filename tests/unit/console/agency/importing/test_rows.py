"""A file of referrals, row by row: valid rows, and the faults of the others."""

import csv
import io
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from contracts.agency import Corrected, Submitted
from services.console.agency.importing.columns import Columns
from services.console.agency.importing.rows import Form, ImportRow, rows
from services.console.agency.importing.schema import Kind, close_to, kind_of
from services.console.shared.errors import UserError

SAMPLES = Path(__file__).parents[5] / "deploy" / "samples"
NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
PLAIN = Columns()
MAP = Columns.read(SAMPLES / "people.toml")
ONE: dict[str, Any] = {
    "reference": "R-1",
    "referrer": "peer",
    "person": {
        "case_code": "c", "age_band": "18-59", "sex": "male", "languages": ["ru"], "contact": {"may_contact": False}
    },
    "location": {"admin1": "PL-06"},
    "consent": {
        "basis": "consent", "given_at": "2026-11-24T09:00:00Z", "given_by": "person", "grants": [{"recipients": "any"}]
    },
    "needs": [{"need": "1", "category": "shelter", "urgency": "high"}],
}  # fmt: skip


def read(text: str, form: Form = Form.AUTO, columns: Columns = PLAIN, agency: str = "") -> list[ImportRow[Submitted]]:
    return rows(text.encode(), Submitted, form, columns, NOW, agency)


def sheet(**changes: str) -> str:
    """The first row of the sample, changed by heading."""
    heading, first = list(csv.reader((SAMPLES / "people.csv").open()))[:2]
    out = io.StringIO()
    csv.writer(out).writerows([heading, [changes.get(name, cell) for name, cell in zip(heading, first, strict=True)]])
    return out.getvalue()


def faults(result: list[ImportRow[Submitted]]) -> list[tuple[str, str, str]]:
    return [(each.row, each.column, each.field) for row in result for each in row.faults]


def test_the_sample_sheet_is_read() -> None:
    result = rows((SAMPLES / "people.csv").read_bytes(), Submitted, Form.AUTO, MAP, NOW)
    bodies = [row.body for row in result]
    assert None not in bodies
    assert [row.where for row in result] == [f"row {number}" for number in range(2, 8)]
    first = bodies[0]
    assert first is not None
    assert first.consent.given_at == datetime(2026, 11, 24, 8, 10, tzinfo=UTC)
    assert (first.person.birth_date, first.person.languages) == (date(1991, 3, 14), ["uk", "ru"])
    assert [field.value for field in first.consent.grants[0].fields] == ["name", "contact"]
    assert first.consent.grants[0].recipients == "any"


@pytest.mark.parametrize(
    ("text", "count"),
    [
        (json.dumps(ONE), 1),
        (json.dumps(ONE, indent=2), 1),
        (json.dumps([ONE, {**ONE, "reference": "R-2"}]), 2),
        (json.dumps(ONE) + "\n\n" + json.dumps({**ONE, "reference": "R-2"}) + "\n", 2),
        ("\ufeff" + json.dumps(ONE), 1),
    ],
)
def test_json_is_recognised_by_its_beginning(text: str, count: int) -> None:
    result = read(text)
    assert (len(result), faults(result)) == (count, [])


def test_faults_of_json_name_row_and_field_without_the_input() -> None:
    wrong = {**ONE, "reference": "R-2", "person": {**ONE["person"], "sex": "Canary"}}
    twice = json.dumps({**ONE, "reference": "R-3"}).replace('"PL-06"', '"PL-06", "admin1": "PL-08"')
    result = read(f"[{json.dumps(ONE)}, {json.dumps(wrong)}, {twice}]")
    assert faults(result) == [("2", "", "person.sex"), ("3", "", "location.admin1")]
    assert "Canary" not in repr(result)
    lines = read(json.dumps(ONE) + "\n" + json.dumps(wrong), Form.JSONL)
    assert faults(lines) == [("line 2", "", "person.sex")]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"Born": "30.02.1991"}, "person.birth_date"),
        ({"Born": "01.02.2014"}, "person.caregiver"),
        ({"Born": "01.02.2027"}, "person.birth_date"),
        ({"Born": "01.02.1827"}, "person.birth_date"),
        ({"Sex": ""}, "person.sex"),
        ({"Consent on": "yesterday"}, "consent.given_at"),
        ({"Languages": "Russian; Klingon"}, "person.languages.1"),
        ({"Shared": "name, shoe size"}, "consent.grants.0.fields.1"),
    ],
)
def test_a_faulty_cell_is_named_by_its_column(changes: dict[str, str], field: str) -> None:
    [(row, column, at)] = faults(read(sheet(**changes), columns=MAP))
    assert (row, at) == ("row 2", field)
    assert column == ("" if field == "person.caregiver" else next(iter(changes)))


def test_a_sheet_with_semicolons_and_paths_as_headings_needs_no_map() -> None:
    flat = {
        "reference": "R-1", "referrer": "peer", "person.case_code": "c", "person.age_band": "18-59",
        "person.sex": "male", "person.languages": '"ru;be"', "person.contact.may_contact": "no",
        "location.admin1": "PL-06", "consent.basis": "consent", "consent.given_at": "2026-11-24T09:00:00Z",
        "consent.given_by": "person", "consent.grants.0.recipients": "one-shelter|another", "needs.0.need": "a",
        "needs.0.category": "food", "needs.0.urgency": "low", "needs.1.need": "", "needs.1.category": "",
    }  # fmt: skip
    [row] = read(f"{';'.join(flat)}\n{';'.join(flat.values())}\n;;\n")
    assert row.faults == ()
    assert row.body is not None
    assert row.body.consent.grants[0].recipients == ["one-shelter", "another"]
    assert (row.body.person.languages, len(row.body.needs)) == (["ru", "be"], 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("reference,referrer\n", "the file is empty"),
        ("refrence\nR-1\n", "did you mean reference"),
        ("reference,reference\n1,2\n", "two columns"),
        ("reference,needs\n1,2\n", "there is no field needs"),
        ("reference,needs.99999999.need\n1,2\n", "there is no field needs.99999999"),
        ('reference\n"R-1\n', "cannot be read"),
        ("[{]", "line 1 of the file is not valid JSON"),
        ('[{"a": 1}\n{"b": 2}]', "expected a comma"),
    ],
)
def test_an_invalid_file_is_reported(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read(text)


def test_bytes_that_are_not_utf_8_are_reported_with_a_hint() -> None:
    with pytest.raises(UserError, match="save it as UTF-8"):
        rows("name\nŁucja".encode("cp1250"), Submitted, Form.AUTO, MAP, NOW)


def test_a_row_with_a_surplus_cell_is_refused() -> None:
    [row] = read(sheet().rstrip("\r\n") + ",surplus\r\n", columns=MAP)
    assert "more cells" in row.faults[0].fix


def test_a_repeated_reference_and_another_agency_are_faults() -> None:
    again = read(json.dumps([ONE, ONE]))
    assert faults(again) == [("2", "", "reference")]
    assert again[0].body is not None
    doubled = sheet() + sheet().partition("\n")[2]
    assert faults(read(doubled, columns=MAP)) == [("row 3", "Case no.", "reference")]
    assert faults(read(json.dumps({**ONE, "agency": "other"}), agency="mine")) == [("1", "", "agency")]
    assert faults(read(json.dumps({**ONE, "agency": "mine"}), agency="mine")) == []


def test_a_row_that_is_too_large_is_a_fault() -> None:
    needs = [{**ONE["needs"][0], "need": str(number), "note": "𝄞" * 2000} for number in range(20)]
    household = [{"member": str(n), "age_band": "18-59", "sex": "male", "name": "𝄞" * 200, "case_code": "𝄞" * 200,
                  "relation": "𝄞" * 200, "flags": []} for n in range(29)]  # fmt: skip
    grants = [{"recipients": [f"{'p' * 60}-{n}" for n in range(50)], "fields": []}] * 20
    big = {**ONE, "needs": needs, "household": household, "consent": {**ONE["consent"], "grants": grants}}
    result = read(json.dumps(big))
    assert faults(result) == [("1", "", "body")]
    assert faults(read(json.dumps({**big, "household": []}))) == []


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("reference", Kind.VALUE),
        ("person.languages", Kind.LIST),
        ("person.birth_date", Kind.DATE),
        ("consent.given_at", Kind.TIME),
        ("consent.grants.0.recipients", Kind.LIST),
        ("household.3.age_band", Kind.VALUE),
        ("person", None),
        ("needs", None),
        ("needs.category", None),
        ("nothing", None),
    ],
)
def test_a_paths_kind_is_read_from_the_schema(path: str, kind: Kind | None) -> None:
    assert kind_of(Submitted, path) is kind
    assert kind_of(Corrected, path) is kind


def test_a_similar_path_is_suggested() -> None:
    assert close_to(Submitted, "person.langages") == "person.languages"
    assert close_to(Submitted, "needs.0.categry") == "needs.0.category"
    assert close_to(Submitted, "quite something else") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("columns = 1", "columns Input should be"),
        ("colums = {}", "did you mean 'columns'"),
        ("timezone = 'Mars'", "IANA"),
        ("[columns", "not TOML"),
        ("ignore = ['Shoe size']", "a column 'Shoe size'"),
        ("[constants]\nreference = '1'\n", "two columns are reference"),
    ],
)
def test_an_invalid_map_is_reported(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "map.toml"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        read("reference,referrer\n1,peer\n", columns=Columns.read(path))


@pytest.mark.parametrize(
    ("region", "hour", "accepted"), [("BY-BR", 21, True), ("BY-BR", 20, False), ("RU-MOW", 12, True)]
)
def test_a_child_born_today_where_the_person_is_is_not_born_in_the_future(
    region: str, hour: int, accepted: bool
) -> None:
    caregiver = {"informed": True}
    born_today = {**ONE["person"], "age_band": None, "birth_date": "2026-12-01", "caregiver": caregiver}
    text = json.dumps({**ONE, "person": born_today, "location": {"admin1": region}})
    [row] = rows(text.encode(), Submitted, Form.AUTO, PLAIN, datetime(2026, 11, 30, hour, tzinfo=UTC))
    assert (row.body is not None) == accepted
