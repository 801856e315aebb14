"""The command line's entry: what a user can put right becomes one line and exit code 2."""

from __future__ import annotations

import errno
import io
import os
import sys
import warnings

from compbench.cli.commands import app
from compbench.errors import UserError

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
    _search_here_last()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # where × or µ can't be printed: a question mark
            stream.reconfigure(errors="replace")
    warnings.formatwarning = lambda message, *_, **__: f"warning: {message}\n"
    try:
        app()
    except UserError as error:
        _stop(str(error))
    except OSError as error:
        if error.errno not in _USERS_OSERRORS:
            raise
        _stop(f"{error.filename or 'disk'}: {error.strerror}; what was finished is kept")


def _search_here_last() -> None:
    """Import paths may begin in the current folder, but no file in it is taken for a library."""
    here = os.getcwd()
    if sys.path[:1] in ([""], [here]):  # put there by `python -m`
        del sys.path[0]
    if here not in sys.path:
        sys.path.append(here)


def _stop(message: str) -> None:
    print(f"error: {message}", file=sys.stderr)
    raise SystemExit(2)
