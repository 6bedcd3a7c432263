"""The error for mistakes that the person at the command line can fix: one line, what is wrong and what to do."""


class UserError(Exception):
    """Printed on stderr as one line, `what` is wrong and a `hint` what to do, without a traceback.

    `status` is the exit status of the command.
    """

    status = 2

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(f"{what}: {hint}")
        self.what, self.hint = what, hint
