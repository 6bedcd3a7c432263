"""Keys for development and compose: made once, stored as files in a folder that only its owner can read.

    environment(data / "keys", "intake")        # a service's settings that hold keys; made by the first call
    operator_private_key(data / "keys")         # decrypts dead letters

In production the keys come from a vault, and the operator's private key is never on a machine of the services.
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
    """The settings (environment variables) of one service that hold keys, and none of another service.

    `private` is the folder of the private keys that no service receives; by default it is `folder`.
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
    """The path of the operator's private key, which is created when it is missing. Only its owner can read it."""
    operator_private_key(folder)
    return str(folder / _OPERATOR)


def operator_token(folder: Path) -> str:
    """The bearer token for the services' read-only JSON."""
    return kept(folder / "operator_token", lambda: secrets.token_urlsafe(24))


def intake_private_key(folder: Path) -> str:
    """Intake's private key, which decrypts the free text of providers; raw in base64."""
    return kept(folder / "intake", lambda: new_pair()[0])


def _random() -> str:
    return b64encode(new_key()).decode()


def kept(file: Path, make: Callable[[], str]) -> str:
    """The text of the file. The first call creates it with what `make` returns, readable by its owner only."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile("w", dir=file.parent) as new:  # only its owner can read it
            new.write(make())
            new.flush()
            with contextlib.suppress(FileExistsError):
                os.link(new.name, file)  # written in one step, and the first process wins
    return file.read_text()
