"""What a process is told to do in tests: crash, hang, leave things, be killed."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from compbench.errors import JobFailed, UserError
from compbench.runtime.process import Arrays, mark


def give_back(spec: dict[str, Any], arrays: Arrays) -> Arrays:
    return arrays


def tell(spec: dict[str, Any], arrays: Arrays) -> Arrays:
    """Its process, and the place for temporary files."""
    return {"pid": np.array(os.getpid()), "folder": np.array(tempfile.gettempdir())}


def segfault(spec: dict[str, Any], arrays: Arrays) -> Arrays:
    """As ONNX Runtime would end it, in the middle of something that left a file."""
    Path(tempfile.gettempdir(), "left over").write_text("x")
    mark(spec.get("at", ""))
    os.kill(os.getpid(), signal.SIGSEGV)
    raise AssertionError


def killed(spec: dict[str, Any], arrays: Arrays) -> Arrays:
    """Killed as often as it is told to be, which a file counts."""
    count = Path(spec["count"])
    times = len(count.read_text()) if count.exists() else 0
    count.write_text("x" * (times + 1))
    if times < spec["times"]:
        os.kill(os.getpid(), spec.get("signal", signal.SIGKILL))
    return arrays


def hang(spec: dict[str, Any], arrays: Arrays) -> Arrays:
    """Starts a process of its own first; both their ids are written to a file."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    Path(spec["pids"]).write_text(f"{os.getpid()} {child.pid}")
    mark("the slow one")
    time.sleep(60)
    raise AssertionError


def work_slowly(spec: dict[str, Any], arrays: Arrays) -> Arrays:
    for _ in range(spec["steps"]):
        mark()
        time.sleep(spec["seconds"])
    return {}


def print_much(spec: dict[str, Any], arrays: Arrays) -> Arrays:
    for place in (1, 2):
        os.write(place, b"noise\n" * 100_000)
    print("more noise")
    return arrays


def leave(spec: dict[str, Any], arrays: Arrays) -> Arrays:
    os.write(2, b"first words\nlast words\n")
    os._exit(3)


def fail(spec: dict[str, Any], arrays: Arrays) -> Arrays:
    mark("someone")
    failures: dict[str, BaseException] = {
        "job": JobFailed("it does not fit", "with details"),
        "plain": ValueError("\x1b[31mred\x1b[0m\nand more"),
        "exit": SystemExit(5),
        "panic": _Panic("a library in Rust"),
        "disk": OSError(errno.ENOSPC, "No space left on device", spec.get("file")),
        "file": FileNotFoundError(errno.ENOENT, "No such file", "x"),
        "user": UserError("write it otherwise"),
    }
    raise failures[spec["kind"]]


class _Panic(BaseException):
    pass
