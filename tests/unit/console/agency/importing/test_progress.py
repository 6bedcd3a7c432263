"""Which rows were sent is known after an interruption, and a row always has the same id."""

from pathlib import Path

import pytest

from contracts.agency import ReferralWithdrawn
from services.console.agency.importing.progress import SentRows, outgoing
from services.console.shared.errors import UserError

EVENTS = [
    outgoing("agency.a.referrals", f"R-{number}", ReferralWithdrawn(reference=f"R-{number}")) for number in range(3)
]


def test_an_id_depends_on_the_topic_and_the_content() -> None:
    body = ReferralWithdrawn(reference="R-1")
    assert outgoing("agency.a.referrals", "R-1", body) == outgoing("agency.a.referrals", "R-1", body.model_copy())
    others = [
        outgoing("agency.b.referrals", "R-1", body),
        outgoing("agency.a.referrals", "R-1", ReferralWithdrawn(reference="R-1", reason="mistake")),
    ]
    assert len({each.id for each in [*EVENTS, *others]}) == 5
    assert EVENTS[1].value == b'{"reference":"R-1"}'


def test_acknowledged_rows_are_known_the_next_time(tmp_path: Path) -> None:
    path = tmp_path / "people.csv.sent"
    with SentRows(path) as sent:
        sent.add(EVENTS[0])
        assert EVENTS[0] in sent
    with SentRows(path) as sent:
        assert [event in sent for event in EVENTS] == [True, False, False]
        sent.add(EVENTS[1])
    assert path.stat().st_mode & 0o077 == 0
    assert "R-" not in path.read_text()


def test_a_line_cut_off_by_a_crash_counts_as_not_sent_and_affects_no_other(tmp_path: Path) -> None:
    path = tmp_path / "people.csv.sent"
    with SentRows(path) as sent:
        sent.add(EVENTS[0])
        sent.add(EVENTS[1])
    path.write_text(path.read_text()[:-9])
    with SentRows(path) as sent:
        assert [event in sent for event in EVENTS] == [True, False, False]
        sent.add(EVENTS[2])
    with SentRows(path) as sent:
        assert [event in sent for event in EVENTS] == [True, False, True]


def test_stdin_leaves_no_file_and_an_unwritable_folder_is_reported(tmp_path: Path) -> None:
    with SentRows(None) as sent:
        sent.add(EVENTS[0])
        assert EVENTS[0] in sent
    with pytest.raises(UserError, match="--state FILE"), SentRows(tmp_path / "none" / "file"):
        pass
