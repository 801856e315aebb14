"""compbench's commands called in this process, with all that they print."""

from __future__ import annotations

import io
import sys
import traceback
import warnings
from contextlib import redirect_stderr, redirect_stdout
from typing import NamedTuple
from unittest.mock import patch

from compbench.cli import main

TRACEBACK = -1  # in place of an exit code


class Said(NamedTuple):
    """A command's exit code, and what it printed; of a traceback the last lines are on stderr."""

    code: int
    out: str
    err: str


def called(*arguments: str) -> Said:
    """Call a command. Whatever it raises is a traceback, but for Ctrl-C."""
    out, err = io.StringIO(), io.StringIO()
    with (
        redirect_stdout(out),
        redirect_stderr(err),
        warnings.catch_warnings(record=True) as told,
        patch.object(sys, "argv", ["compbench", *arguments]),
        patch.object(warnings, "formatwarning", warnings.formatwarning),
    ):
        warnings.simplefilter("always")
        try:
            main.main()
            code: object = 0
        except SystemExit as stopped:
            code = stopped.code
        except KeyboardInterrupt:
            raise
        except BaseException:
            return Said(TRACEBACK, out.getvalue(), traceback.format_exc()[-600:])
    said = "".join(f"warning: {each.message}\n" for each in told)
    return Said(code if isinstance(code, int) else 0, out.getvalue(), said + err.getvalue())
