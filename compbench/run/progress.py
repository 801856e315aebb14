"""How a run tells what it does, how far it is and how long it will still take."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from compbench.run.time_left import Step, TimeLeft

_LINE_S = 60.0  # in a pipe, how often a step that goes on tells its news


class Tell(Protocol):
    """What a step under way calls with its news."""

    def __call__(self, text: str, share: float | None = None) -> None:
        """`share`: of the step that is done, where that is known."""


@dataclass
class UnderWay:
    """A step that goes on, and its pace where it tells which share of it is done."""

    started: float
    whole_s: float | None = None  # what all of it takes at its pace: part may have been done before
    _first: tuple[float, float] | None = None  # the share and the time of its first news
    _last: tuple[float, float] = (0.0, 0.0)

    def has_done(self, share: float, now: float) -> float | None:
        """Take news; the seconds that all of it takes, if its pace is known."""
        before, since = self._first or (0.0, self.started)
        if share > before:
            self.whole_s = (now - since) / (share - before)
            self._first = self._first or (share, now)
        else:  # there is more to do than was known, as in another round of pruning
            self._first = share, now
        self._last = share, now
        return self.whole_s

    def left_s(self, guess: float, now: float) -> float:
        """Seconds of it still to come, by its pace, or by a guess of all of it; never below 0."""
        share, since = self._last if self.whole_s else (0.0, self.started)
        return max(0.0, (self.whole_s or guess) * (1 - share) - (now - since))


class Progress:
    """Shows steps on a console: a live bar in a terminal; in a pipe a line a step, and a minute."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic):
        self._console = console
        self._clock = clock
        self._time_left = TimeLeft()
        self._steps: list[Step] = []
        self._done = 0
        self._detail = ""
        self._under_way: tuple[Step, UnderWay] | None = None

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is shown."""
        return self._console.quiet

    def note(self, text: str) -> None:
        """A line that stays."""
        self._console.print(text, markup=False, emoji=False, highlight=False, soft_wrap=True)

    @contextmanager
    def plan(self, steps: Sequence[Step]) -> Iterator[None]:
        """Announce all steps; show them until the end of the block."""
        self._steps = list(steps)
        self._time_left.plan(steps)
        self._done = 0
        if not self._console.is_terminal:
            yield
            return
        with Live(get_renderable=self._bar, console=self._console, transient=True):
            yield

    @contextmanager
    def step(self, step: Step) -> Iterator[Tell]:
        """A step under way; call what it yields with news of it, such as an epoch's figures."""
        started = told = self._clock()
        news, under_way = [""], UnderWay(started)

        def tell(text: str, share: float | None = None) -> None:
            nonlocal told
            news[0] = self._detail = text
            now = self._clock()
            if share and (whole_s := under_way.has_done(share, now)):
                self._time_left.sees(step, whole_s)
            if not self._console.is_terminal and now - told >= _LINE_S:
                told = now
                after = f"after {_clock_time(now - started)}{self._left('; ')}"
                self.note(f"{'':9} {step.label}: {text}, {after}")

        self._detail, self._under_way = "", (step, under_way)
        yield tell
        seconds = self._clock() - started
        self._time_left.saw(step, under_way.whole_s or seconds)
        self._under_way = None
        self._done += 1
        count = f"[{self._done}/{len(self._steps)}]"
        left = self._left("; ") if self._done < len(self._steps) else ""
        ending = f" ({news[0]})" if news[0] else ""
        self.note(f"{count:>9} {step.label} in {seconds:.1f} s{ending}{left}")

    def _left(self, before: str = "") -> str:
        """The time left for all steps from the one under way on; nothing where none can say."""
        seconds = self._time_left.seconds()
        if seconds is None:
            return ""
        if self._under_way:
            step, under_way = self._under_way
            guess_s = self._time_left.guess_s(step)
            seconds += under_way.left_s(guess_s, self._clock()) - guess_s
        return f"{before}about {_clock_time(seconds)} left"

    def _bar(self) -> Table:
        table = Table.grid(padding=(0, 1))
        step = self._steps[self._done] if self._done < len(self._steps) else None
        table.add_row(
            ProgressBar(total=max(1, len(self._steps)), completed=self._done, width=20),
            f"{self._done}/{len(self._steps)}",
            Text(step.label if step else ""),
            Text(self._detail),
            self._left(),
        )
        return table


def _clock_time(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
