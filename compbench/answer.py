"""The first screen of a report: what to deploy, how sure that is, what it costs; pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from compbench import text
from compbench.families import kind
from compbench.pick import Choice, Constraints, pick
from compbench.results import Run
from compbench.summaries import Summaries, Summary
from compbench.tables import Table
from compbench.uses import USES, best_uses

ALL_SHOWN = 12  # a longer suite's summary has its best variants only

_BROKEN = {
    "accuracy": "by accuracy on validation",
    "bytes": "by size",
    "latency": "by latency",
    "failed": "for want of figures",
}
_REASONS = _BROKEN | {"slower": "as slower", "larger": "as fast but not smaller"}


def answer(run: Run, summaries: Summaries, target: str) -> str:
    """The recommendation on a target, under the suite's constraints."""
    skipped = skip_reason(summaries, target)
    if skipped:
        return f"**On {target}: not measured**, because {skipped}."
    choice = pick(run, summaries, target)
    if choice is None:
        return f"**On {target}: no answer**, because the baseline `{run.baseline}` has no figures."
    limits = choice.constraints.said(f"`{run.baseline}`")
    if choice.taken is None:
        return f"**On {target}: nothing fits.** No variant is {limits}.{_excluded(choice)}"
    if choice.is_baseline:
        return (
            f"**On {target}, keep `{run.baseline}`**: of what is {limits}, on the validation "
            f"split, nothing is measurably faster, nor as fast and smaller.{_excluded(choice)}"
        )
    base, s = summaries.find(run.baseline, target), choice.taken
    return "\n".join(
        [
            f"**On {target}, take `{s.variant}`** ({kind(run, s.variant)}): {gain(s, base)}.",
            "",
            f"- **In absolute figures:** before, {_absolute(base)}; after, {_absolute(s)}.",
            f"- **Why this one:** {_why(choice, limits)}",
            f"- **How sure:** {_how_sure(run, s, choice.constraints)}",
            f"- **What it costs:** {_cost(run, s, base)}",
            f"- **Where this holds:** {_scope(run, target)}",
        ]
    )


def _absolute(s: Summary) -> str:
    right = text.share(s.accuracy and s.accuracy.value, 2)
    return f"{text.time_text(s.p50_ns)} an inference and {right} of the test images right"


def gain(s: Summary, baseline: Summary) -> str:
    """What a variant gains and loses beside the baseline, with intervals."""
    speed = text.times(s.speedup)
    smaller = text.three_digits(s.size_ratio or math.nan)
    return (
        f"{speed} faster, {smaller}× smaller ({text.bytes_text(s.size_bytes)} instead of "
        f"{text.bytes_text(baseline.size_bytes)}), accuracy {text.points(s.change)}"
    )


def _why(choice: Choice, limits: str) -> str:
    counts = choice.counts()
    others = len(choice.excluded)
    broken = [f"{counts[r]} {words}" for r, words in _BROKEN.items() if counts[r]]
    lost = f" Ruled out of {others + 1} variants: {', '.join(broken)}." if broken else ""
    return (
        f"the limit is [pick]'s: {limits}.{lost} Of the others none is measurably faster, and of "
        "those as fast none is smaller. `compbench pick` tries other limits."
    )


def _how_sure(run: Run, s: Summary, constraints: Constraints) -> str:
    change, samples = s.validation_change, run.dataset["samples"]
    unsure = change is not None and change.low < -constraints.max_drop
    doubt = (
        "the drop might exceed the limit, since on so few images the interval reaches below it"
        if unsure
        else "the whole interval keeps to the limit"
    )
    trained = "All was trained once, so luck with a seed is in every figure."
    if s.seed_sd is not None:
        trained = (
            f"All was trained with {len(run.seeds)} seeds, over which its accuracy has a standard "
            f"deviation of {100 * s.seed_sd:.2f} pp; that is not in the brackets."
        )
    return (
        f"it was chosen on {samples['validation']:,} validation images, where it changes "
        f"{text.points(change)}: {doubt}. The figures above are of {samples['test']:,} test "
        f"images, which chose nothing. Brackets: 95 % intervals, of accuracy over other images, of "
        f"speed over processes on this machine. {trained}"
    )


def _scope(run: Run, target: str) -> str:
    """What the figures are of: another machine or other data want a run of their own."""
    options, machine = run.targets[target], run.environment
    threads = f"{options['threads']} thread{'s' * (options['threads'] > 1)}"
    version = (machine.get("versions") or {}).get("onnxruntime", "")
    return (
        f"{machine.get('cpu') or 'an unknown CPU'}, {threads}, ONNX Runtime {version}".rstrip()
        + f" ({options['provider']}), median of single inferences at batch "
        f"{options['batch_sizes'][0]}, dataset {run.dataset['name']}. Measure again where yours "
        "differ: `compbench run` does it."
    )


def _cost(run: Run, s: Summary, baseline: Summary) -> str:
    own, lineage = text.seconds_text(s.make_seconds), text.seconds_text(s.lineage_seconds)
    found = f"{own} s to make"
    if own != lineage:
        found += f" from its parent, {lineage} s with all its ancestors"
    if baseline.lineage_seconds and s.lineage_seconds:
        times = text.three_digits(s.lineage_seconds / baseline.lineage_seconds)
        found += f" ({times}× what `{run.baseline}` took)"
    if s.memory_bytes is not None and baseline.memory_bytes is not None:
        found += (
            f"; at rest it takes {text.bytes_text(max(0.0, s.memory_bytes))} of memory, "
            f"`{run.baseline}` {text.bytes_text(max(0.0, baseline.memory_bytes))}"
        )
    return found + "."


def _excluded(choice: Choice) -> str:
    """The sentence on what was ruled out and by what; empty where nothing was."""
    counts = choice.counts()
    found = ", ".join(f"{counts[r]} {words}" for r, words in _REASONS.items() if counts[r])
    return f" Ruled out: {found}." if found else ""


def summary_table(run: Run, summaries: Summaries, target: str) -> Table:
    """Model type, size, speed, accuracy and best use: for those who decide."""
    uses = best_uses(run, summaries, target)
    if not uses and all(s.reason for s in summaries.of(target)):
        return []
    choice = pick(run, summaries, target)
    taken = choice.taken.variant if choice and choice.taken else ""
    shown = _shown(summaries.of(target), {taken, run.baseline, *uses})
    return [
        {
            **_figures(run, s),
            "best use": _best_use(run, summaries, s, choice, uses.get(s.variant, [])),
        }
        for s in shown
    ]


def _shown(here: Sequence[Summary], best: set[str]) -> list[Summary]:
    measured = [s for s in here if not s.reason]
    return measured if len(measured) <= ALL_SHOWN else [s for s in measured if s.variant in best]


def _figures(run: Run, s: Summary) -> dict[str, str]:
    is_baseline = s.variant == run.baseline
    sign = "" if is_baseline or s.faster else " ≈"
    return {
        "model": f"`{s.variant}`",
        "type": kind(run, s.variant),
        "size": text.bytes_text(s.size_bytes),
        "latency": text.time_text(s.p50_ns),
        "speed": "1×" if is_baseline else text.times(s.speedup) + sign,
        "accuracy": text.share(s.accuracy and s.accuracy.value, 2),
        "accuracy change": "0" if is_baseline else text.points(s.change),
    }


def _best_use(
    run: Run, summaries: Summaries, s: Summary, choice: Choice | None, uses: list[str]
) -> str:
    """By the rules of `uses`; where there is none, why."""
    best = ", ".join(uses)
    if choice and s is choice.taken:
        return f"**recommended**: {best}" if best else "**recommended**"
    if best:
        return best
    if s.variant == run.baseline:
        return "comparison"
    if choice and "accuracy" in choice.excluded.get(s.variant, {}):
        return "none: it loses more than the limit"
    by = summaries.beaten_by.get((s.variant, s.target))
    if by:
        return f"none: `{by}` is as good in all, better in some"
    return "none: another is better at each"


def rules(run: Run, table: Table) -> str:
    """How the summary's last column was found, of the uses that it names."""
    limit = f"{100 * Constraints.of(run).max_drop:g} pp below the baseline"
    said = " ".join(row["best use"] for row in table)
    listed = "; ".join(f"*{u.label}*: {u.rule}" for u in USES if f"{u.label} (" in said)
    signs = " ≈: noise could explain it." if any("≈" in row["speed"] for row in table) else ""
    if not listed:
        return signs.strip()
    return f"Best use, among variants no more than {limit} on validation: {listed}.{signs}"


def skip_reason(summaries: Summaries, target: str) -> str:
    """Why a whole target was skipped; empty where it was not."""
    reasons = {s.reason for s in summaries.of(target)}
    only = reasons.pop() if len(reasons) == 1 else ""
    return only.removeprefix("skipped: ") if only.startswith("skipped: ") else ""
