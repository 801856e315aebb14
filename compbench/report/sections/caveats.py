"""What a reader must not overlook: bad news, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from compbench import units
from compbench.report.section import Page, SectionBase, bullets
from compbench.report.wording import beside_parent
from compbench.results.record import Run
from compbench.results.row_index import Rows
from compbench.runtime.machine import has_vnni
from compbench.statistics.chance import chance
from compbench.statistics.lineage import made_from
from compbench.statistics.sizes import contradiction, is_smaller
from compbench.statistics.summary import Summaries, Summary


def findings(run: Run, summaries: Summaries, target: str, rows: Rows | None = None) -> list[str]:
    """A sentence each: failed, slower or larger than the parent, sparse but not smaller."""
    found = _too_many_threads(run, target) + _better_than_baseline(run, summaries, target)
    found += _saturated(run, summaries, target) + _at_chance(run, rows, target)
    found += _other_answers_alone(run, summaries, target, rows) if rows else []
    for summary in summaries.of(target):
        if summary.reason:
            found.append(f"`{summary.variant}` has no figures: {summary.reason}.")
            continue
        odd = contradiction(summary)
        found += [f"{odd}."] if odd else []
        origin = made_from(run, summary.variant)
        parent = summaries.find(origin, target) if origin else None
        if parent:
            found += _against_parent(summary, parent)
        if parent or summary.variant != run.baseline:
            found += _sparse(summary, parent, summaries.find(run.baseline, target))
    return found


def _better_than_baseline(run: Run, summaries: Summaries, target: str) -> list[str]:
    better = [s.variant for s in summaries.of(target) if s.better > 0]
    if not better:
        return []
    names = ", ".join(f"`{name}`" for name in better)
    once = "" if len(run.seeds) > 1 else ", as trained here once,"
    return [
        f"{names}: measurably {_better(run)} than the baseline `{run.baseline}`{once or ','} which "
        "may be trained too little to be compared with."
    ]


def _at_chance(run: Run, rows: Rows | None, target: str) -> list[str]:
    """A baseline that has not learnt anything makes every comparison empty."""
    found = chance(run, rows, target) if rows else None
    if found is None or found.is_beaten:
        return []
    metric = run.headline
    return [
        f"The baseline `{run.baseline}` is at chance level: its {metric.label}, "
        f"{metric.interval_text(found.quality)}, is not shown to be better than "
        f"{metric.text(found.value)}, which an answer has that looks at no input. What is as good "
        "as such a baseline is not good: train it longer, or look at the data first."
    ]


def _other_answers_alone(run: Run, summaries: Summaries, target: str, rows: Rows) -> list[str]:
    """Files that answer otherwise one by one: what is scored is not what is timed."""
    agreement = {
        s.variant: rows.mean(s.variant, "batch_agreement", target) for s in summaries.of(target)
    }
    return [
        f"`{variant}` gives other answers to {1 - share:.0%} of a few {run.noun}s when each is run "
        f"alone: its {run.headline.label} is that of batches, its latency that of one."
        for variant, share in agreement.items()
        if share is not None and share < 1
    ]


def _better(run: Run) -> str:
    return "more accurate" if run.headline.is_accuracy else f"better by {run.headline.label}"


def _saturated(run: Run, summaries: Summaries, target: str) -> list[str]:
    """Files whose 8-bit sums overflow on the CPU that measured them, and on no newer one."""
    is_x86 = "(x86_64)" in run.environment["system"] or "(AMD64)" in run.environment["system"]
    if run.targets[target].get("provider") != "cpu" or not is_x86 or has_vnni(run.environment):
        return []
    wide = {"weight_type": "int8", "reduce_range": False}
    names = [
        f"`{s.variant}`"
        for s in summaries.of(target)
        if not s.reason and wide.items() <= run.variants[s.variant]["options"].items()
    ]
    if not names:
        return []
    return [
        f"{', '.join(names)}: full 8-bit weights on a CPU without native 8-bit dot products "
        f"(VNNI), where sums of products saturate: {run.headline.label} differs from that on other "
        "CPUs. "
        "`reduce_range = true`, the default, gives a file that saturates on none."
    ]


def _too_many_threads(run: Run, target: str) -> list[str]:
    threads, cores = run.targets[target]["threads"], run.environment["cores"]
    if cores is None or threads <= cores:
        return []
    return [f"{target} asks for {threads} threads of {cores} cores: they wait for each other."]


def _against_parent(child: Summary, parent: Summary) -> list[str]:
    found = []
    if child.faster_than_parent < 0:
        found.append(f"`{child.variant}` is {beside_parent(child, parent.variant)}.")
    if parent.size_bytes and is_smaller(parent.size_bytes, child.size_bytes):
        found.append(f"`{child.variant}` is a larger file than its parent `{parent.variant}`.")
    return found


def _sparse(child: Summary, parent: Summary | None, baseline: Summary) -> list[str]:
    """Zeros that its file hardly profits from: beside its parent, or else the baseline."""
    total, nonzero, dense = child.parameters, child.nonzero_parameters, parent or baseline
    if not total or nonzero is None or nonzero > 0.5 * total:
        return []
    if not child.size_bytes or not dense.size_bytes:
        return []
    smaller = dense.size_bytes / child.size_bytes
    if smaller > 1.5:
        return []
    disk = f"only {smaller:.2f}× smaller" if smaller > 1.05 else "not smaller"
    whose = "its parent" if parent else "the baseline"
    speed = _speed_beside(child) if parent else ""
    packed = ""
    if child.packed_bytes and dense.packed_bytes:
        share = child.packed_bytes / dense.packed_bytes
        packed = f"; packed it is {share:.2f}× as large as {whose}'s packed file"
    return [
        f"`{child.variant}` is sparse ({1 - nonzero / total:.0%} zeros) but {disk} on disk than "
        f"{whose} `{dense.variant}`{speed}{packed}."
    ]


def _speed_beside(child: Summary) -> str:
    """Its speed beside its parent's, to end a sentence with."""
    if child.parent_speedup is None:
        return ""
    side = child.faster_than_parent
    link = ", though" if side > 0 else " and"
    return f"{link} {units.speed(child.parent_speedup, side)}"


class Section(SectionBase):
    """Bad news before the details."""

    order = 110
    per_target = True
    title = "What to know"

    def content(self, page: Page) -> Sequence[str]:
        """A sentence each."""
        return [bullets(findings(page.run, page.summaries, page.target, page.rows))]
