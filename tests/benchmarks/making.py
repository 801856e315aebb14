"""How long making takes in this checkout against another one: a worktree of an earlier commit.

`python -m tests.benchmarks.making OTHER [PAIRS] [SUITE …]` makes all artifacts of suites in both,
in turn and in fresh processes with results of their own: *quickstart*; *mnist* with a fifth of its
epochs and one seed (COMPBENCH_DATA); *small*, seven artifacts of half a minute. The suites are this
checkout's. Both measure as little as they can; compared is the wall time of the jobs alone, as
their manifests have it: the ratio of the medians may be 1.05 at most. Five pairs of quickstart and
mnist take an hour; `git worktree add ../before COMMIT` makes such a worktree.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median

from tests.benchmarks import fresh, killing
from tests.benchmarks.bounds import Bounds

PAIRS, RATIO, SHARE = 5, 1.05, 5
ROOT = Path(__file__).parents[2]
MEASURE = "[measure]\nlaunches = 2\nseconds_per_arm = 0.01\nmemory_processes = 1\n"


def quickstart() -> str:
    """The suite as it is, hardly measured."""
    return _hardly_measured((ROOT / "suites" / "quickstart.toml").read_text("utf-8"))


def mnist() -> str:
    """One seed and a fifth of the epochs, without published figures: their keys were others."""
    text = (ROOT / "suites" / "mnist.toml").read_text("utf-8").partition("[references")[0]
    text = re.sub(r"(?m)^seeds = .*$", "seeds = [0]", text)
    text = re.sub(r"epochs = (\d+)", lambda m: f"epochs = {-(-int(m[1]) // SHARE)}", text)
    return _hardly_measured(text)


def small() -> str:
    """The tests' suite of all five families."""
    return killing.SUITE


SUITES: dict[str, Callable[[], str]] = {"quickstart": quickstart, "mnist": mnist, "small": small}


def _hardly_measured(text: str) -> str:
    return re.sub(r"(?s)\[measure\].*?(?=\n\[)", "", text) + MEASURE


def made(checkout: Path, suite: Path, results: Path) -> dict[str, float]:
    """Seconds of each job of a suite that a checkout runs, by variant.

    Raises AssertionError where it is not that checkout's code, or where anything was made before.
    """
    asked = {**os.environ, "PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"}
    where = [sys.executable, "-c", "import compbench; print(compbench.__file__)"]
    found = subprocess.run(
        where, cwd=checkout, env=asked, check=True, capture_output=True, text=True
    )
    assert Path(found.stdout.strip()).is_relative_to(checkout), f"it would run {found.stdout}"
    assert not results.exists()
    places = ("--results", str(results), "--reports", str(results / "reports"), "--quiet")
    command = fresh.compbench("run", str(suite), *places)
    done = subprocess.run(command, cwd=checkout, env=asked, capture_output=True, text=True)
    assert done.returncode == 0, f"{checkout}: {done.stdout[-1000:]}{done.stderr[-1000:]}"
    manifests = [json.loads(p.read_text()) for p in results.glob("artifacts/[!.]*/manifest.json")]
    return {one["variant"]: one["seconds"] for one in manifests}


def pairs(other: Path, suite: Path, count: int) -> list[tuple[dict[str, float], dict[str, float]]]:
    """What each job took here and there; which of them is first changes from pair to pair."""
    found = []
    for number in range(count):
        with tempfile.TemporaryDirectory(prefix="compbench-making-") as scratch:
            taken = {
                checkout: made(checkout, suite, Path(scratch) / f"results-{place}")
                for place, checkout in enumerate((ROOT, other) if number % 2 else (other, ROOT))
            }
        here, there = taken[ROOT], taken[other]
        assert here.keys() == there.keys(), f"they make others: {here.keys() ^ there.keys()}"
        totals = sum(here.values()), sum(there.values())
        print(
            f"{suite.stem}, pair {number + 1}: here {totals[0]:.1f} s, there {totals[1]:.1f} s, "
            f"ratio {totals[0] / totals[1]:.3f}",
            flush=True,
        )
        found.append((here, there))
    return found


def main() -> None:
    """Print each pair, each variant's ratio, and the bound."""
    other = Path(sys.argv[1]).resolve()
    count = int(sys.argv[2]) if len(sys.argv) > 2 else PAIRS
    bounds = Bounds()
    for name in sys.argv[3:] or ("quickstart", "mnist"):
        with tempfile.TemporaryDirectory(prefix="compbench-making-") as scratch:
            suite = Path(scratch) / f"{name}.toml"
            suite.write_text(SUITES[name](), "utf-8")
            found = pairs(other, suite, count)
        for variant in found[0][0]:
            ours, theirs = (median(one[side][variant] for one in found) for side in (0, 1))
            print(f"  {variant}: {ours:.2f} s, {theirs:.2f} s, ratio {ours / theirs:.3f}")
        here, there = ([sum(one[side].values()) for one in found] for side in (0, 1))
        each = [ours / theirs for ours, theirs in zip(here, there, strict=True)]
        spread = f"{min(each):.3f} to {max(each):.3f}"
        what = f"{name}: ratio of the medians of {count} pairs, whose own are {spread}"
        bounds.at_most(what, median(here) / median(there), RATIO)
    bounds.end()


if __name__ == "__main__":
    main()
