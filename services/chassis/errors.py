"""The whole failure model. Every ``except`` in the chassis names its branch.

    Failure
    ├── Transient       the other side is away or in doubt: back off, nack, the batch comes again
    ├── Poison          this record can never be handled: to the dead letters, its neighbours go on
    ├── Undeliverable   this emitted event can never be published: to the dead letters, its stream is told
    └── Fatal           this process can not go on: exit, be restarted

An error from Kafka or MongoDB means "in doubt", never "failed": what was sent may be there. Only ids that are the same
on every repetition make repeating safe. No message below carries input, since the input is a person.
"""


def where(error: BaseException) -> str:
    """File and line of the innermost frame; never the message or the locals, which may hold a person."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename.rsplit('/', 2)[-1]}:{trace.tb_lineno}" if trace else ""


class HandlingError(Exception):
    """Base of the tree."""


class TransientError(HandlingError):
    """Try the whole batch again, later."""


class PoisonError(HandlingError):
    """Set this record aside. `stage` says where (decode, fold, decide, ...), `code` and `field` say why."""

    def __init__(self, stage: str, code: str, field: str = "") -> None:
        super().__init__(f"{stage}: {code} {field}".rstrip())
        self.stage = stage
        self.code = code
        self.field = field


class UndeliverableError(HandlingError):
    """Set this emitted event aside. `code` says why it can not be published."""

    def __init__(self, topic: str, code: str) -> None:
        super().__init__(f"{topic}: {code}")
        self.topic = topic
        self.code = code


class FatalError(HandlingError):
    """Exit and be restarted (a fenced producer, a broken configuration)."""
