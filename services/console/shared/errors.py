"""The errors of the command line by exit status: `RefusedError` 1, `UserError` 2, `UnreachableError` 3."""

from deploy.errors import UserError as UserError


class RefusedError(UserError):
    """The command was understood, and the answer is no: unknown, impossible, or invalid."""

    status = 1


class UnreachableError(UserError):
    """Nothing responded, or not in time. The same command can be repeated."""

    status = 3
