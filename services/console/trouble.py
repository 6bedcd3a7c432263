"""What can go wrong for an operator without anything being wrong with this program."""


class Trouble(Exception):  # noqa: N818  (it reads as what happened)
    """Said on stderr in one line with what to do; the exit status is 2 and there is no traceback."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(f"{what}: {hint}")
        self.what, self.hint = what, hint
