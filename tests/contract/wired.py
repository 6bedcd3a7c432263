"""``python -m tests.contract.wired SERVICE``: what the service subscribes to and handles, as JSON, without a server.

It runs in its own process, since building a service configures logging for the whole process.
"""

import importlib
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from deploy.secrets.keys import environment

name = sys.argv[1]
with tempfile.TemporaryDirectory() as folder:
    os.environ |= environment(Path(folder), name)
settings = importlib.import_module(f"services.{name}.settings")
service = importlib.import_module(f"services.{name}.app").build(getattr(settings, f"{name.capitalize()}Settings")())


def taken(handler: Any) -> list[str]:
    """The event types that a loop's policy handles, or a gate's admission accepts."""
    policy = getattr(handler, "_policy", None)
    return sorted(policy.handles if policy is not None else handler._admission.accepts)


def journaled(handler: Any) -> list[str]:
    """The event types that a loop's policy folds; a gate has none."""
    policy = getattr(handler, "_policy", None)
    return sorted(policy.facts if policy is not None else ())


json.dump(
    {
        "read": [
            {"topics": list(each.topics), "pattern": each.pattern, "takes": taken(each._handler)}
            for each in service._subscriptions
        ],
        "followed": [each._pattern for each in service._followers],
        "journaled": [kind for each in service._subscriptions for kind in journaled(each._handler)],
        "subscribers": len(service.broker.subscribers),
    },
    sys.stdout,
)
