"""The compose system's secrets: each container gets exactly the secrets it needs."""

import re
from pathlib import Path

import pytest

from contracts.topics import SERVICES
from deploy.docker.provision import make_secrets
from services.chassis.settings import ChassisSettings
from services.intake.settings import IntakeSettings
from services.notification.settings import NotificationSettings

COMPOSE = (Path(__file__).parents[4] / "docker-compose.yml").read_text()


def block(name: str) -> str:
    """The text of one service in the compose file."""
    match = re.search(rf"^  {name}:.*\n((?:    .*\n|\n)+)", COMPOSE, re.MULTILINE)
    assert match, name
    return match[1]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("secrets")
    make_secrets(root)
    return root


def contents(folder: Path) -> dict[str, str]:
    return {str(file.relative_to(folder)): file.read_text() for file in folder.rglob("*") if file.is_file()}


def test_a_second_start_changes_nothing(root: Path) -> None:
    before = contents(root)
    make_secrets(root)
    assert contents(root) == before


def test_only_its_owner_can_read_a_secret(root: Path) -> None:
    assert {file.name for file in root.rglob("*") if file.is_file() and file.stat().st_mode & 0o077} == {"ca.pem"}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_finds_its_settings_where_the_compose_file_says(
    root: Path, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = COMPOSE[COMPOSE.index("x-environment:") : COMPOSE.index("x-operator:")]
    for name, value in re.findall(r"^ +(REFERRALS_\w+): [\"']?(.*?)[\"']?$", shared + block(service), re.MULTILINE):
        monkeypatch.setenv(name, value.replace("/secrets", str(root / service)).replace("${REFERRALS_TRACES:-}", ""))
    settings = {"intake": IntakeSettings, "notification": NotificationSettings}.get(service, ChassisSettings)()
    assert settings.kafka_user == service
    assert len(settings.kafka_password) == 48
    assert settings.mongo.startswith(f"mongodb://referrals_{service}:")


def test_no_container_mounts_the_secrets_of_another() -> None:
    for service in SERVICES:
        assert re.findall(r"secrets-\w+", block(service)) == [f"secrets-{service}"]
    for server in ("kafka", "mongo"):
        assert set(re.findall(r"secrets-\w+", block(server))) == {f"secrets-{server}"}


def test_no_service_has_a_private_key_or_the_operators_password(root: Path) -> None:
    private = {(root / "operator" / name).read_text() for name in ("keys/operator", "keys/intake", "kafka_password")}
    assert len(private) == 3
    for service in SERVICES:
        assert not private & set(contents(root / service).values())
