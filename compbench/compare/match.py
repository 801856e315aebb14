"""Two runs side by side, and which variant of the one is which of the other; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from numpy.typing import NDArray

from compbench.errors import UserError, nearest
from compbench.results.record import GROUPS, Run
from compbench.results.row import Row, net_of
from compbench.results.row_index import Rows
from compbench.statistics.gaps import gaps
from compbench.statistics.latency import timings, turn_logs
from compbench.statistics.quality_change import by_seed
from compbench.statistics.summarise import summarise
from compbench.statistics.summary import Summaries


@dataclass(frozen=True)
class Side:
    """A run with its rows; `label` is how its user calls it."""

    label: str
    run: Run
    rows: Rows
    summaries: Summaries
    problems: tuple[str, ...] = ()  # what is wrong with its files

    def artifacts(self, variant: str) -> dict[int, tuple[str, str]]:
        """Seed -> key and sha256 of the ONNX file."""
        found = self.rows.of(variant, "file")
        return {row.seed: (row.key, str(row.samples["sha256"][0])) for row in found}

    def nets(self, variant: str) -> dict[int, str]:
        """Seed -> checksum of what the ONNX file computes, whatever it says of itself."""
        return {row.seed: net_of(row) for row in self.rows.of(variant, "file")}

    @cached_property
    def gaps(self) -> list[str]:
        """What a whole run would have and this one has not, a line each."""
        return [*gaps(self.run, self.rows, self.problems)]

    def scores(self, variant: str, target: str) -> dict[int, NDArray[Any]]:
        """Seed -> a score for each test sample."""
        return by_seed(self.rows.of(variant, "score", target))

    def log_speedups(self, variant: str, over: str, target: str) -> list[float]:
        """For each launch log(time of `over` / time of the variant), the mean over seeds.

        Arms of different groups share no turn: each is then compared with the baseline of its own.
        """
        ours = self._log_ratios(variant, over, target)
        if over != self.run.baseline and self.run.protocol >= GROUPS:
            ours, theirs = (self._log_ratios(v, self.run.baseline, target) for v in (variant, over))
            ours = {i: ratio - theirs[i] for i, ratio in ours.items() if i in theirs}
        return [-ratio for ratio in ours.values()]

    def _log_ratios(self, variant: str, over: str, target: str) -> Mapping[int, float]:
        base = turn_logs(self.rows.of(over, "latency_ns", target))
        return timings(self.rows.of(variant, "latency_ns", target), base).log_ratio


@dataclass(frozen=True)
class Pair:
    """A variant's name in each run; None where it is in one only."""

    a: str | None
    b: str | None

    @property
    def name(self) -> str:
        """What to call it: by its newer name, with the older one where that differs."""
        if self.a and self.b and self.a != self.b:
            return f"{self.b} (A: {self.a})"
        return self.b or self.a or ""


def side(label: str, run: Run, rows: Iterable[Row], problems: Iterable[str] = ()) -> Side:
    """A run as a side of a comparison; `problems` are what is wrong with its files."""
    rows = list(rows)
    return Side(label, run, Rows(rows), summarise(run, rows), tuple(problems))


def match(a: Side, b: Side) -> list[Pair]:
    """Variants of the same name; of those left, ones with the same keys, which were renamed.

    In the order of A, then what is in B only.
    """
    left = [name for name in b.run.variants if name not in a.run.variants]
    pairs = []
    for name in a.run.variants:
        if name in b.run.variants:
            pairs.append(Pair(name, name))
            continue
        twin = next((other for other in left if _keys(a, name) & _keys(b, other)), None)
        if twin:
            left.remove(twin)
        pairs.append(Pair(name, twin))
    return pairs + [Pair(None, name) for name in left]


def is_same_file(a: Side, b: Side, pair: Pair) -> bool:
    """Whether both compute the same, bit for bit, at every seed that both have, and one at least.

    What files say of themselves (their key, say) may differ.
    """
    if pair.a is None or pair.b is None:
        return False
    one, other = a.nets(pair.a), b.nets(pair.b)
    common = [seed for seed in one if seed in other]
    return bool(common) and all(one[seed] == other[seed] for seed in common)


def denominator(a: Side, b: Side, pairs: Iterable[Pair]) -> Pair | None:
    """What both sides' speed-ups are measured over: A's baseline, or B's where A's is not in B."""
    both = [pair for pair in pairs if pair.a and pair.b]
    found = [pair for pair in both if pair.a == a.run.baseline]
    found += [pair for pair in both if pair.b == b.run.baseline]
    return found[0] if found else None


def refuse_nothing_in_common(a: Side, b: Side) -> None:
    """Raises UserError where no variant or no target is in both runs."""
    if not any(pair.a and pair.b for pair in match(a, b)):
        raise UserError(_nothing("variant", a.run.variants, b.run.variants))
    if not set(a.run.targets) & set(b.run.targets):
        raise UserError(_nothing("target", a.run.targets, b.run.targets))


def _nothing(what: str, a: Iterable[str], b: Iterable[str]) -> str:
    a, b = list(a), list(b)
    hints = ((name, nearest(name, b)) for name in a)
    likely = [f"A's '{name}'{hint}" for name, hint in hints if "did you mean" in hint]
    end = "; ".join(likely) if likely else f"A has {', '.join(a)}; B has {', '.join(b)}"
    return f"no {what} is in both runs: {end}"


def _keys(of: Side, variant: str) -> set[str]:
    return {key for key, _ in of.artifacts(variant).values()}
