"""How a process is started that answers tasks: the ways to do it have one interface."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import IO, Any, Protocol

from compbench.files import PLACES

_ANSWERS = "compbench.runtime.process"  # the module whose `main` the process runs
_LINUX_DIES_WITH_PARENT = 1  # PR_SET_PDEATHSIG


class Child(Protocol):
    """A process that was started: what is used here of `subprocess.Popen`."""

    pid: int
    stdin: Any
    stdout: Any

    def kill(self) -> None:
        """End it."""
        ...

    def wait(self) -> int:
        """Its exit code, or minus the signal that ended it."""
        ...


Start = Callable[[str, IO[bytes]], Child]  # a folder for temporary files; where it tells of errors


def spawned(folder: str, journal: IO[bytes]) -> Child:
    """A Python of its own, in a process group of its own."""
    # modules are found as here, and none in the folder where it happens to start
    code = f"import sys; sys.path[:] = {sys.path!r}; from {_ANSWERS} import main; "
    code += f"main({os.getpid()})"
    return subprocess.Popen(
        [sys.executable, "-X", "faulthandler", "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=journal,
        env={**os.environ, **dict.fromkeys(PLACES, folder)},
        start_new_session=True,
    )


def die_with_parent(parent: int) -> None:
    """End this process when its parent ends; elsewhere than on Linux it ends with its input.

    `parent` is the process that started it: one that is gone already ends it now.
    """
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_LINUX_DIES_WITH_PARENT, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
