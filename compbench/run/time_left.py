"""How long the steps of a run will still take, guessed from how long steps like them took.

Sums are kept, so that a guess costs the same for ten steps and for a hundred thousand.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Step:
    """Something that takes time; steps of one kind and name take alike for the same amount."""

    kind: Literal["train", "make", "evaluate", "shift", "weigh", "time"]
    name: str
    label: str
    expected_s: float | None = None  # a guess for as long as nothing of its kind was seen
    amount: float = 1.0  # of the work: the epochs of a training


@dataclass
class _Seen:
    """Steps that were seen: the seconds that each took for an amount of one, summed up."""

    seconds: float = 0.0
    count: int = 0

    def add(self, seconds: float, times: int) -> None:
        self.count += times
        self.seconds = self.seconds + times * seconds if self.count else 0.0

    @property
    def mean(self) -> float:
        return self.seconds / self.count


@dataclass
class _Named:
    """Steps of one kind and name."""

    seen: _Seen = field(default_factory=_Seen)
    amount: float = 0.0  # what is left


@dataclass
class _Kind:
    """Steps of one kind, and what is left of them."""

    seen: _Seen = field(default_factory=_Seen)
    named: defaultdict[str, _Named] = field(default_factory=lambda: defaultdict(_Named))
    steps: int = 0
    amount: float = 0.0
    without_guess: int = 0  # those that expect nothing ...
    expected_s: float = 0.0  # ... and what the others do
    seen_amount: float = 0.0  # the part whose namesakes were seen ...
    seen_s: float = 0.0  # ... and what it takes by them

    @contextmanager
    def changed(self, name: str) -> Iterator[_Named]:
        """A name whose figures change in the block; the sums over all names follow."""
        one = self.named[name]
        self._count(one, -1)
        yield one
        self._count(one, 1)

    def _count(self, one: _Named, times: int) -> None:
        if one.seen.count:
            self.seen_amount += times * one.amount
            self.seen_s += times * one.amount * one.seen.mean

    def plan(self, step: Step, times: int) -> None:
        """One more step that is left, or (-1) one less."""
        with self.changed(step.name) as one:
            one.amount += times * step.amount
        self.steps += times
        self.amount += times * step.amount
        self.without_guess += times * (step.expected_s is None)
        self.expected_s += times * (step.expected_s or 0.0)

    def guess_s(self, step: Step) -> float | None:
        """Seconds for a step: as its namesakes took, or its kind, or as it expects."""
        for seen in (self.named[step.name].seen, self.seen):
            if seen.count:
                return seen.mean * step.amount
        return step.expected_s

    @property
    def known_s(self) -> float:
        """Seconds for the steps left of which a guess is known."""
        if not self.seen.count:
            return self.expected_s
        return self.seen_s + (self.amount - self.seen_amount) * self.seen.mean

    @property
    def unknown(self) -> int:
        """The steps of which there is none."""
        return 0 if self.seen.count else self.without_guess


class TimeLeft:
    """Guesses the time left from how long like steps took."""

    def __init__(self) -> None:
        self._kinds: defaultdict[str, _Kind] = defaultdict(_Kind)
        self._planned: dict[Step, int] = {}
        self._sees: tuple[Step, float] | None = None

    def plan(self, steps: Sequence[Step]) -> None:
        """These are left, and nothing else; what was learnt of earlier ones stays."""
        for step, times in self._planned.items():
            self._kinds[step.kind].plan(step, -times)
        self._planned = {}
        for step in steps:
            self._planned[step] = self._planned.get(step, 0) + 1
            self._kinds[step.kind].plan(step, 1)

    def saw(self, step: Step, seconds: float) -> None:
        """Learn from a finished step, which is no longer left."""
        self._forget()
        self._learn(step, seconds, 1)
        if self._planned.get(step):
            self._planned[step] -= 1
            self._kinds[step.kind].plan(step, -1)

    def sees(self, step: Step, seconds: float) -> None:
        """Learn from one that goes on: how long it will have taken, by what it has done."""
        self._forget()
        self._sees = step, seconds
        self._learn(step, seconds, 1)

    def guess_s(self, step: Step) -> float:
        """Seconds for one of those that are left, as `seconds` counts it; 0 if it is none."""
        if not self._planned.get(step):
            return 0.0
        guess = self._kinds[step.kind].guess_s(step)
        return self._mean_s or 0.0 if guess is None else guess

    def seconds(self) -> float | None:
        """Seconds for all that are left; None where nothing like them has been seen.

        Steps of which nothing is known take as long as the others do on average.
        """
        steps = self._steps
        mean_s = self._mean_s if steps else 0.0
        return None if mean_s is None else mean_s * steps

    @property
    def _steps(self) -> int:
        return sum(kind.steps for kind in self._kinds.values())

    @property
    def _mean_s(self) -> float | None:
        """Seconds of a step that is left, on average of those of which something is known."""
        known = self._steps - sum(kind.unknown for kind in self._kinds.values())
        known_s = sum(kind.known_s for kind in self._kinds.values())
        return max(0.0, known_s) / known if known else None

    def _forget(self) -> None:
        if self._sees:
            self._learn(*self._sees, -1)
            self._sees = None

    def _learn(self, step: Step, seconds: float, times: int) -> None:
        kind = self._kinds[step.kind]
        kind.seen.add(seconds / step.amount, times)
        with kind.changed(step.name) as one:
            one.seen.add(seconds / step.amount, times)
