"""What can go wrong for whoever gives a command without anything being wrong with this program."""


class Trouble(Exception):  # noqa: N818  (it reads as what happened)
    """Said on stderr in one line with what to do; there is no traceback. The exit status is `status`."""

    status = 2

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(f"{what}: {hint}")
        self.what, self.hint = what, hint


class Refused(Trouble):
    """It was read and understood, and the answer is no: not known, not possible, or at fault."""

    status = 1


class Unreachable(Trouble):
    """Nobody answers, or not in time: it may be tried again as it is."""

    status = 3
