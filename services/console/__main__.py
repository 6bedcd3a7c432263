"""`referrals`: the command line for agencies, providers, analysts and operators.

Every command explains itself with ``--help``, which includes an example. Exit status: 0 done; 1 the answer is no
(refused, unknown, invalid rows); 2 the command cannot run like this (usage, login, a file); 3 Kafka did not respond to
an organisation's command, which can be repeated.
"""

import logging
import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from . import commands
from .operator.cluster import FAILURES
from .shared.connection import error_text
from .shared.errors import UserError
from .shared.output import warn
from .shared.settings import CommandOptions, Settings, misspelt

app = typer.Typer(
    name="referrals",
    help="The command line of Referral Routing. Agencies, providers and analysts give --login with the file from their "
    "operator. Operators need no options after `make up`; elsewhere they give --kafka and --url.",
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
        typer.Option(
            envvar="REFERRALS_KAFKA",
            help="Kafka's listener for the operator, as host:port; several separated by commas.",
        ),
    ] = "",
    user: Annotated[
        str,
        typer.Option(
            envvar="REFERRALS_KAFKA_USER", help="The operator's Kafka user; empty for a Kafka without logins."
        ),
    ] = "",
    password: Annotated[
        str,
        typer.Option(
            envvar="REFERRALS_KAFKA_PASSWORD", help="The operator's Kafka password, best as @file.", show_default=False
        ),
    ] = "",
    mechanism: Annotated[
        str,
        typer.Option(
            envvar="REFERRALS_KAFKA_MECHANISM", help="SASL mechanism of the operator's login: PLAIN or SCRAM-SHA-512."
        ),
    ] = "PLAIN",
    ca: Annotated[
        str,
        typer.Option(
            envvar="REFERRALS_KAFKA_CA", help="PEM file of the certificate authority to trust; empty for no TLS."
        ),
    ] = "",
    url: Annotated[
        list[str] | None,
        typer.Option(envvar="REFERRALS_URLS", help="Address of a service, as NAME=http://HOST:PORT; repeatable."),
    ] = None,
    operator_token: Annotated[
        str, typer.Option(envvar="REFERRALS_OPERATOR_TOKEN", help="Bearer token for the services' JSON, best as @file.")
    ] = "",
    private_key: Annotated[
        str,
        typer.Option(
            envvar="REFERRALS_OPERATOR_PRIVATE_KEY", help="The private key that opens dead letters, best as @file."
        ),
    ] = "",
    login: Annotated[
        str,
        typer.Option(
            envvar="REFERRALS_LOGIN", help="Login file of an agency, a provider or the analyst, from the operator."
        ),
    ] = "",
) -> None:
    """Store the options; they are checked when a command needs them."""
    for warning in misspelt(os.environ):
        warn(f"referrals: {warning}")
    options = CommandOptions(kafka, user, password, mechanism, ca, url or [], operator_token, private_key, login)
    context.obj = Settings(options)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command. Problems that the user can fix are one line on stderr; see above for the exit status."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # our own messages say the same
    try:
        app(args=arguments, prog_name="referrals")
    except UserError as error:
        warn(f"referrals: {error}")
        sys.exit(error.status)
    except FAILURES as failure:
        hint = "the command can be repeated; `referrals doctor` shows what is wrong"
        warn(f"referrals: Kafka reports: {error_text(failure)}; {hint}")
    sys.exit(2)


if __name__ == "__main__":
    main()
