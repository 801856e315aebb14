"""How a run tells what it does, how far it is and how long it will still take."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import mean
from typing import Literal, Protocol

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

_LINE_S = 60.0  # in a pipe, how often a step that goes on tells its news


@dataclass(frozen=True)
class Step:
    """Something that takes time; steps of one kind and name take alike for the same amount."""

    kind: Literal["train", "make", "evaluate", "weigh", "time"]
    name: str
    label: str
    expected_s: float | None = None  # a guess for as long as nothing of its kind was seen
    amount: float = 1.0  # of the work: the epochs of a training


class Tell(Protocol):
    """What a step under way calls with its news."""

    def __call__(self, text: str, share: float | None = None) -> None:
        """`share`: of the step that is done, where that is known."""


class Estimate:
    """Guesses the time left from how long like steps took."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], list[float]] = defaultdict(list)  # seconds by amount
        self._sees: tuple[Step, float] | None = None

    def saw(self, step: Step, seconds: float) -> None:
        """Learn from a finished step."""
        self._sees = None
        self._seen[step.kind, step.name].append(seconds / step.amount)

    def sees(self, step: Step, seconds: float) -> None:
        """Learn from one that goes on: how long it will have taken, by what it has done."""
        self._sees = step, seconds / step.amount

    def left_s(self, steps: Sequence[Step]) -> float | None:
        """Seconds for these steps; None where nothing like them has been seen."""
        guesses = [self._guess(step) for step in steps]
        known = [g for g in guesses if g is not None]
        if not known:
            return None if steps else 0.0
        return sum(mean(known) if g is None else g for g in guesses)

    def _guess(self, step: Step) -> float | None:
        if self._sees and self._sees[0] == step:
            return self._sees[1] * step.amount
        alike = [value for value, *of in self._observed() if of == [step.kind, step.name]]
        alike = alike or [value for value, kind, _ in self._observed() if kind == step.kind]
        return mean(alike) * step.amount if alike else step.expected_s

    def _observed(self) -> Iterator[tuple[float, str, str]]:
        """Seconds by amount, with the kind and the name of the step that took them."""
        for (kind, name), values in self._seen.items():
            yield from ((value, kind, name) for value in values)
        if self._sees:
            yield self._sees[1], self._sees[0].kind, self._sees[0].name


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
        self._estimate = Estimate()
        self._steps: list[Step] = []
        self._done = 0
        self._detail = ""
        self._under_way: UnderWay | None = None

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
    def step(self, step: Step) -> Iterator[Tell]:
        """A step under way; call what it yields with news of it, such as an epoch's figures."""
        started = told = self._clock()
        news, under_way = [""], UnderWay(started)

        def tell(text: str, share: float | None = None) -> None:
            nonlocal told
            news[0] = self._detail = text
            now = self._clock()
            if share and (whole_s := under_way.has_done(share, now)):
                self._estimate.sees(step, whole_s)
            if not self._console.is_terminal and now - told >= _LINE_S:
                told = now
                after = f"after {_clock_time(now - started)}{self._left('; ')}"
                self.note(f"{'':9} {step.label}: {text}, {after}")

        self._detail, self._under_way = "", under_way
        yield tell
        seconds = self._clock() - started
        self._estimate.saw(step, under_way.whole_s or seconds)
        self._under_way = None
        self._done += 1
        count = f"[{self._done}/{len(self._steps)}]"
        left = self._left("; ") if self._done < len(self._steps) else ""
        ending = f" ({news[0]})" if news[0] else ""
        self.note(f"{count:>9} {step.label} in {seconds:.1f} s{ending}{left}")

    def _left(self, before: str = "") -> str:
        """The time left for all steps from the one under way on; nothing where none can say."""
        steps = self._steps[self._done :]
        seconds = self._estimate.left_s(steps)
        if seconds is None:
            return ""
        if self._under_way:
            others = self._estimate.left_s(steps[1:]) or 0.0
            seconds = self._under_way.left_s(seconds - others, self._clock()) + others
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
