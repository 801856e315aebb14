"""The boundary of what may fail: whatever goes wrong inside fails one row, never the run."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from compbench.errors import LONGEST, JobFailed, UserError, first_line, plain, shortened
from compbench.files import FULL_DISK, write_whole


@contextmanager
def boundary(place: Callable[[JobFailed], Path]) -> Iterator[None]:
    """Turn every exception into JobFailed, its reason in one line that names a file with the rest.

    `place` says where that file is: a traceback, or what a process said before it ended. Passed on
    is what ends a run: KeyboardInterrupt, UserError, a full disk. A plugin's SystemExit is not.
    """
    try:
        yield
    except (KeyboardInterrupt, GeneratorExit, UserError):
        raise
    except JobFailed as error:
        if error.details:
            _note(error, place(error))
        raise
    except BaseException as error:  # SystemExit, and the panics of libraries in Rust, too
        if isinstance(error, OSError) and error.errno in FULL_DISK:
            raise
        reason = f"{type(error).__name__}: {first_line(error)}"
        failure = JobFailed(reason, traceback.format_exc())
        _note(failure, place(failure))
        raise failure from error


def _note(error: JobFailed, path: Path) -> None:
    """Write an error's details to a file, and name it in the reason."""
    write_whole(path, plain(error.details).encode(errors="replace"))
    where = f" (traceback: {path})"
    error.args = (shortened(str(error), max(100, LONGEST - len(where))) + where,)
