"""`referrals`: the operator's command line. Every command explains itself with ``--help``."""

import logging
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from . import dead_letters, doctor, lag, replay, tenants, timeline, topics
from .kafka import FAILURES, words
from .settings import Given, Settings
from .show import warn
from .trouble import Trouble

app = typer.Typer(
    name="referrals",
    help="Look after Referral Routing. Beside `make up` nothing has to be said; elsewhere name Kafka and the services.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(tenants.app, name="tenants")
app.add_typer(topics.app, name="topics")
dead_letters.app.command("replay")(replay.replay)
app.add_typer(dead_letters.app, name="dead-letters")
app.command("timeline")(timeline.timeline)
app.command("explain")(timeline.explain)
app.command("lag")(lag.lag)
app.command("doctor")(doctor.doctor)


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
) -> None:
    """Keep what was said; it is read when a command asks for it."""
    given = Given(kafka, user, password, mechanism, ca, url or [], operator_token, private_key)
    context.obj = Settings(given)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command. Exit status 2 and one line on stderr for what an operator can mend."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what it would say is said by us
    try:
        app(args=arguments)
    except Trouble as trouble:
        warn(f"referrals: {trouble}")
    except FAILURES as failure:
        warn(f"referrals: Kafka: {words(failure)}; what was done stays and may be done again; `referrals doctor`")
    sys.exit(2)


if __name__ == "__main__":
    main()
