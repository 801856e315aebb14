"""A run's variants beside some of them, with intervals that are corrected for their number.

`python -m tests.benchmarks.beside RUN OTHER… [CLAIM=LOW..HIGH…]`, say `losses soft alone
attention=1.2..1.8`: for each variant and each of the others, means over seeds of our metric less
theirs, paired on the same test samples. Intervals are of trainings and samples drawn anew, at
1 − 5 % / (number of all comparisons that are printed), so that all hold together in 95 of 100 cases
(Bonferroni); the report's are of one comparison each. A claim is a published gain over the last of
the others, in percentage points: it is "reached" where ours is shown to be as large as its lower
end, "not reached" where ours is shown to be less, and "undecided" else.
"""

from __future__ import annotations

import sys
from pathlib import Path

from compbench import load_run
from compbench.headline import Headline
from compbench.safe_markdown import table
from compbench.statistics.intervals import ALPHA, Interval, widened
from compbench.statistics.quality_change import ScoresBySeed, by_seed
from compbench.statistics.scores import crossed, paired_interval
from compbench.table.stored_run import StoredRun


def change(ours: ScoresBySeed, theirs: ScoresBySeed, headline: Headline, alpha: float) -> Interval:
    """Our metric less theirs, were they trained again, with `alpha` outside of the interval."""
    seeds = [seed for seed in ours if seed in theirs]
    pair = [ours[s] for s in seeds], [theirs[s] for s in seeds]
    files, again = paired_interval(*pair, headline, alpha), crossed(*pair, headline)
    return files if again is None else widened(files, again, alpha)


def verdict(found: Interval, low: float) -> str:
    """Of a published gain of at least `low`, by the interval of ours."""
    if found.low >= low:
        return "reached"
    return "not reached" if found.high < low else "undecided"


def beside(run: StoredRun, others: list[str], claims: dict[str, tuple[float, float]]) -> str:
    """The table as markdown."""
    (target, *_), headline = run.run.targets, run.run.headline
    scores = {
        name: by_seed(row for row in run.rows if _is_score(row, name, target))
        for name in run.run.variants
    }
    names = [name for name in scores if scores[name]]
    pairs = [(name, other) for name in names for other in others if name != other]
    alpha, lines = ALPHA / len(pairs), []
    for name in names:
        mean = float(sum(x.mean() for x in scores[name].values())) / len(scores[name])
        line = {"variant": name, headline.label: headline.text(mean)}
        for other in others:
            if name == other:
                continue
            found = change(scores[name], scores[other], headline, alpha)
            line[f"− {other}"] = headline.change_text(found)
            if name in claims and other == others[-1]:
                low, high = claims[name]
                line["published"] = f"+{100 * low:g} to +{100 * high:g}"
                line["verdict"] = verdict(found, low)
        lines.append(line)
    count = f"{len(pairs)} comparisons, each at {100 * (1 - alpha):.2f} %"
    return f"{table(lines)}\n\n{count}; {len(next(iter(scores.values())))} seeds"


def _is_score(row: object, name: str, target: str) -> bool:
    wanted = (name, target, "score")
    return (row.variant, row.target, row.metric) == wanted  # type: ignore[attr-defined]


def main() -> None:
    """Print the table."""
    name, *rest = sys.argv[1:]
    others = [word for word in rest if "=" not in word]
    said = (word.partition("=") for word in rest if "=" in word)
    claims = {of: tuple(float(x) / 100 for x in ends.split("..")) for of, _, ends in said}
    results = Path(name).parents[2] if Path(name).is_dir() else "results"
    print(beside(load_run(name, results), others, claims))  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
