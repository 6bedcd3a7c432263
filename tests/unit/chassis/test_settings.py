"""Settings come from the environment and are all listed. An error about one does not show its value."""

import pytest
from pydantic import ValidationError

from services.chassis.encryption import new_pair
from services.chassis.settings import ChassisSettings, table

KEY = new_pair()[1]


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFERRALS_OPERATOR_KEY", KEY)


def test_the_table_lists_every_setting_with_its_default_and_meaning() -> None:
    lines = table(ChassisSettings).splitlines()
    assert len(lines) == len(ChassisSettings.model_fields)
    for name, field in ChassisSettings.model_fields.items():
        [line] = [each for each in lines if each.split()[0] == f"REFERRALS_{name.upper()}"]
        assert field.description
        assert line.endswith(field.description)
    assert "REFERRALS_OPERATOR_KEY" in "".join(line for line in lines if "(required)" in line)


def test_the_table_shows_no_secret() -> None:
    assert KEY not in table(ChassisSettings)


def test_settings_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFERRALS_KAFKA", '["a:1", "b:2"]')
    monkeypatch.setenv("REFERRALS_CLOCK_SPEED", "60")
    settings = ChassisSettings()
    assert settings.kafka == ["a:1", "b:2"]
    assert (settings.clock.speed, settings.clock.origin) == (60.0, settings.clock_origin)


@pytest.mark.parametrize(
    ("name", "value"), [("CLOCK_SPEED", "0"), ("MAX_RECORDS", "-7"), ("OPERATOR_KEY", "not-a-key"), ("PORT", "eighty")]
)
def test_an_invalid_setting_is_refused_without_showing_its_value(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"REFERRALS_{name}", value)
    with pytest.raises(ValidationError) as caught:
        ChassisSettings()
    assert value not in str(caught.value).replace("greater than 0", "")
    assert name.lower() in str(caught.value)


def test_the_operators_key_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REFERRALS_OPERATOR_KEY")
    with pytest.raises(ValidationError, match="operator_key"):
        ChassisSettings()
