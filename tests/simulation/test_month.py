"""A small simulated month: what is measured from the rows equals what the agencies read on their own topics."""

import asyncio
import json
import re
from pathlib import Path

import pytest

from tests.support.closures import merged
from tests.tools.readme_results import rows

from .month import SECTORS, Month, figures, month, report
from .seeds import in_child_process


def _short_month() -> Month:
    return asyncio.run(month(seed=1, referrals=12))


@pytest.fixture(scope="module")
def result() -> Month:
    return in_child_process(_short_month)


def test_every_end_is_known_to_its_agency_and_counted_once(result: Month) -> None:
    whole = merged(result.measured.values())
    assert result.sent == result.known_ends == sum(result.ends.values()) == 12
    assert (whole.needs, whole.ended, whole.reported) == (12, 12, 12)
    assert sum(whole.reroutes.values()) == 12


def test_the_rates_are_shares_within_the_measured_ranges(result: Month) -> None:
    for sector in SECTORS.values():
        assert sector.accepted + sector.declined + sector.silent + sector.acknowledged_only == pytest.approx(1)
        assert 0.13 <= sector.silent <= 0.27
        assert 0.06 <= sector.declined <= 0.17
        assert sector.acknowledged_only <= 0.47


def test_the_table_of_results_has_rows_for_the_month(result: Month, tmp_path: Path) -> None:
    (tmp_path / "month.json").write_text(json.dumps(figures(result)))
    ends, answer, _, reroutes = rows(tmp_path)
    assert ends == ("`make month`: ends reported, of 12 needs at the field's acceptance rates", "100.0%", "100.0%")
    assert re.fullmatch(r"\d+ h, \d+ h", answer[1])
    assert float(reroutes[1]) == pytest.approx(figures(result)["reroutes"] / 12, abs=0.005)


def test_the_report_has_a_line_for_each_measure(result: Month) -> None:
    lines = list(report(result))
    assert lines[1] == "loop closure: 12 of 12 ends reported, 100.0%"
    assert any(line.startswith("time to first answer, all: ") for line in lines)
    assert "re-routes" in lines[-1]
