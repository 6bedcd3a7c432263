"""The simulated month, small: what is measured from the rows is what the agencies read on their own topics."""

import asyncio
import json
import re
from pathlib import Path

import pytest

from services.outcomes.domain.loop_closure import together
from tests.tools.readme_results import rows

from .month import SECTORS, Month, figures, month, report
from .seeds import apart


def _short_month() -> Month:
    return asyncio.run(month(seed=1, referrals=12))


@pytest.fixture(scope="module")
def found() -> Month:
    return apart(_short_month)


def test_every_end_is_known_to_its_referrer_and_counted_once(found: Month) -> None:
    whole = together(found.measured.values())
    assert found.sent == found.heard == sum(found.ends.values()) == 12
    assert (whole.needs, whole.ended, whole.told) == (12, 12, 12)
    assert sum(whole.reroutes.values()) == 12


def test_the_rates_are_shares(found: Month) -> None:
    for sector in SECTORS.values():
        assert sector.accepted + sector.declined + sector.silent + sector.acknowledged_only == pytest.approx(1)
        assert 0.13 <= sector.silent <= 0.27
        assert 0.06 <= sector.declined <= 0.17
        assert sector.acknowledged_only <= 0.47


def test_results_has_rows_of_it(found: Month, tmp_path: Path) -> None:
    (tmp_path / "month.json").write_text(json.dumps(figures(found)))
    ends, answer, _, reroutes = rows(tmp_path)
    assert ends == ("`make month`: ends told, of 12 needs at the field's acceptance rates", "100.0%", "100.0%")
    assert re.fullmatch(r"\d+ h, \d+ h", answer[1])
    assert float(reroutes[1]) == pytest.approx(figures(found)["reroutes"] / 12, abs=0.005)


def test_the_report_says_it_in_lines(found: Month) -> None:
    lines = list(report(found))
    assert lines[1] == "loop-closure: 12 of 12 ended needs told, 100.0%"
    assert any(line.startswith("time to first answer, all: ") for line in lines)
    assert "re-routes" in lines[-1]
