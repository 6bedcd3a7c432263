"""Keys for a system that is tried out: made once, kept as files in a folder that only its owner can read.

    environment(data / "keys", "intake")        # a service's settings that hold keys; made at the first call
    operator_private_key(data / "keys")         # opens dead letters

In production keys come from a vault, and the operator's private key is nowhere near the services.
"""

import contextlib
import os
import secrets
import tempfile
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

from services.chassis.encryption import new_key, new_pair, public_of

_OPERATOR = "operator"


def environment(folder: Path, service: str, private: Path | None = None) -> dict[str, str]:
    """The settings (environment variables) of one service that hold keys: its own and no other's.

    `private` is where the private keys are that no service is given; `folder` too unless it is named.
    """
    private = private or folder
    own = {"REFERRALS_OPERATOR_KEY": public_of(operator_private_key(private))}
    if service == "intake":
        own["REFERRALS_ID_SECRET"] = kept(folder / "id_secret", _random)
        own["REFERRALS_MASTER_KEY"] = kept(folder / "master_key", _random)
    if service == "notification":
        own["REFERRALS_INTAKE_KEY"] = public_of(intake_private_key(private))
        own["REFERRALS_HASH_KEY"] = kept(folder / "hash_key", _random)
    return own


def operator_private_key(folder: Path) -> str:
    """The operator's private key, raw in base64."""
    return kept(folder / _OPERATOR, lambda: new_pair()[0])


def operator_key_file(folder: Path) -> str:
    """The path of the operator's private key, which is there and can be read by its owner only."""
    operator_private_key(folder)
    return str(folder / _OPERATOR)


def operator_token(folder: Path) -> str:
    """The bearer token of the services' read-only JSON."""
    return kept(folder / "operator_token", lambda: secrets.token_urlsafe(24))


def intake_private_key(folder: Path) -> str:
    """Opens what providers wrote in free text; raw in base64."""
    return kept(folder / "intake", lambda: new_pair()[0])


def _random() -> str:
    return b64encode(new_key()).decode()


def kept(file: Path, make: Callable[[], str]) -> str:
    """What the file says; made at the first call, readable by its owner only."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile("w", dir=file.parent) as new:  # readable by its owner only
            new.write(make())
            new.flush()
            with contextlib.suppress(FileExistsError):
                os.link(new.name, file)  # whole or not at all, and the first one wins
    return file.read_text()
