"""Commands in processes of their own: how long they took, and how much memory they held."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Cost:
    """What a command and the processes below it took."""

    seconds: float
    cpu_seconds: float  # of all of them
    peak_gb: float  # RSS of the largest

    def __str__(self) -> str:
        return f"{self.seconds:.1f} s ({self.cpu_seconds:.1f} s CPU), at most {self.peak_gb:.2f} GB"


def compbench(*arguments: str) -> list[str]:
    """Its command, as it is in this checkout."""
    return [sys.executable, "-m", "compbench", *arguments]


def timed(command: Sequence[str], codes: Sequence[int] = (0,)) -> Cost:
    """What a command took. Raises AssertionError, with its last words, for other exit codes.

    The system counts what its caller held to a new process: call it from a small one.
    """
    with tempfile.TemporaryFile("w+") as said:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        assert process.returncode in codes, f"exit code {process.returncode}: {said.read()[-2000:]}"
    return Cost(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1e6)


def tree(process: psutil.Process) -> list[psutil.Process]:
    """A process and all below it."""
    with suppress(psutil.NoSuchProcess):
        return [process, *process.children(recursive=True)]
    return []


def resident_bytes(processes: Iterable[psutil.Process]) -> int:
    """What processes hold together; pages that they share, or map from files, count once (PSS)."""
    found = 0
    for process in processes:
        with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            found += process.memory_full_info().pss
    return found
