"""`referrals`: the command line for agencies, providers, analysts and operators.

Every command explains itself with ``--help``, where an example stands too. Exit status: 0 done; 1 the answer is no
(refused, not known, at fault); 2 it can't be asked so (usage, login, a file); 3 Kafka does not answer an
organisation's command, which may be given again.
"""

import logging
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from . import commands
from .operator.cluster import FAILURES
from .shared.connection import words
from .shared.errors import UserError
from .shared.output import warn
from .shared.settings import CommandOptions, Settings

app = typer.Typer(
    name="referrals",
    help="Speak with Referral Routing: as an agency, a provider or an analyst with the --login that was handed over, "
    "or as its operator. Beside `make up` an operator has to say nothing; elsewhere name Kafka and the services.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
commands.add_to(app)


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
    given = CommandOptions(kafka, user, password, mechanism, ca, url or [], operator_token, private_key, login)
    context.obj = Settings(given)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command. What its giver can mend is one line on stderr; see above for the exit status."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what it would say is said by us
    try:
        app(args=arguments, prog_name="referrals")
    except UserError as error:
        warn(f"referrals: {error}")
        sys.exit(error.status)
    except FAILURES as failure:
        warn(f"referrals: Kafka: {words(failure)}; what was done stays and may be done again; `referrals doctor`")
    sys.exit(2)


if __name__ == "__main__":
    main()
