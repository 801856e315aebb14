"""A folder that one process at a time writes into."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

_FILE = ".lock"


@contextmanager
def locked(folder: Path) -> Iterator[bool]:
    """Hold a folder's lock; yields whether it is ours, and not another process's.

    A file in it is locked and, where the system can, the folder too: a file may be removed by hand.
    """
    lock = FileLock(folder / _FILE)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        yield False
        return
    held = -1
    try:
        held = os.open(folder, os.O_RDONLY) if sys.platform != "win32" else -1
        yield held < 0 or _is_ours(held)
    finally:
        if held >= 0:
            os.close(held)
        lock.release()


def _is_ours(folder: int) -> bool:
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system that locks no folders: the file's lock has to do
        pass
    return True
