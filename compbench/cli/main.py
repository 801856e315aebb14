"""The command line's entry: what a user can put right becomes one line and exit code 2."""

from __future__ import annotations

import errno
import io
import os
import sys
import warnings

from compbench.cli.commands import app
from compbench.errors import UserError, place, printable
from compbench.files import disk_error

_USERS_OSERRORS = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EACCES,
    errno.EROFS,
    errno.EPERM,
    errno.ENOTDIR,
    errno.EEXIST,
    errno.EISDIR,
)


def main() -> None:
    """The `compbench` command: a user's mistake is one line and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # where × or µ can't be printed: a question mark
            stream.reconfigure(errors="replace")
    warnings.formatwarning = lambda message, *_, **__: (
        f"warning: {printable(str(message), lines=True)}\n"
    )
    try:
        try:
            app()
        finally:
            sys.stdout.flush()  # here, and not at the very end, where nothing can be done about it
    except UserError as error:
        _stop(str(error))
    except SystemExit as error:
        where = place(error)
        if where:  # not by a command's own end
            _stop(f"a plugin ended the program by sys.exit({error.code!r}) in {where}")
        raise
    except BrokenPipeError:  # nobody reads it any more: `| head`
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, for what Python writes at its end
        raise SystemExit(1) from None
    except OSError as error:
        if error.errno not in _USERS_OSERRORS:
            raise
        _stop(f"{disk_error(error)}; what was finished is kept")


def _stop(message: str) -> None:
    print(f"error: {message}", file=sys.stderr)
    raise SystemExit(2)
