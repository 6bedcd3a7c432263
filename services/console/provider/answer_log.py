"""The answers given from this machine, so that the inbox can show them: a provider may not read its topic of answers.

There is one file per provider in ``$XDG_STATE_HOME/referrals`` (``~/.local/state/referrals``). It holds ids and answers
only. Answers from another machine are not in it; the inbox shows only what follows from them.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path

from contracts.words import Answer

from ..shared import output
from ..shared.identity import Identity

_LINES = 5_000
"""How many of the newest lines are read; notifications are kept for a week."""


def _path(who: Identity) -> Path:
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(home) / "referrals" / f"{who.id}.answers"


def remember(who: Identity, need_id: str, attempt: int, answer: Answer) -> None:
    """Note an answer. When the file cannot be written, print a warning: the answer was sent all the same."""
    path = _path(who)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "a") as file:
            file.write(json.dumps([who.login.kafka, need_id, attempt, answer.value]) + "\n")
    except OSError as error:
        output.warn(f"the answer was sent, but the inbox will not show it: {path} cannot be written ({error.strerror})")


def answers(who: Identity) -> Iterator[tuple[str, int, Answer]]:
    """Need, attempt and answer of each noted answer, oldest first. Unreadable lines are skipped."""
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
