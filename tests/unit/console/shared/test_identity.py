"""The identity behind a command, from a credentials file or the environment."""

from pathlib import Path

import pytest

from deploy.cluster.login import Login
from services.console.shared.errors import UserError
from services.console.shared.identity import from_environment, from_file, identity
from services.console.shared.settings import CommandOptions, Settings

BOTH = """\
# handed over by the operator
KAFKA=k:9092
KAFKA_USER=agency:one
KAFKA_PASSWORD=a=b

export KAFKA_USER="provider:one"
KAFKA_PASSWORD=@secret
KAFKA_CA=ca.pem
PRIVATE_KEY=private
PUBLIC_KEY=public
"""


def file_of(folder: Path, text: str) -> Path:
    path = folder / "one.env"
    path.touch(mode=0o600)
    path.write_text(text)
    (folder / "secret").write_text("p\n")
    return path


def test_each_role_has_its_own_login_and_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    lines = from_file(file_of(tmp_path, BOTH))
    agency, provider = identity("agency", lines), identity("provider", lines)
    assert agency.login == Login("k:9092", "agency:one", "a=b", ca=str(tmp_path / "ca.pem"))
    assert (provider.login.user, provider.login.password) == ("provider:one", "p")
    assert (provider.private_key, provider.public_key) == ("private", "public")
    assert (agency.id, agency.group, agency.source) == ("one", "agency.one.console", "/one")
    assert "a=b" not in repr(agency)
    assert "private'" not in repr(provider)


def test_without_a_password_the_login_has_no_user() -> None:
    who = identity("agency", [("KAFKA_USER", "agency:one")], "k:1")
    assert (who.id, who.login) == ("one", Login("k:1"))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "the login of an agency is missing"),
        ([("KAFKA_USER", "provider:one")], "needs the login of an agency, not of provider:one"),
        ([("KAFKA_USER", "agency:One.Two")], "expected agency:ID"),
        ([("KAFKA_USER", "agency:one")], "no Kafka address is given"),
    ],
)
def test_a_missing_value_is_reported(lines: list[tuple[str, str]], message: str) -> None:
    with pytest.raises(UserError, match=message):
        identity("agency", lines, "k:1" if "expected" in message else "")


@pytest.mark.parametrize(
    ("text", "message"),
    [("KAFKA", "line 1 of"), ("\nHOME=/root", "line 2 of"), ("KAFKA_PASSWORD=@none", "KAFKA_PASSWORD")],
)
def test_an_unreadable_line_is_reported_without_its_content(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as raised:
        from_file(file_of(tmp_path, text))
    assert "/root" not in str(raised.value)


def test_a_file_that_others_can_read_gives_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = file_of(tmp_path, BOTH)
    path.chmod(0o644)
    from_file(path)
    assert "chmod 600" in capsys.readouterr().err


def test_the_environment_is_read_when_no_file_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"KAFKA": "k:1", "KAFKA_USER": "agency:one", "KAFKA_PASSWORD": "p", "OTHER": "x"}
    assert dict(from_environment(values)) == {name: values[name] for name in values if name != "OTHER"}
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    assert Settings(CommandOptions(), lambda: None).identity("agency").login == Login("k:1", "agency:one", "p")
