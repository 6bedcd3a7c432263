"""`referrals demo`: made-up people go through the system, and it is looked at that nobody is lost."""

from enum import StrEnum
from typing import Annotated

import typer

from ..shared import output
from ..shared.errors import UserError


class System(StrEnum):
    """Which one is shown."""

    LOCAL = "local"
    COMPOSE = "compose"


def demo(
    against: Annotated[System, typer.Option(help="One of its own, or that of `docker compose up`.")] = System.LOCAL,
    referrals: Annotated[int, typer.Option(min=1, help="How many are routed.")] = 200,
    patience: Annotated[float, typer.Option(min=1, help="Seconds until what has not ended counts as stuck.")] = 140,
    as_json: output.Json = False,
) -> None:
    """Route made-up referrals through a real system, and show what became of each.

    Exit status 1 if one was lost, doubled or stuck. The compose system keeps the demo's organisations; made-up people
    must not meet real ones: use it for trying out.
    """
    try:
        from deploy.demo.__main__ import main  # needs the extra `local`, which other commands do not
    except ImportError as missing:
        raise UserError(f"{missing.name} is not installed", "pip install 'referral-routing[local]'") from None
    asked = ["--against", against.value, "--referrals", str(referrals), "--patience", str(patience)]
    status = main([*asked, "--stderr"] if as_json else asked)
    if as_json:
        output.as_json({"whole": status == 0})
    raise typer.Exit(status)
