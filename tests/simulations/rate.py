"""What a simulation found: how often something happened, and how often it may."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from scipy import stats

from tests import simulations


@dataclass(frozen=True)
class Rate:
    """`count` of `trials`, in a condition; `limit` is what is promised, None where nothing is."""

    verdict: str  # what was said: "a truly better variant dropped from the front"
    condition: str  # "360 images, 0.5 pp better"
    count: int
    trials: int
    limit: float | None = None  # a share, 0 to 1
    at_least: bool = False  # the limit is the smallest that is promised, not the largest

    @property
    def share(self) -> float:
        """0 to 1."""
        return self.count / self.trials

    def is_broken(self, chance: float = 1e-4) -> bool:
        """Whether so many would be rarer than `chance` if the promise were just kept."""
        if self.limit is None:
            return False
        side = "less" if self.at_least else "greater"
        found = stats.binomtest(self.count, self.trials, self.limit, side)
        return float(found.pvalue) < chance

    def line(self) -> str:
        """A line of the table."""
        sign = "≥" if self.at_least else "≤"
        promised = "" if self.limit is None else f"{sign} {100 * self.limit:g} %"
        found = f"{100 * self.share:.2g} %" if self.share < 0.1 else f"{100 * self.share:.0f} %"
        return f"| {self.verdict} | {self.condition} | {found} | {promised} | {self.trials:,} |"


HEAD = ("| what happened | where | how often | promised | trials |", "|---|---|---|---|---|")


def simulated() -> dict[str, Callable[[int], Sequence[Rate]]]:
    """Name of a module -> its `rates`."""
    names = [found.name for found in pkgutil.iter_modules(simulations.__path__)]
    names = [n for n in names if n not in {"__main__", "rate"} and not n.startswith("test_")]
    return {n: importlib.import_module(f"{simulations.__name__}.{n}").rates for n in names}


PAGE = Path(__file__).parents[2] / "docs" / "measurement.md"
BEGIN, END = "<!-- simulated: python -m tests.simulations -->\n", "<!-- end -->\n"


def in_page(page: str) -> str:
    """The table as the page has it."""
    return page.split(BEGIN)[1].split(END)[0]


def written(page: str, rates: Sequence[Rate]) -> str:
    """The page with this table in place of the one it has."""
    before, after = page.split(BEGIN)[0], page.split(END)[1]
    return before + BEGIN + "\n".join([*HEAD, *(r.line() for r in rates)]) + "\n" + END + after
