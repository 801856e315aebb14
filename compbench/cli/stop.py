"""Ending a command from outside: Ctrl-C, SIGTERM, a terminal that is closed."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_NAMES = ("SIGTERM", "SIGHUP")  # SIGINT is Python's own
EXIT = 128  # and the signal's number: what shells say of it


class Stopped(KeyboardInterrupt):
    """A signal that asks the process to end; everything is tidied up as after Ctrl-C."""

    def __init__(self, number: int):
        super().__init__()
        self.number = number


@contextmanager
def stoppable() -> Iterator[None]:
    """Within it, a signal to end is raised as `Stopped`; one that is ignored stays so (nohup)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    before = {n: signal.getsignal(n) for n in numbers}
    asked = [n for n, handler in before.items() if handler is signal.SIG_DFL]
    for number in asked:
        signal.signal(number, _raise)
    try:
        yield
    finally:
        for number in asked:
            signal.signal(number, before[number])


def exit_code(error: KeyboardInterrupt) -> int:
    """As a shell tells it: 130 after Ctrl-C, 143 after SIGTERM."""
    return EXIT + getattr(error, "number", signal.SIGINT)


def _raise(number: int, _: FrameType | None) -> None:
    raise Stopped(number)
