"""The whole failure model. Every ``except`` in the chassis names its branch.

    HandlingError
    ├── TransientError   the other side is unreachable, or the outcome is in doubt: back off, nack, retry the batch
    ├── PoisonError      this record can never be handled: it goes to the dead letters, its neighbours go on
    └── FatalError       this process cannot go on: it exits and is restarted

An event of ours that can never be published raises nothing, since its neighbours can: `Log.publish` returns it with a
reason code, it goes to the dead letters, and its stream is notified.

An error from Kafka or MongoDB means "in doubt", never "failed": what was sent may have arrived. Repeating is safe only
because ids are the same on every repetition. No message below contains input, since the input is a person.
"""


def where(error: BaseException) -> str:
    """File and line of the innermost frame. Never the message or the locals, which may contain a person."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename.rsplit('/', 2)[-1]}:{trace.tb_lineno}" if trace else ""


class HandlingError(Exception):
    """Base of the tree."""


class TransientError(HandlingError):
    """Retry the whole batch later."""


class PoisonError(HandlingError):
    """Set this record aside. `stage` says where it failed (decode, fold, decide, ...), `code` and `field` say why."""

    def __init__(self, stage: str, code: str, field: str = "") -> None:
        super().__init__(f"{stage}: {code} {field}".rstrip())
        self.stage = stage
        self.code = code
        self.field = field


class FatalError(HandlingError):
    """Exit and be restarted (a fenced producer, a broken configuration)."""


class SettingError(HandlingError):
    """A setting cannot be used, as turns out only when it is. `name` is that of the setting; the text says why."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(problem)
        self.name = name
