"""How long a command waits for the system's reply, and the errors for a reply that does not come or refuses."""

from typing import Annotated

import typer

from contracts.provider import ProviderInputRefused

from ..shared.errors import RefusedError, UnreachableError

DEFAULT_WAIT = 20.0
"""Seconds that a command waits by default."""

Wait = Annotated[float, typer.Option(min=1, help="Seconds to wait for the system's reply.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="For scripts: send, and do not wait for the reply.")]


def not_confirmed(what: str, wait: float) -> UnreachableError:
    """No reply came in time."""
    hint = "`referrals inbox` shows whether it took effect; a repetition does no harm"
    return UnreachableError(f"{what} was sent, but not confirmed within {wait:g} s", hint)


def refused(what: str, reply: ProviderInputRefused) -> RefusedError:
    """The system cannot use what was sent."""
    return RefusedError(f"{what} was refused", "; ".join(f"{each.field} {each.fix}" for each in reply.problems))
