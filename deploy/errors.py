"""Errors that whoever gives a command can do something about: one line that says what is wrong and what to do."""


class UserError(Exception):
    """Printed on stderr in one line, without a traceback. The exit status is `status`."""

    status = 2

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(f"{what}: {hint}")
        self.what, self.hint = what, hint
