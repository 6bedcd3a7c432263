"""The demo in the compose system, as far as no engine is needed."""

import subprocess
from pathlib import Path

import pytest
from rich.console import Console

from deploy.cluster.credentials_file import lines
from deploy.cluster.login import Login
from deploy.cluster.tenants import Credentials
from deploy.demo import against
from deploy.demo.cast import AGENCIES, PROVIDERS

CA = "folder/ca.pem"


def handed(*ids: tuple[str, str]) -> str:
    told = [
        Credentials(id_, {f"{role}:{id_}": f"secret-{id_}"}, *(("k", "p") if role == "provider" else (None, None)))
        for role, id_ in ids
    ]
    return "\n".join(line for each in told for line in lines(each, "localhost:9092", "ca.pem")) + "\n"


def test_each_organisation_gets_the_login_that_was_handed_over_for_it() -> None:
    found = against.read_logins(handed(("agency", "a"), ("provider", "p")), CA)
    assert found == {
        "a": Login("localhost:9092", "agency:a", "secret-a", ca=CA),
        "p": Login("localhost:9092", "provider:p", "secret-p", ca=CA),
    }


def test_all_of_the_cast_are_taken_in_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    said: list[tuple[str, ...]] = []

    def docker(*arguments: str) -> str:
        said.append(arguments)
        asked = arguments[arguments.index("onboard") + 1 :] if "onboard" in arguments else ()
        return handed(*zip(asked[::2], asked[1::2], strict=True))

    monkeypatch.setattr(against, "_docker", docker)
    found = against.onboard(tmp_path)
    assert found.keys() == {*AGENCIES, *(each.id for each in PROVIDERS)}
    assert [each[0] for each in said] == ["cp", "run"]


def test_a_system_that_is_not_up_is_told_as_such(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(*_: object, **__: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess([], 1, "", "service kafka is not running")

    monkeypatch.setattr(subprocess, "run", failing)
    assert against.compose(Console(), 1, 1) == 1
    out = " ".join(capsys.readouterr().out.split())
    assert "service kafka is not running" in out
    assert "docker compose up --build --wait" in out
