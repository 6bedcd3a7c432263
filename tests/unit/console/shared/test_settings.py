"""The settings of the command line: options, environment, and the local system."""

from pathlib import Path

import pytest

from deploy.cluster.login import Login
from deploy.local.stack import Addresses
from deploy.local.state import State
from services.console.shared.errors import UserError
from services.console.shared.settings import CommandOptions, Settings
from tests.support.rig import OPERATOR_PRIVATE

TOKEN = "t" * 16


def running(folder: Path) -> State:
    key = folder / "operator"
    key.write_text(OPERATOR_PRIVATE)
    addresses = Addresses("127.0.0.1:1", "mongodb://x", Login("127.0.0.1:2", "operator", "pw", "PLAIN"))
    return State(1, addresses, {"intake": "http://127.0.0.1:3"}, TOKEN, str(key))


def test_a_local_system_needs_no_options(tmp_path: Path) -> None:
    settings = Settings(CommandOptions(), lambda: running(tmp_path))
    assert settings.login == Login("127.0.0.1:2", "operator", "pw", "PLAIN")
    assert settings.clients == "127.0.0.1:1"
    assert settings.url("intake") == "http://127.0.0.1:3"
    assert (settings.token, settings.private_key) == (TOKEN, OPERATOR_PRIVATE)


@pytest.mark.parametrize("options", [CommandOptions(kafka="k:1"), CommandOptions(urls=["intake=http://h:1"])])
def test_no_secret_of_the_local_system_goes_to_another(options: CommandOptions, tmp_path: Path) -> None:
    settings = Settings(options, lambda: running(tmp_path))
    assert settings.clients == ""
    for secret in ("token", "private_key"):
        with pytest.raises(UserError, match="REFERRALS_OPERATOR"):
            getattr(settings, secret)


@pytest.mark.parametrize("kafka", ["a:1,b:2", '["a:1", "b:2"]'])
def test_kafka_is_given_as_clients_or_as_services_write_it(kafka: str, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret\n")
    settings = Settings(CommandOptions(kafka, "me", f"@{tmp_path / 'password'}", ca="ca.pem"))
    assert settings.login == Login("a:1,b:2", "me", "secret", "PLAIN", "ca.pem")
    assert "secret" not in repr(CommandOptions(kafka, "me", "secret"))


@pytest.mark.parametrize(
    ("options", "setting", "message"),
    [
        (CommandOptions(), "login", "no local system is running"),
        (CommandOptions(kafka="[1"), "login", "cannot be read"),
        (CommandOptions(kafka="[1]"), "login", "cannot be read"),
        (CommandOptions(kafka="k:1", password="@/no/such"), "login", "No such file"),
        (CommandOptions(urls=["nobody=http://h:1"]), "urls", "cannot be read"),
        (CommandOptions(urls=["intake=h:1"]), "urls", "cannot be read"),
        (CommandOptions(key="short"), "private_key", "32 bytes"),
        (CommandOptions(key="@/"), "private_key", "Is a directory"),
    ],
)
def test_a_problem_is_reported_with_a_hint(options: CommandOptions, setting: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as error:
        getattr(Settings(options, lambda: None), setting)
    assert error.value.hint


def test_an_unreadable_state_gives_a_hint() -> None:
    def broken() -> State:
        raise PermissionError

    with pytest.raises(UserError, match="make up"):
        _ = Settings(CommandOptions(), broken).login


def test_a_state_written_by_an_older_version_can_be_read() -> None:
    assert State(1, Addresses("k:1", "m"), {}).operator_token == ""
