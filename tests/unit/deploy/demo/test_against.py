"""The demo in the compose system, as far as it needs no container engine."""

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


def credentials_text(*ids: tuple[str, str]) -> str:
    credentials = [
        Credentials(id_, {f"{role}:{id_}": f"secret-{id_}"}, *(("k", "p") if role == "provider" else (None, None)))
        for role, id_ in ids
    ]
    return "\n".join(line for each in credentials for line in lines(each, "localhost:9092", "ca.pem")) + "\n"


def test_each_organisation_gets_its_own_login() -> None:
    logins = against.read_logins(credentials_text(("agency", "a"), ("provider", "p")), CA)
    assert logins == {
        "a": Login("localhost:9092", "agency:a", "secret-a", ca=CA),
        "p": Login("localhost:9092", "provider:p", "secret-p", ca=CA),
    }


def test_the_whole_cast_is_onboarded_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    calls: list[tuple[str, ...]] = []

    def docker(*arguments: str) -> str:
        calls.append(arguments)
        pairs = arguments[arguments.index("onboard") + 1 :] if "onboard" in arguments else ()
        return credentials_text(*zip(pairs[::2], pairs[1::2], strict=True))

    monkeypatch.setattr(against, "_docker", docker)
    logins = against.onboard(tmp_path)
    assert logins.keys() == {*AGENCIES, *(each.id for each in PROVIDERS)}
    assert [each[0] for each in calls] == ["cp", "run"]


def test_a_system_that_is_not_running_is_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(*_: object, **__: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess([], 1, "", "service kafka is not running")

    monkeypatch.setattr(subprocess, "run", failing)
    assert against.compose(Console(), 1, 1) == 1
    out = " ".join(capsys.readouterr().out.split())
    assert "service kafka is not running" in out
    assert "docker compose up --build --wait" in out
