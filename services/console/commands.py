"""All commands in one table: for whom, under which name, and with which example. A test tries each example."""

from collections.abc import Callable
from typing import NamedTuple

import typer

from contracts.words import Answer

from .agency import recommend, status, submit, withdraw
from .analyst import indicators
from .operator import dead_letters, demo, doctor, lag, replay, tenants, timeline, topics
from .provider import answer, deleted, directory, inbox, lines
from .shared.output import example

_NEED = "3f2c8a5e-7a52-5b0e-9d3f-2f1c8a4be0a7"
_OFFER = "3f2c8a5e"
_TIME = "2026-11-30T10:00+01:00"


class Command(NamedTuple):
    """One command; `arguments` are those of its example."""

    name: str
    run: Callable[..., None]
    arguments: str


class CommandGroup(NamedTuple):
    """Commands under a common name, which have their examples where they are defined."""

    name: str
    app: typer.Typer


class Role(NamedTuple):
    """The commands of one role; `options` come before a command in its examples."""

    title: str
    commands: list[Command | CommandGroup]
    options: str = ""


def _answer_command(each: Answer) -> Command:
    """The command that gives this answer."""
    name = lines.COMMANDS[each]
    match each:
        case Answer.DECLINED:
            return Command(name, answer.decline, f"{_OFFER} --code no-capacity")
        case Answer.NOT_DELIVERED:
            return Command(name, answer.not_delivered, f"{_OFFER} --code moved-away")
        case Answer.APPOINTMENT_PROPOSED | Answer.APPOINTMENT_MOVED:
            return Command(name, answer.timed(each), f"{_OFFER} --at {_TIME}")
    return Command(name, answer.simple(each), _OFFER)


_QUESTION = "--category shelter --area BY-BR --age-band 18-59 --language ru"
_REPORT = "--by area,month --period 2026 --format html --output needs.html"

ROLES = [
    Role(
        "For agencies",
        [
            Command("submit", submit.submit, "people.csv --map people.toml --dry-run"),
            Command("status", status.status, "R-2026-17 --follow"),
            Command("correct", submit.correct, "R-2026-17.json"),
            Command("withdraw", withdraw.withdraw, "R-2026-17 --need bed --reason resolved"),
            Command("recommend", recommend.recommend, _QUESTION),
        ],
        options="--login brest-help.env",
    ),
    Role(
        "For providers",
        [
            CommandGroup("services", directory.app),
            Command("capacity", directory.capacity, "beds 12"),
            Command("inbox", inbox.inbox, "--follow"),
            *map(_answer_command, lines.COMMANDS),
            Command("deleted", deleted.deleted, _OFFER),
        ],
        options="--login brest-shelter.env",
    ),
    Role("For analysts", [Command("indicators", indicators.indicators, _REPORT)]),
    Role(
        "For operators",
        [
            CommandGroup("tenants", tenants.app),
            CommandGroup("topics", topics.app),
            CommandGroup("dead-letters", dead_letters.app),
            Command("timeline", timeline.timeline, f"{_NEED} --explain"),
            Command("explain", timeline.explain, f"{_NEED} --language ru"),
            Command("lag", lag.lag, "--behind --max 1000"),
            Command("doctor", doctor.doctor, "--json"),
            Command("demo", demo.demo, "--against compose --referrals 60"),
        ],
    ),
]


def add_to(app: typer.Typer) -> None:
    """Add all commands to the program, grouped by role in its help."""
    for role in ROLES:
        for command in role.commands:
            if isinstance(command, CommandGroup):
                app.add_typer(command.app, name=command.name, rich_help_panel=role.title)
                continue
            words = ["referrals", role.options, command.name, command.arguments]
            epilog = example(" ".join(word for word in words if word))
            app.command(command.name, rich_help_panel=role.title, epilog=epilog)(command.run)


dead_letters.app.command("replay", epilog=example("referrals dead-letters replay 17 --yes"))(replay.replay)
