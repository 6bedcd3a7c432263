"""All commands: under which name, for whom, and with which example. Each example is tried by a test."""

from collections.abc import Callable

import typer

from contracts.words import Answer

from .agency import recommend, status, submit, withdraw
from .analyst import indicators
from .operator import dead_letters, demo, doctor, lag, replay, tenants, timeline, topics
from .provider import answer, directory, inbox
from .shared.output import example

_AGENCY, _PROVIDER, _ANALYST, _OPERATOR = (f"For {whom}" for whom in ("agencies", "providers", "analysts", "operators"))
_NEED = "3f2c8a5e-7a52-5b0e-9d3f-2f1c8a4be0a7"


def add_to(app: typer.Typer) -> None:
    """Give the program its commands."""

    def add(whom: str, name: str, command: Callable[..., None], rest: str) -> None:
        login = {_AGENCY: " --login brest-help.env", _PROVIDER: " --login brest-shelter.env"}.get(whom, "")
        tried = example(f"referrals{login} {name} {rest}".rstrip())
        app.command(name, rich_help_panel=whom, epilog=tried)(command)

    add(_AGENCY, "submit", submit.submit, "people.csv --map people.toml --dry-run")
    add(_AGENCY, "status", status.status, "R-2026-17 --follow")
    add(_AGENCY, "correct", submit.correct, "R-2026-17.json")
    add(_AGENCY, "withdraw", withdraw.withdraw, "R-2026-17 --need bed --reason resolved")
    asked = "--category shelter --area BY-BR --age-band 18-59 --language ru"
    add(_AGENCY, "recommend", recommend.recommend, asked)

    app.add_typer(directory.app, name="services", rich_help_panel=_PROVIDER)
    add(_PROVIDER, "capacity", directory.capacity, "beds 12")
    add(_PROVIDER, "inbox", inbox.inbox, "--follow")
    for each, name in answer.COMMANDS.items():
        add(_PROVIDER, name, *_answering(each))
    add(_PROVIDER, "deleted", answer.deleted, "3f2c8a5e")

    add(
        _ANALYST, "indicators", indicators.indicators, "--by area,month --period 2026 --format html --output needs.html"
    )

    app.add_typer(tenants.app, name="tenants", rich_help_panel=_OPERATOR)
    app.add_typer(topics.app, name="topics", rich_help_panel=_OPERATOR)
    app.add_typer(dead_letters.app, name="dead-letters", rich_help_panel=_OPERATOR)
    add(_OPERATOR, "timeline", timeline.timeline, f"{_NEED} --explain")
    add(_OPERATOR, "explain", timeline.explain, f"{_NEED} --language ru")
    add(_OPERATOR, "lag", lag.lag, "--behind --max 1000")
    add(_OPERATOR, "doctor", doctor.doctor, "--json")
    add(_OPERATOR, "demo", demo.demo, "--against compose --referrals 60")


def _answering(each: Answer) -> tuple[Callable[..., None], str]:
    """The command of an answer, and what it is tried with."""
    match each:
        case Answer.DECLINED:
            return answer.decline, "3f2c8a5e --code no-capacity"
        case Answer.NOT_DELIVERED:
            return answer.not_delivered, "3f2c8a5e --code moved-away"
        case Answer.APPOINTMENT_PROPOSED | Answer.APPOINTMENT_MOVED:
            return answer.timed(each), "3f2c8a5e --at 2026-11-30T10:00+01:00"
    return answer.simple(each), "3f2c8a5e"


dead_letters.app.command("replay", epilog=example("referrals dead-letters replay 17 --yes"))(replay.replay)
