"""The answers given from this machine."""

from pathlib import Path

import pytest

from contracts.words import Answer
from deploy.cluster.login import Login
from services.console.provider.answer_log import answers, remember
from services.console.shared.identity import Identity

WHO = Identity("provider", "p", Login("k:1"))


def test_answers_are_remembered_for_this_provider_on_this_kafka(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert list(answers(WHO)) == []
    remember(WHO, "n", 1, Answer.ACCEPTED)
    remember(Identity("provider", "p", Login("k:2")), "n", 1, Answer.DECLINED)
    file = tmp_path / "referrals" / "p.answers"
    file.write_text(file.read_text() + "not json\n[1]\n")
    remember(WHO, "n", 2, Answer.DELIVERED)
    assert list(answers(WHO)) == [("n", 1, Answer.ACCEPTED), ("n", 2, Answer.DELIVERED)]
    assert list(answers(Identity("provider", "q", Login("k:1")))) == []
    assert file.stat().st_mode & 0o077 == 0


def test_an_unwritable_log_gives_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    remember(WHO, "n", 1, Answer.ACCEPTED)
    assert "cannot be written" in capsys.readouterr().err
