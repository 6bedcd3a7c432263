"""Who gives a command: what was handed over, from a file or from the environment."""

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


def test_each_role_finds_its_own_login_and_what_is_beside_the_file(tmp_path: Path) -> None:
    lines = from_file(file_of(tmp_path, BOTH))
    agency, provider = identity("agency", lines), identity("provider", lines)
    assert agency.login == Login("k:9092", "agency:one", "a=b", ca=str(tmp_path / "ca.pem"))
    assert (provider.login.user, provider.login.password) == ("provider:one", "p")
    assert (provider.private_key, provider.public_key) == ("private", "public")
    assert (agency.id, agency.group, agency.source) == ("one", "agency.one.console", "/one")
    assert "a=b" not in repr(agency)
    assert "private'" not in repr(provider)


def test_without_a_password_the_user_is_but_a_name() -> None:
    who = identity("agency", [("KAFKA_USER", "agency:one")], "k:1")
    assert (who.id, who.login) == ("one", Login("k:1"))


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "there is no login of an agency"),
        ([("KAFKA_USER", "provider:one")], "takes the login of an agency, not of provider:one"),
        ([("KAFKA_USER", "agency:One.Two")], "expected agency:ID"),
        ([("KAFKA_USER", "agency:one")], "no Kafka is named"),
    ],
)
def test_what_is_missing_is_said(lines: list[tuple[str, str]], said: str) -> None:
    with pytest.raises(UserError, match=said):
        identity("agency", lines, "k:1" if "expected" in said else "")


@pytest.mark.parametrize(
    ("text", "said"),
    [("KAFKA", "line 1 of"), ("\nHOME=/root", "line 2 of"), ("KAFKA_PASSWORD=@none", "KAFKA_PASSWORD")],
)
def test_a_line_that_can_not_be_read_is_named_without_what_is_in_it(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UserError, match=said) as raised:
        from_file(file_of(tmp_path, text))
    assert "/root" not in str(raised.value)


def test_a_file_that_others_can_read_is_warned_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = file_of(tmp_path, BOTH)
    path.chmod(0o644)
    from_file(path)
    assert "chmod 600" in capsys.readouterr().err


def test_the_environment_is_read_where_no_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"KAFKA": "k:1", "KAFKA_USER": "agency:one", "KAFKA_PASSWORD": "p", "OTHER": "x"}
    assert dict(from_environment(said)) == {name: said[name] for name in said if name != "OTHER"}
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    assert Settings(CommandOptions(), lambda: None).identity("agency").login == Login("k:1", "agency:one", "p")
