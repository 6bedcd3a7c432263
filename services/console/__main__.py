"""`referrals`: the command line for agencies, providers, analysts and operators.

Every command explains itself with ``--help``, where an example stands too. Exit status: 0 done; 1 the answer is no
(refused, not known, at fault); 2 it can't be asked so (usage, login, a file); 3 Kafka does not answer an
organisation's command, which may be given again.
"""

import logging
import sys
from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from contracts.words import Answer

from . import dead_letters, doctor, lag, replay, tenants, timeline, topics
from .agency import recommend, status, submit, withdraw
from .kafka import FAILURES, words
from .provider import answer, directory, inbox
from .settings import Given, Settings
from .show import example, warn
from .trouble import Trouble

app = typer.Typer(
    name="referrals",
    help="Speak with Referral Routing: as an agency, a provider or an analyst with the --login that was handed over, "
    "or as its operator. Beside `make up` an operator has to say nothing; elsewhere name Kafka and the services.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_AGENCY = "For agencies"
_PROVIDER = "For providers"
_OPERATOR = "For operators"
_LOGIN = "referrals --login brest-help.env"


def _add(name: str, command: Callable[..., None], panel: str, tried: str) -> None:
    app.command(name, rich_help_panel=panel, epilog=example(tried))(command)


_add("submit", submit.submit, _AGENCY, f"{_LOGIN} submit people.csv --map people.toml --dry-run")
_add("status", status.status, _AGENCY, f"{_LOGIN} status R-2026-17 --follow")
_add("correct", submit.correct, _AGENCY, f"{_LOGIN} correct R-2026-17.json")
_add("withdraw", withdraw.withdraw, _AGENCY, f"{_LOGIN} withdraw R-2026-17 --need bed --reason resolved")
_add(
    "recommend",
    recommend.recommend,
    _AGENCY,
    f"{_LOGIN} recommend --category shelter --area BY-BR --age-band 18-59 --language ru",
)
_MINE = "referrals --login brest-shelter.env"
app.add_typer(directory.app, name="services", rich_help_panel=_PROVIDER)
_add("capacity", directory.capacity, _PROVIDER, f"{_MINE} capacity beds 12")
_add("inbox", inbox.inbox, _PROVIDER, f"{_MINE} inbox --follow")
for each, name in answer.COMMANDS.items():
    if each is Answer.DECLINED:
        _add(name, answer.decline, _PROVIDER, f"{_MINE} decline 3f2c8a5e --code no-capacity")
    elif each is Answer.NOT_DELIVERED:
        _add(name, answer.not_delivered, _PROVIDER, f"{_MINE} not-delivered 3f2c8a5e --code moved-away")
    elif each in (Answer.APPOINTMENT_PROPOSED, Answer.APPOINTMENT_MOVED):
        _add(name, answer.timed(each), _PROVIDER, f"{_MINE} {name} 3f2c8a5e --at 2026-11-30T10:00+01:00")
    else:
        _add(name, answer.simple(each), _PROVIDER, f"{_MINE} {name} 3f2c8a5e")
_add("deleted", answer.deleted, _PROVIDER, f"{_MINE} deleted 3f2c8a5e")
app.add_typer(tenants.app, name="tenants", rich_help_panel=_OPERATOR)
app.add_typer(topics.app, name="topics", rich_help_panel=_OPERATOR)
dead_letters.app.command("replay", epilog=example("referrals dead-letters replay 17 --yes"))(replay.replay)
app.add_typer(dead_letters.app, name="dead-letters", rich_help_panel=_OPERATOR)
_add("timeline", timeline.timeline, _OPERATOR, "referrals timeline 3f2c8a5e-7a52-5b0e-9d3f-2f1c8a4be0a7 --explain")
_add("explain", timeline.explain, _OPERATOR, "referrals explain 3f2c8a5e-7a52-5b0e-9d3f-2f1c8a4be0a7 --language ru")
_add("lag", lag.lag, _OPERATOR, "referrals lag --behind --max 1000")
_add("doctor", doctor.doctor, _OPERATOR, "referrals doctor --json")


@app.callback()
def settings(
    context: typer.Context,
    kafka: Annotated[
        str,
        typer.Option(envvar="REFERRALS_KAFKA", help="The operator's listener, host:port with commas between several."),
    ] = "",
    user: Annotated[
        str, typer.Option(envvar="REFERRALS_KAFKA_USER", help="The operator's user at Kafka; empty: no logins there.")
    ] = "",
    password: Annotated[
        str, typer.Option(envvar="REFERRALS_KAFKA_PASSWORD", help="Its password, best as @file.", show_default=False)
    ] = "",
    mechanism: Annotated[
        str, typer.Option(envvar="REFERRALS_KAFKA_MECHANISM", help="How it logs in: PLAIN or SCRAM-SHA-512.")
    ] = "PLAIN",
    ca: Annotated[
        str, typer.Option(envvar="REFERRALS_KAFKA_CA", help="PEM file of the authority to trust; empty: no TLS.")
    ] = "",
    url: Annotated[
        list[str] | None,
        typer.Option(envvar="REFERRALS_URLS", help="A service's address, NAME=http://HOST:PORT; once for each."),
    ] = None,
    operator_token: Annotated[
        str, typer.Option(envvar="REFERRALS_OPERATOR_TOKEN", help="Bearer token of the services' JSON, best as @file.")
    ] = "",
    private_key: Annotated[
        str,
        typer.Option(envvar="REFERRALS_OPERATOR_PRIVATE_KEY", help="The key that opens dead letters, best as @file."),
    ] = "",
    login: Annotated[
        str,
        typer.Option(envvar="REFERRALS_LOGIN", help="An organisation's or analyst's login: the file handed over."),
    ] = "",
) -> None:
    """Keep what was said; it is read when a command asks for it."""
    given = Given(kafka, user, password, mechanism, ca, url or [], operator_token, private_key, login)
    context.obj = Settings(given)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command. What its giver can mend is one line on stderr; see above for the exit status."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what it would say is said by us
    try:
        app(args=arguments, prog_name="referrals")
    except Trouble as trouble:
        warn(f"referrals: {trouble}")
        sys.exit(trouble.status)
    except FAILURES as failure:
        warn(f"referrals: Kafka: {words(failure)}; what was done stays and may be done again; `referrals doctor`")
    sys.exit(2)


if __name__ == "__main__":
    main()
