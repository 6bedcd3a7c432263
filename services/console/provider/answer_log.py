"""What was answered from this machine, so that the inbox can show it: topics of answers are not open to who wrote them.

A file for each provider under ``$XDG_STATE_HOME/referrals`` (``~/.local/state/referrals``), of ids and answers alone.
Another desk's answers are not in it; what follows from those is told by the system all the same.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path

from contracts.words import Answer

from ..shared import output
from ..shared.identity import Identity

_LINES = 5_000
"""The newest that are looked at; notifications are kept for a week."""


def _path(who: Identity) -> Path:
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(home) / "referrals" / f"{who.id}.answers"


def remember(who: Identity, need_id: str, attempt: int, answer: Answer) -> None:
    """Note one. Where that can't be, the answer counts all the same, and it is warned of."""
    path = _path(who)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "a") as file:
            file.write(json.dumps([who.login.kafka, need_id, attempt, answer.value]) + "\n")
    except OSError as error:
        output.warn(f"the inbox will not show this answer: {path} can not be written ({error.strerror})")


def answers(who: Identity) -> Iterator[tuple[str, int, Answer]]:
    """Need, attempt and answer of each, oldest first. What can not be read is passed over."""
    try:
        lines = _path(who).read_text().splitlines()[-_LINES:]
    except (OSError, UnicodeDecodeError):
        return
    for line in lines:
        try:
            kafka, need_id, attempt, answer = json.loads(line)
            if kafka == who.login.kafka:
                yield str(need_id), int(attempt), Answer(answer)
        except (ValueError, TypeError):
            continue
