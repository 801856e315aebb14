"""Folders for what a process needs while it runs, and what killed ones left of them."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from filelock import FileLock, Timeout

from compbench.files import refuse_no_temporary

_PREFIX = "compbench-"
_OWNER = ".owner"  # a file in it that its owner holds locked for as long as it lives


class Temporary:
    """A folder of this process; `close` removes it. Raises UserError where there can be none."""

    def __init__(self) -> None:
        refuse_no_temporary()
        self.path = tempfile.mkdtemp(prefix=_PREFIX)
        self._lock = FileLock(Path(self.path) / _OWNER)
        self._lock.acquire()

    def close(self) -> None:
        """Remove it with all that is in it."""
        self._lock.release()
        shutil.rmtree(self.path, ignore_errors=True)


def remove_leftovers() -> int:
    """Remove the folders of processes that are no more; how many there were.

    Only one that lies in the folder of temporary files, is this user's, and has a lock that nobody
    holds is surely one of them.
    """
    return sum(map(_removed, Path(tempfile.gettempdir()).glob(f"{_PREFIX}*")))


def _removed(folder: Path) -> bool:
    owner = folder / _OWNER
    try:
        is_own = not folder.is_symlink() and owner.is_file() and not owner.is_symlink()
        if not is_own or (os.name != "nt" and folder.stat().st_uid != os.getuid()):
            return False
        with FileLock(owner, timeout=0):
            shutil.rmtree(folder, ignore_errors=True)
    except (OSError, Timeout):  # it lives, or was removed meanwhile
        return False
    return not folder.exists()
