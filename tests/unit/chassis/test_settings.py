"""Settings come from the environment and are all listed. An error about one does not show its value."""

import importlib
import json
from collections.abc import Iterator

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.topics import SERVICES
from services.chassis.encryption import new_pair
from services.chassis.mongo import connect
from services.chassis.runtime.service import ServiceRuntime
from services.chassis.runtime.start import start
from services.chassis.setting_names import OF_CONSOLE, OF_SERVICES, servers, unknown
from services.chassis.settings import ChassisSettings, table

KEY = new_pair()[1]


@pytest.fixture(autouse=True, scope="module")
def _environment() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REFERRALS_OPERATOR_KEY", KEY)
        yield


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


# lists of servers -----------------------------------------------------------------------------------------------------

hosts = st.lists(
    st.builds("{}:{}".format, st.sampled_from(["kafka", "10.0.0.1", "a-b.example", "[::1]"]), st.integers(1, 65_535)),
    min_size=1,
    max_size=4,
)


@given(hosts, st.sampled_from([",", ", ", " ,"]))
def test_servers_are_a_plain_list_or_a_json_list(listed: list[str], comma: str) -> None:
    assert servers(comma.join(listed)) == servers(json.dumps(listed)) == listed


@pytest.mark.parametrize(
    "text", ["", "kafka", "kafka:", "kafka:0", "kafka:99999", "a:1,", "[", "[1]", '["a"]', '{"a":1}']
)
def test_what_is_no_list_of_servers_is_refused_with_what_is_expected(text: str) -> None:
    with pytest.raises(ValueError, match="expected host:port, several separated by commas, or a JSON list"):
        servers(text)


# the start of a service ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KAFKA", "kafka"),
        ("KAFKA", "["),
        ("KAFKA_CA", "/nowhere.pem"),
        ("KAFKA_PASSWORD", "@/nowhere"),
        ("OPERATOR_KEY", "@/nowhere"),
        ("PORT", "70000"),
        ("LOG_LEVEL", "loud"),
        ("CLOCK_ORIGIN", "2026-01-01T00:00:00"),
        ("REGISTRY_REQUIRED", "perhaps"),
        ("CRASH_AT", "x"),
    ],
)
def test_a_wrong_setting_is_one_line_and_exit_status_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    monkeypatch.setenv(f"REFERRALS_{name}", value)
    monkeypatch.setattr("sys.argv", ["service"])
    with pytest.raises(SystemExit) as ended:
        start(_never_built, ChassisSettings)
    assert ended.value.code == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"REFERRALS_{name}: ")


def _never_built(settings: ChassisSettings) -> ServiceRuntime:
    raise AssertionError("the settings were accepted")


@pytest.mark.parametrize(
    "uri",
    ["http://h:1", "mongodb://user:secret@:0:1/", "mongodb://", "mongodb://h:99999"],
)
def test_what_is_no_connection_string_is_one_line_without_its_value(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], uri: str
) -> None:
    monkeypatch.setattr("sys.argv", ["service"])
    with pytest.raises(SystemExit) as ended:
        start(lambda settings: connect(uri, settings.mongo_timeout_ms) and _never_built(settings), ChassisSettings)
    assert ended.value.code == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("REFERRALS_MONGO: expected mongodb://")
    assert "secret" not in line


# misspelt variables ---------------------------------------------------------------------------------------------------


def test_the_names_of_all_services_are_known() -> None:
    modules = [importlib.import_module(f"services.{name}.settings") for name in SERVICES]
    kinds = [each for module in modules for each in vars(module).values() if isinstance(each, type)]
    fields = {name for each in kinds if issubclass(each, ChassisSettings) for name in each.model_fields}
    assert {name.upper() for name in fields - set(ChassisSettings.model_fields)} == OF_SERVICES, "list it there"


@given(st.sampled_from(sorted(ChassisSettings.model_fields)), st.integers(0, 40))
def test_a_name_that_lacks_a_character_is_reported_with_the_nearest(name: str, at: int) -> None:
    own = ChassisSettings.model_fields
    assert unknown([f"REFERRALS_{name.upper()}", "PATH"], own) == {}
    short = (name[: at % len(name)] + name[at % len(name) + 1 :]).upper()
    assume(len(name) > 5 and short.lower() not in own)
    [(variable, nearest)] = unknown([f"REFERRALS_{short}"], own).items()
    assert variable == f"REFERRALS_{short}"
    assert nearest.removeprefix("REFERRALS_").lower() in own.keys() | {
        each.lower() for each in OF_SERVICES | OF_CONSOLE
    }


def test_a_name_that_resembles_nothing_is_reported_as_well() -> None:
    assert unknown(["REFERRALS_XQZ"], ["kafka"]) == {"REFERRALS_XQZ": ""}
