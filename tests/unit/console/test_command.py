"""The command line itself: exit statuses, stdout and stderr. Needs no Kafka."""

import json
import shlex
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import typer

import services.console
from services.console.__main__ import app, main
from services.console.operator.timeline import why
from services.console.shared import connection, output, settings

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command; returns exit status, stdout and stderr. There is no local system, and no wait for Kafka."""
    monkeypatch.setattr(settings.State, "read", staticmethod(lambda: None))
    monkeypatch.setattr(connection, "_CONTACT", 0.1)
    for name in ("KAFKA", "KAFKA_USER", "KAFKA_PASSWORD", "URLS", "OPERATOR_TOKEN", "OPERATOR_PRIVATE_KEY"):
        monkeypatch.delenv(f"REFERRALS_{name}", raising=False)

    def call(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main(arguments)
        out, err = capsys.readouterr()
        return int(left.value.code or 0), out, err

    return call


NEEDING_KAFKA = [
    ["tenants", "add", "agency", "a", "--name", "A"],
    ["tenants", "list"],
    ["tenants", "rotate", "a"],
    ["tenants", "revoke", "a"],
    ["topics", "diff"],
    ["topics", "apply"],
    ["dead-letters", "list"],
    ["lag"],
]


@pytest.mark.parametrize("command", NEEDING_KAFKA, ids=" ".join)
def test_without_a_kafka_a_command_says_what_to_give(run: Run, command: list[str]) -> None:
    code, out, err = run(*command, "--json")
    assert (code, out) == (2, "")
    assert err == (
        "referrals: no Kafka address is given, and no local system is running: "
        "give --kafka or REFERRALS_KAFKA, or run `make up`\n"
    )


def test_an_unreachable_kafka_is_named(run: Run) -> None:
    code, out, err = run("--kafka", "127.0.0.1:1", "lag", "--json")
    assert (code, out) == (2, "")
    assert "127.0.0.1:1 does not respond" in err


def test_the_doctor_continues_when_nothing_responds(run: Run) -> None:
    code, out, _ = run("--kafka", "127.0.0.1:1", "--url", "intake=http://127.0.0.1:1", "doctor", "--json")
    document = json.loads(out)
    assert code == 1
    assert document["well"] is False
    states = {each["name"]: each["says"] for each in document["checks"]}
    assert states["intake"] == "does not respond"
    assert "not known" in states["outcomes"]
    assert "kafka" in states
    assert all(each["hint"] for each in document["checks"] if each["state"] == "bad")


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["lag", "--max", "-1"], ["tenants", "add", "king", "a", "--name", "x"]]
)
def test_an_invalid_command_is_reported_on_stderr(run: Run, arguments: list[str]) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err


def commands() -> Iterator[list[str]]:
    yield []
    for each in app.registered_commands:
        yield [str(each.name)]
    for group in app.registered_groups:
        yield [str(group.name)]
        assert group.typer_instance is not None
        yield from ([str(group.name), str(each.name)] for each in group.typer_instance.registered_commands)


@pytest.mark.parametrize("command", list(commands()), ids=lambda each: " ".join(each) or "referrals")
def test_every_command_and_option_has_a_help_text(
    run: Run, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    code, out, _ = run(*command, "--help")
    assert code == 0
    options = [line for line in out.splitlines() if line.startswith("│") and " --" in line]
    assert options
    assert all(len(line.strip("│ ").split("  ")) > 1 for line in options), out
    is_group = command in groups()
    assert is_group or "--json" in out
    assert is_group or "Example: referrals " in out


def groups() -> list[list[str]]:
    return [[], *([str(each.name)] for each in app.registered_groups)]


@pytest.mark.parametrize("command", [each for each in commands() if each not in groups()], ids=" ".join)
def test_the_example_of_every_command_is_valid(command: list[str]) -> None:
    here: Any = typer.main.get_command(app)
    for name in command:
        here = here.commands[name]
    program, *arguments = shlex.split(str(here.epilog).removeprefix("Example: "))
    assert program == "referrals"
    document: Any = typer.main.get_command(app)
    context = document.make_context("referrals", arguments)
    while hasattr(document, "commands"):
        _, document, rest = document.resolve_command(context, [*context._protected_args, *context.args])
        context = document.make_context(document.name, rest, parent=context)
    assert context.command_path.split()[1:] == command


DOCS = Path(services.console.__file__).parent / "docs"


@pytest.mark.parametrize("page", ["agency", "provider", "analyst", "operator"])
def test_a_page_names_every_command_of_its_role(page: str) -> None:
    whom = {"agency": "agencies"}.get(page, f"{page}s")
    known = [*app.registered_commands, *app.registered_groups]
    names = [str(each.name) for each in known if each.rich_help_panel == f"For {whom}"]
    assert names
    text = (DOCS / f"{page}.md").read_text()
    assert [name for name in names if f"`{name}" not in text and f"referrals {name}" not in text] == []


def test_a_shell_can_complete_commands(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_REFERRALS_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "referrals with")
    monkeypatch.setenv("COMP_CWORD", "1")
    code, out, _ = run()
    assert (code, out.split()) == (0, ["withdraw"])


class Answers(BaseHTTPRequestHandler):
    """A service whose answer depends on the last part of the path."""

    def do_GET(self) -> None:
        status = {"t1": 200, "busy": 503, "page": 200}.get(self.path.rsplit("/", 1)[-1], 404)
        body = {"t1": b'{"needs": []}', "busy": b'{"error": "MongoDB is away; try again"}', "page": b"<html>"}
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body.get(self.path.rsplit("/", 1)[-1], b'{"error": "not served: no operator_token is set"}'))

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def service() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Answers)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"outcomes=http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.mark.parametrize(
    ("id_", "code", "message"),
    [
        ("t1", 0, ""),
        ("busy", 2, "MongoDB is away"),
        ("x", 2, "no operator_token is set"),
        ("page", 2, "not a timeline"),
    ],
)
def test_a_services_response_becomes_a_message(run: Run, service: str, id_: str, code: int, message: str) -> None:
    document, out, err = run("--url", service, "--operator-token", "t" * 16, "timeline", id_, "--json")
    assert document == code
    assert message in err
    assert (out == '{"needs": []}\n') is (code == 0)


def test_a_timeline_needs_a_token(run: Run, service: str) -> None:
    code, _, err = run("--url", service, "timeline", "t1")
    assert code == 2
    assert "REFERRALS_OPERATOR_TOKEN" in err


def test_no_table_or_line_can_control_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(("A",), [("\x1b[2J[red]x\u202e",)])
    output.say("\x1b]0;title\x07\tok")
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert r"\x1b[2J[red]x\u202e" in out
    assert "\tok" in out


def test_a_waiting_need_is_explained() -> None:
    decisions = [{"at": "2026-11-24T09:00:00+00:00", "what": "waiting", "until": "2026-11-25"}]
    explanation = {"chosen": None, "reasons": [], "funnel": [{"cause": "area", "count": 3}], "decisions": decisions}
    assert list(why(explanation)) == [
        "holds no place",
        "last search: area 3",
        "  2026-11-24 09:00:00  waiting         2026-11-25",
    ]
    assert list(why(None)) == []


def test_an_explanation_is_in_the_requested_language() -> None:
    message = {
        "en": ["No service can take it now; it waits."],
        "ru": ["Сейчас ни одна услуга не может принять запрос."],
    }
    decisions = [{"at": "2026-11-24T09:00:00+00:00", "what": "waiting", "texts": message}]
    explanation = {"chosen": None, "reasons": [], "funnel": [], "decisions": decisions}
    assert list(why(explanation))[-1] == "      No service can take it now; it waits."
    assert list(why(explanation, "ru"))[-1] == "      Сейчас ни одна услуга не может принять запрос."
