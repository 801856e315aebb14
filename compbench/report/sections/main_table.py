"""The main table: every variant on the deciding target."""

from __future__ import annotations

from collections.abc import Sequence

from compbench import units
from compbench.report.section import Page, SectionBase, Table, with_legend
from compbench.report.wording import interval_kind, size_text, spread_head, spread_text
from compbench.results.record import Run
from compbench.statistics.allowed_loss import front_margin
from compbench.statistics.lineage import descent
from compbench.statistics.pareto_front import SLOWER
from compbench.statistics.sizes import LARGER
from compbench.statistics.summary import Summaries, Summary


def main(run: Run, summaries: Summaries, target: str) -> Table:
    """Every variant on a target, also those without figures."""
    return [_main_row(run, summaries, s) for s in summaries.of(target)]


def _main_row(run: Run, summaries: Summaries, s: Summary) -> dict[str, str]:
    name = _name(summaries, s)
    lineage = descent(run, s.variant, run.variants[s.variant]["technique"])
    if s.reason:
        return {"variant": name, "lineage": lineage, run.headline.label: s.reason.partition(":")[0]}
    is_baseline = s.variant == run.baseline
    row = {
        "variant": name,
        "lineage": lineage,
        run.headline.label: run.headline.interval_text(s.quality),
        f"vs {run.baseline}": "baseline"
        if is_baseline
        else run.headline.change_cell(s.judged_change, s.better),
    }
    if len(run.seeds) > 1:
        row[spread_head(run.headline)] = spread_text(s, run.headline)
    row |= {
        "bytes": size_text(s.size_bytes, None if is_baseline else s.size_ratio),
        "parameters": units.count_text(s.parameters),
        "MACs": units.count_text(s.macs),
        "p50": units.time_text(s.p50_ns),
        "speed-up": "baseline" if is_baseline else units.speed_cell(s.speedup, s.faster),
    }
    for size in run.targets[s.target]["batch_sizes"]:
        row[f"{run.noun}s/s, batch {size}"] = units.count_text(s.throughput_per_s.get(size))
    own, lineage_s = units.seconds_text(s.make_seconds), units.seconds_text(s.lineage_seconds)
    row["cost s (lineage)"] = own if own == lineage_s else f"{own} ({lineage_s})"
    return row


def _name(summaries: Summaries, s: Summary) -> str:
    if (s.variant, s.target) in summaries.on_front:
        return f"**{s.variant}**"
    return f"*{s.variant}*" if (s.variant, s.target) in summaries.may_be_on_front else s.variant


class Section(SectionBase):
    """A target's main table: everything that was asked for."""

    order = 100
    per_target = True
    level = 2
    begins_chapter = True

    def heading(self, page: Page) -> str:
        """Of this target."""
        return f"Results on {page.target}"

    def content(self, page: Page) -> Sequence[str]:
        """A row for each variant."""
        found = main(page.run, page.summaries, page.target)
        shown = [s for s in page.summaries.of(page.target) if s.size_bytes]
        unknown = any(s.macs is None or s.parameters is None for s in shown)
        return with_legend(found, _legend(page.run, page.target) + _UNKNOWN * unknown)


_UNKNOWN = (
    f" {units.NOTHING} for parameters or MACs: unknown, since an operator is not known, "
    "or a shape in it."
)


def _legend(run: Run, target: str) -> str:
    batch = run.targets[target]["batch_sizes"][0]
    seeds, metric, noun = len(run.seeds), run.headline, run.noun
    points = "; pp: percentage points" if metric.is_share else ""
    better = "" if metric.better == "higher" else " (lower is better)"
    change = (
        "is of the technique, also if it were trained again"
        if seeds > 1
        else "is of this file: a single seed tells nothing of training again"
    )
    return (
        f"In brackets: 95 % intervals{points}. {metric.title}{better}: mean of "
        f"{units.counted(seeds, 'seed')}; its interval ({interval_kind(metric)}) is for these "
        f"trained weights on other {noun}s like the {run.dataset['samples']['test']:,} of the test "
        f"split; the change is paired on the same {noun}s and {change}. × after bytes: how many "
        "times smaller. MACs: "
        f"multiply-accumulates of one {noun}. p50: the median time of an inference at batch "
        f"{batch}, as the speed-up. ≈ marks a difference that chance or noise could explain. Cost: "
        "seconds to make the variant, with all its ancestors in brackets. In bold: the Pareto "
        f"front of {metric.label}, speed and bytes, measurably better than each other in one of "
        "them; in "
        "italics: it may be on the front. What is not is beaten by another that is shown to be no "
        f"worse by more than {metric.loss_text(front_margin(run))}, {100 * SLOWER:g} % of "
        f"time and {100 * LARGER:g} % of bytes, and measurably better in one."
    )
