"""The errors of the command line, by exit status: 2 is `UserError` itself, 1 `RefusedError`, 3 `UnreachableError`."""

from deploy.errors import UserError as UserError


class RefusedError(UserError):
    """The request was understood, and the answer is no: not known, not possible, or invalid."""

    status = 1


class UnreachableError(UserError):
    """Nobody answered, or not in time. The same command may be given again."""

    status = 3
