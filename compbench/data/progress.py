"""How reading a dataset tells what it does, how far it is and how long it will still take.

Where nobody listens it is told on stderr, and only of what takes longer than a moment.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TextIO

_MOMENT_S = 1.0  # what is done by then is not worth a word
_LINE_S = 10.0  # between two lines where no person looks on
_BAR_S = 0.2  # between two states of the line in a terminal
_STREAM: ContextVar[TextIO | str | None] = ContextVar("stream", default="stderr")


@contextmanager
def told_on(stream: TextIO | None) -> Iterator[None]:
    """Within it, readings are told there; with None nowhere."""
    token = _STREAM.set(stream)
    try:
        yield
    finally:
        _STREAM.reset(token)


def note(text: str) -> None:
    """A line that stays: what was left out, what was made again."""
    stream = _stream()
    if stream is not None:
        print(text, file=stream, flush=True)


@contextmanager
def reading(
    what: str, total: int, clock: Callable[[], float] = time.monotonic
) -> Iterator[Callable[[int], None]]:
    """A long reading; call what it yields with how many of the `total` are done since the last."""
    stream = _stream()
    is_terminal = stream is not None and stream.isatty()
    every_s = _BAR_S if is_terminal else _LINE_S
    started = due = clock()
    due += _MOMENT_S
    done, first, first_s, was_told = 0, 0, started, False

    def tell(more: int) -> None:
        nonlocal done, first, first_s, due, was_told
        done, now = done + more, clock()
        if not first:  # before it, processes were started
            first, first_s = done, now
        if stream is not None and now >= due and done < total:
            due, was_told = now + every_s, True
            since = done - first
            left_s = (now - first_s) / since * (total - done) if since else None
            _write(stream, is_terminal, _state(what, done, total, left_s))

    yield tell
    if stream is not None and was_told:
        _write(stream, is_terminal, f"{what}: {total:,} in {clock() - started:.0f} s", "\n")


def _stream() -> TextIO | None:
    found = _STREAM.get()
    return sys.stderr if isinstance(found, str) else found


def _state(what: str, done: int, total: int, left_s: float | None) -> str:
    left = f", about {int(left_s) // 60}:{int(left_s) % 60:02d} left" if left_s is not None else ""
    return f"{what}: {done:,} of {total:,} ({done / total:.0%}){left}"


def _write(stream: TextIO, is_terminal: bool, text: str, end: str = "") -> None:
    """In a terminal over the line before it (ECMA-48's "erase to the end of the line")."""
    if is_terminal:
        print(f"\r{text}\x1b[K", file=stream, flush=True, end=end)
    else:
        print(text, file=stream, flush=True)
