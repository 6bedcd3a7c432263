"""`referrals demo`: routes made-up people through a real system and checks that nobody is lost."""

from enum import StrEnum
from typing import Annotated

import typer

from ..shared import output
from ..shared.errors import UserError


class System(StrEnum):
    """The system that the demo uses."""

    LOCAL = "local"
    COMPOSE = "compose"


def demo(
    against: Annotated[
        System, typer.Option(help="local starts a system of its own; compose uses that of `docker compose up`.")
    ] = System.LOCAL,
    referrals: Annotated[int, typer.Option(min=1, help="Number of referrals to route.")] = 200,
    patience: Annotated[
        float, typer.Option(min=1, help="Seconds after which a need that has not ended counts as stuck.")
    ] = 140,
    as_json: output.Json = False,
) -> None:
    """Route made-up referrals through a real system and show the outcomes. Never run it on a system with real people.

    The compose system keeps the demo's organisations. Exit status 1 if a referral was lost, doubled or stuck.
    """
    try:
        from deploy.demo.__main__ import main  # needs the extra `local`, which other commands do not
    except ImportError as missing:
        raise UserError(f"{missing.name} is not installed", "run `pip install 'referral-routing[local]'`") from None
    arguments = ["--against", against.value, "--referrals", str(referrals), "--patience", str(patience)]
    status = main([*arguments, "--stderr"] if as_json else arguments)
    if as_json:
        output.as_json({"whole": status == 0})
    raise typer.Exit(status)
