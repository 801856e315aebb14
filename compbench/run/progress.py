"""How a run tells what it does, how far it is and how long it will still take."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import mean
from typing import Literal

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

_LINE_S = 60.0  # in a pipe, how often a step that goes on tells its news


@dataclass(frozen=True)
class Step:
    """Something that takes time; steps of one kind and name take alike."""

    kind: Literal["make", "evaluate", "weigh", "time"]
    name: str
    label: str
    expected_s: float | None = None  # a guess for as long as nothing of its kind was seen


class Estimate:
    """Guesses the time left from how long like steps took."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], list[float]] = defaultdict(list)

    def saw(self, step: Step, seconds: float) -> None:
        """Learn from a finished step."""
        self._seen[step.kind, step.name].append(seconds)

    def left_s(self, steps: Sequence[Step]) -> float | None:
        """Seconds for these steps; None where nothing like them has been seen."""
        guesses = [self._guess(step) for step in steps]
        known = [g for g in guesses if g is not None]
        if not known:
            return None if steps else 0.0
        return sum(mean(known) if g is None else g for g in guesses)

    def _guess(self, step: Step) -> float | None:
        seen = self._seen.get((step.kind, step.name))
        if seen:
            return mean(seen)
        alike = [s for (kind, _), values in self._seen.items() if kind == step.kind for s in values]
        return mean(alike) if alike else step.expected_s


class Progress:
    """Shows steps on a console: a live bar in a terminal; in a pipe a line a step, and a minute."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic):
        self._console = console
        self._clock = clock
        self._estimate = Estimate()
        self._steps: list[Step] = []
        self._done = 0
        self._detail = ""

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
        self._done = 0
        if not self._console.is_terminal:
            yield
            return
        with Live(get_renderable=self._bar, console=self._console, transient=True):
            yield

    @contextmanager
    def step(self, step: Step) -> Iterator[Callable[[str], None]]:
        """A step under way; call what it yields with news of it, such as an epoch's figures."""
        started = told = self._clock()
        news = [""]

        def tell(text: str) -> None:
            nonlocal told
            news[0] = self._detail = text
            now = self._clock()
            if not self._console.is_terminal and now - told >= _LINE_S:
                told = now
                self.note(f"{'':9} {step.label}: {text}, after {_clock_time(now - started)}")

        self._detail = ""
        yield tell
        seconds = self._clock() - started
        self._estimate.saw(step, seconds)
        self._done += 1
        count = f"[{self._done}/{len(self._steps)}]"
        left = f"; {self._left()}" if self._left() and self._done < len(self._steps) else ""
        ending = f" ({news[0]})" if news[0] else ""
        self.note(f"{count:>9} {step.label} in {seconds:.1f} s{ending}{left}")

    def _left(self) -> str:
        seconds = self._estimate.left_s(self._steps[self._done :])
        return "" if seconds is None else f"about {_clock_time(seconds)} left"

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
