"""The first lines: what to take, why, how sure that is, and what it costs."""

from __future__ import annotations

from collections.abc import Sequence

from compbench import units
from compbench.report.section import Page, SectionBase
from compbench.report.wording import spread_text
from compbench.results.record import Run
from compbench.statistics.lineage import kind
from compbench.statistics.pick import Choice, drop_sentence, gain, pick
from compbench.statistics.summary import Summaries, Summary

_BROKEN = {
    "drop": "by {} on validation",
    "bytes": "by size",
    "latency": "by latency",
    "failed": "for want of figures",
}
_UNDECIDED = {"undecided": "not shown to be within the limit"}
_REASONS = _BROKEN | _UNDECIDED | {"slower": "as slower", "larger": "as fast but not smaller"}


def answer(run: Run, summaries: Summaries, target: str) -> str:
    """The recommendation on a target, under the suite's constraints."""
    skipped = skip_reason(summaries, target)
    if skipped:
        return f"**On {target}: not measured**, because {skipped}."
    choice = pick(run, summaries, target)
    if choice is None:
        return f"**On {target}: no answer**, because the baseline `{run.baseline}` has no figures."
    limits = choice.constraints.said(f"`{run.baseline}`")
    base, shown = summaries.find(run.baseline, target), choice.taken
    if not choice.is_sure and choice.guess:
        shown = choice.guess
        headline = (
            f"**On {target}, nothing better is shown to be {limits}; the best guess is "
            f"`{shown.variant}`** ({kind(run, shown.variant)}): {gain(shown, base, run.headline)}."
        )
    elif shown is None:
        return (
            f"**On {target}: nothing fits.** No variant is shown to be {limits}.{_excluded(choice)}"
        )
    elif choice.is_baseline:
        return (
            f"**On {target}, keep `{run.baseline}`**: of what is shown to be {limits}, on the "
            "validation split, nothing is measurably faster, nor as fast and smaller."
            + _excluded(choice)
        )
    else:
        kept = kind(run, shown.variant)
        headline = (
            f"**On {target}, take `{shown.variant}`** ({kept}): {gain(shown, base, run.headline)}."
        )
    return "\n".join(
        [
            headline,
            "",
            f"- **In absolute figures:** before, {_absolute(run, base)}; "
            f"after, {_absolute(run, shown)}.",
            f"- **Why this one:** {_why(choice, limits)}",
            f"- **How sure:** {_how_sure(run, shown, choice)}",
            f"- **What it costs:** {_cost(run, shown, base)}",
            f"- **Where this holds:** {_scope(run, target)}",
        ]
    )


def _absolute(run: Run, s: Summary) -> str:
    found = run.headline.text(s.quality and s.quality.value)
    if run.headline.is_accuracy:
        return f"{units.time_text(s.p50_ns)} an inference and {found} of the test {run.noun}s right"
    return f"{units.time_text(s.p50_ns)} an inference, test {run.headline.label} {found}"


def _why(choice: Choice, limits: str) -> str:
    counts = choice.counts()
    others = len(choice.excluded)
    reasons = _BROKEN | (_UNDECIDED if choice.is_sure else {})
    label = choice.constraints.headline.label
    broken = [f"{counts[r]} {words.format(label)}" for r, words in reasons.items() if counts[r]]
    lost = f" Ruled out of {others + 1} variants: {', '.join(broken)}." if broken else ""
    said = f"the limit is [pick]'s: {limits}.{lost}"
    if not choice.is_sure:
        return (
            f"{said} Of those that look within it by the estimates none is measurably faster, and "
            "of those as fast none is smaller. Each one's figures are under *Who keeps to the "
            "limit*. `compbench pick` tries other limits."
        )
    return (
        f"{said} Of the others none is measurably faster, and of those as fast none is smaller. "
        "`compbench pick` tries other limits."
    )


def _how_sure(run: Run, s: Summary, choice: Choice) -> str:
    drop, limit = choice.drops[s.variant], choice.constraints.drop_text
    samples, metric = run.dataset["samples"], run.headline
    trained = "All was trained once, so luck with a seed is in every figure."
    if s.seed_sd is not None:
        trained = (
            f"All was trained with {len(run.seeds)} seeds, over which its {metric.label} has a "
            f"standard deviation of {f'{spread_text(s, metric)} {metric.step}'.rstrip()}: in the "
            "bracket of the change above, which is "
            "of the technique, and not in that on validation, which is of these files."
        )
    better = choice.guess if choice.is_sure else None
    perhaps = ""
    if better:
        perhaps = (
            f" `{better.variant}` may be the better one: it changes "
            f"{drop_sentence(choice.drops[better.variant], limit, run.noun)}."
        )
    tested = units.counted(samples["test"], f"test {run.noun}")
    return (
        f"it changes {drop_sentence(drop, limit, run.noun)}; the brackets are 95 % sure on either "
        f"side{choice.together}.{perhaps} The "
        f"figures above are of {tested}, which chose nothing."
        f"{_contradiction(run, s, choice)} Other brackets: 95 % intervals, of {metric.label} over "
        f"other {run.noun}s, of speed over processes on this machine. {trained}"
    )


def _contradiction(run: Run, s: Summary, choice: Choice) -> str:
    """Where the test samples, which decide nothing, speak against what validation decided."""
    if not choice.is_contradicted(s):
        return ""
    change = choice.constraints.headline.change_text(s.change)
    return (
        f" **The test {run.noun}s contradict the choice**: there it changes {change}, "
        f"all of which is beyond {choice.constraints.drop_text}."
    )


def _scope(run: Run, target: str) -> str:
    """What the figures are of: another machine or other data want a run of their own."""
    options, machine = run.targets[target], run.environment
    threads = units.counted(options["threads"], "thread")
    version = (machine.get("versions") or {}).get("onnxruntime", "")
    return (
        f"{machine.get('cpu') or 'an unknown CPU'}, {threads}, ONNX Runtime {version}".rstrip()
        + f" ({options['provider']}), median of single inferences at batch "
        f"{options['batch_sizes'][0]}, dataset {run.dataset['name']}. Measure again where yours "
        "differ: `compbench run` does it."
    )


def _cost(run: Run, s: Summary, baseline: Summary) -> str:
    own, lineage = units.seconds_text(s.make_seconds), units.seconds_text(s.lineage_seconds)
    found = f"{own} s to make"
    if own != lineage:
        found += f" from its parent, {lineage} s with all its ancestors"
    if baseline.lineage_seconds and s.lineage_seconds:
        times = units.three_digits(s.lineage_seconds / baseline.lineage_seconds)
        found += f" ({times}× what `{run.baseline}` took)"
    if s.memory_bytes is not None and baseline.memory_bytes is not None:
        found += (
            f"; at rest it takes {units.bytes_text(max(0.0, s.memory_bytes))} of memory, "
            f"`{run.baseline}` {units.bytes_text(max(0.0, baseline.memory_bytes))}"
        )
    return found + "."


def _excluded(choice: Choice) -> str:
    """The sentence on what was ruled out and by what; empty where nothing was."""
    counts = choice.counts()
    found = ", ".join(
        f"{counts[r]} {words.format(choice.constraints.headline.label)}"
        for r, words in _REASONS.items()
        if counts[r]
    )
    return f" Ruled out: {found}." if found else ""


def skip_reason(summaries: Summaries, target: str) -> str:
    """Why a whole target was skipped; empty where it was not."""
    reasons = {s.reason for s in summaries.of(target)}
    only = reasons.pop() if len(reasons) == 1 else ""
    return only.removeprefix("skipped: ") if only.startswith("skipped: ") else ""


class Section(SectionBase):
    """What most readers look at, and nothing else: an answer for each target."""

    order = 20

    def content(self, page: Page) -> Sequence[str]:
        """The measured targets first, the deciding one before all."""
        order = [*page.measured, *(t for t in page.run.targets if t not in page.measured)]
        return [answer(page.run, page.summaries, target) for target in order]
