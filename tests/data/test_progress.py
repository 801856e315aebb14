from __future__ import annotations

import io

import pytest

from compbench.data import progress


class Terminal(io.StringIO):
    """A stream that a person looks on."""

    def isatty(self) -> bool:
        return True


def told(stream: io.StringIO | None, seconds: list[float]) -> None:
    """A reading of 100 in ten parts, each of so many seconds."""
    times = iter([0.0, *seconds, seconds[-1]])
    with progress.told_on(stream), progress.reading("reading", 100, lambda: next(times)) as tell:
        for _ in range(10):
            tell(10)


def test_a_line_now_and_then_in_a_pipe() -> None:
    stream = io.StringIO()
    told(stream, [2, 4, 6, 8, 10, 12.5, 14, 16, 18, 20])
    assert stream.getvalue().splitlines() == [
        "reading: 10 of 100 (10%)",
        "reading: 60 of 100 (60%), about 0:08 left",
        "reading: 100 in 20 s",
    ]


def test_one_line_that_changes_in_a_terminal() -> None:
    stream = Terminal()
    told(stream, [2, 4, 6, 8, 10, 12, 14, 16, 18, 20])
    states = stream.getvalue().split("\r")
    assert len(states) == 11
    assert states[9] == "reading: 90 of 100 (90%), about 0:02 left\x1b[K"
    assert states[10] == "reading: 100 in 20 s\x1b[K\n"


def test_what_takes_a_moment_is_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    stream = io.StringIO()
    told(stream, [0.1 * part for part in range(10)])
    told(None, [2.0 * part for part in range(10)])
    assert stream.getvalue() == ""
    assert capsys.readouterr() == ("", "")


def test_notes_stay(capsys: pytest.CaptureFixture[str]) -> None:
    progress.note("one")
    with progress.told_on(None):
        progress.note("two")
    assert capsys.readouterr().err == "one\n"
