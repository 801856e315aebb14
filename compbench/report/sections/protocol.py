"""How it was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from compbench.report.section import Page, SectionBase, bullets
from compbench.report.wording import place
from compbench.results.record import GROUPS, Run
from compbench.results.row_index import Rows
from compbench.runtime.target import Target
from compbench.statistics.certainty import smallest_difference
from compbench.statistics.summary import Summaries


def protocol(run: Run, rows: Rows, summaries: Summaries, folder: str) -> list[str]:
    """The data, the way of measuring, each target with its noise floor, when, and the raw rows."""
    dataset, measure = run.dataset, run.measure
    counts = ", ".join(f"{n:,} {name}" for name, n in dataset["samples"].items())
    return [
        f"Data: `{dataset['name']}` ({counts}), digest `{dataset['digest'][:12]}`. "
        f"{_inputs(dataset)}.",
        f"Speed (protocol {run.protocol}): {measure['launches']} launches (fresh processes); in "
        f"each, {_who(run)} take turns in random order for about "
        f"{measure['seconds_per_arm']:g} s each after a warm-up, on real test {run.noun}s. The "
        "speed-up is the mean over launches of the median paired log-ratio, with a t-interval over "
        "launches.",
        *(_target_line(run, rows, summaries, target) for target in run.targets),
        f"Run from {run.started} to {run.finished or '(not finished)'}; seeds {list(run.seeds)}. "
        f"Raw samples: `{place(run, folder)}`.",
    ]


def _who(run: Run) -> str:
    """Who shares a turn."""
    if run.protocol < GROUPS:
        return "all variants"
    return "all variants, in random groups around the baseline where a turn would last too long,"


def _target_line(run: Run, rows: Rows, summaries: Summaries, target: str) -> str:
    options, control = run.targets[target], summaries.control.get(target)
    defaults = Target().model_dump(mode="json")
    given = [f"{name} = {value}" for name, value in options.items() if value != defaults[name]]
    line = f"`{target}`: {', '.join(given) or 'the CPU, one thread, batches of 1 and 32'}."
    if control is None:
        return line
    machine = [row.samples for row in rows.of(run.baseline, "machine", target)]
    load, steal, switches = (
        max((float(np.max(m[name])) for m in machine), default=0.0)
        for name in ("other_load", "steal", "involuntary_switches")
    )
    return (
        f"{line} Noise floor: `{run.baseline}` against itself took {control.value:.3f}× "
        f"({control.low:.3f}–{control.high:.3f}); no smaller difference is called one. While it "
        f"was timed, other processes took up to {load:.1%} of the machine, the hypervisor "
        f"{steal:.1%}; involuntary switches: up to {switches:.0f} a launch. "
        f"{smallest_difference(summaries, target)}"
    ).strip()


class Section(SectionBase):
    """How it was measured, below the machine."""

    order = 360

    def content(self, page: Page) -> Sequence[str]:
        """A line each."""
        return [bullets(protocol(page.run, page.rows, page.summaries, page.folder))]


def _inputs(dataset: Mapping[str, Any]) -> str:
    """The named inputs of files, and how raw ones become these."""
    told = [
        _input(name, one, dataset.get("in_graph", False)) for name, one in dataset["inputs"].items()
    ]
    return f"Input{'s' * (len(told) > 1)}: {'; '.join(told)}"


def _input(name: str, one: Mapping[str, Any], in_graph: bool) -> str:
    shape = f"(N, {', '.join(map(str, one['shape']))})"
    scaling = one["normalisation"]
    if scaling is None:
        return f"`{name}` {one['dtype']} {shape}"
    mean, std = (", ".join(f"{x:.4f}" for x in scaling[key][:4]) for key in ("mean", "std"))
    more = ", …" if len(scaling["mean"]) > 4 else ""
    is_one = len(scaling["mean"]) == 1
    mean, std = (x if is_one else f"({x}{more})" for x in (mean, std))
    raw = "pixel / 255" if scaling["full"] == 255 else name
    how = f"({raw} − {mean}) / {std}"
    if in_graph:
        return f"raw `{name}` {one['dtype']} {shape}, which the graph makes {how}"
    return f"`{name}` float32 {shape}, prepared before the file: {how}"
