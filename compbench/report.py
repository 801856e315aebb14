"""Summaries -> markdown; pure. `write` puts it beside its pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from compbench import tables, text
from compbench.explain import explanations
from compbench.findings import findings, gaps
from compbench.pick import pick
from compbench.results import Row, Run, read_rows, read_run
from compbench.stats import Rows, Summaries, summarise
from compbench.store import write_whole
from compbench.targets import Target


def write(run_folder: Path, reports: Path) -> Path:
    """Write `reports/<suite>/README.md` and its pictures from a run's rows; return its path."""
    from compbench import plots

    run, rows = read_run(run_folder), read_rows(run_folder)
    summaries = summarise(run, rows)
    folder = reports / run.suite
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in plots.pictures(run, Rows(rows), summaries).items():
        write_whole(folder / name, picture)
    write_whole(folder / "README.md", render(run, rows, summaries).encode())
    return folder / "README.md"


def render(run: Run, rows: Sequence[Row], summaries: Summaries) -> str:
    """The whole report."""
    found = Rows(rows)
    parts = [f"# {run.suite}: which compression to take", run.description.strip()]
    missing = gaps(run, found)
    if missing:
        parts.append(
            f"**Incomplete: decide nothing by this report.** Missing: {'; '.join(missing)}."
        )
    parts += [_answer(run, summaries, target) for target in run.targets]
    for target in run.targets:
        parts += _target_part(run, found, summaries, target)
    parts += _section("p50 across targets", _markdown(tables.across(run, summaries)), _ACROSS)
    sizes = _markdown(tables.sizes(run, summaries))
    parts += ["## Sizes that can't deceive", sizes, _SIZES.format(run.baseline)] if sizes else []
    parts += [
        "## Training",
        "![Training loss and validation accuracy by epoch](training.png)",
        "The epoch kept is the best by validation accuracy (marked); test data chose nothing.",
        "## Where and how it was measured",
        _markdown(tables.environment_rows(run)),
        "\n".join(f"- {line}" for line in _protocol(run, found, summaries)),
        "## Reproduce it",
        f"```\ncompbench run {'--fast ' * run.is_fast}{run.suite_path}\n```",
        "The same suite, seed, machine and libraries give the same checkpoints, bit for bit.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _answer(run: Run, summaries: Summaries, target: str) -> str:
    skipped = _skipped(summaries, target)
    if skipped:
        return f"**On {target}: not measured**, because {skipped}."
    choice = pick(run, summaries, target)
    if choice is None:
        return f"**On {target}: no answer**, because the baseline `{run.baseline}` has no figures."
    limit = f"{100 * run.pick['max_drop']:g} pp"
    s, samples = choice.taken, run.dataset["samples"]["test"]
    if choice.is_baseline:
        return (
            f"**On {target}, keep `{run.baseline}`**: nothing measurably faster stays within "
            f"{limit} of its accuracy on the validation split."
        )
    base = summaries.find(run.baseline, target)
    change = s.validation_change
    unsure = change is not None and change.low < -run.pick["max_drop"]
    doubt = ", though that interval reaches below the limit" if unsure else ""
    return (
        f"**On {target}, take `{s.variant}`**: {text.times(s.speedup)} faster and "
        f"{text.three_digits(s.size_ratio or math.nan)}× smaller than `{run.baseline}` "
        f"({text.bytes_text(s.size_bytes)} instead of {text.bytes_text(base.size_bytes)}), "
        f"accuracy {text.points(s.change)} on {samples:,} test images; made in "
        f"{text.seconds_text(s.lineage_seconds)} s. It was chosen on the validation split alone, "
        f"where it changes {text.points(change)}{doubt}: of the variants that lose at most {limit} "
        "there none is measurably faster, and of those as fast none is smaller."
    )


def _skipped(summaries: Summaries, target: str) -> str:
    """Why a whole target was skipped; empty where it was not."""
    reasons = {s.reason for s in summaries.of(target)}
    only = reasons.pop() if len(reasons) == 1 else ""
    return only.removeprefix("skipped: ") if only.startswith("skipped: ") else ""


def _is_timed(summaries: Summaries, target: str) -> bool:
    return any(s.p50_ns for s in summaries.of(target))


def _target_part(run: Run, rows: Rows, summaries: Summaries, target: str) -> list[str]:
    if _skipped(summaries, target):
        return []
    notes = findings(run, summaries, target)
    why = explanations(run, rows, summaries, target)
    return [
        f"## Results on {target}",
        _markdown(tables.main(run, summaries, target)),
        _legend(run, target),
        f"![Accuracy against latency](pareto-{target}.png)" if _is_timed(summaries, target) else "",
        *_section("What to know", "\n".join(f"- {note}" for note in notes)),
        *_section("Why it is as fast as it is", "\n".join(f"- {line}" for line in why)),
        *_section("Did a teacher help?", _markdown(tables.distillations(run, rows, target))),
        *_section("Published figures", _markdown(tables.references(run, summaries, target))),
        *_section(
            "Latency in detail", _markdown(tables.latency(summaries, target)), _LATENCY_LEGEND
        ),
        *_section(
            "Memory and start-up",
            _markdown(tables.memory(summaries, target)),
            _MEMORY_LEGEND.format(run.measure.get("memory_processes", 0)),
        ),
        *_section(
            "Under load (MLPerf LoadGen)",
            _markdown(tables.load(run, rows, target)),
            _LOAD_LEGEND,
        ),
        *_section(
            "The files: do they compute what was validated?",
            _markdown(tables.files(run, rows, summaries, target)),
        ),
    ]


_LATENCY_LEGEND = (
    "Percentiles are of all kept runs; – where there are too few (p90 needs 64, p99 662). CPU time "
    "counts all threads. The peak is what large float32 matrix products reached in the same "
    "processes; 8-bit arithmetic can exceed it."
)
_MEMORY_LEGEND = (
    "Resident memory of a process that holds ONNX Runtime and this one model: medians of {} fresh "
    "processes. The model's is what it adds at rest to the runtime alone."
)


_LOAD_LEGEND = (
    "Measured and judged by MLPerf LoadGen, each variant alone in its process: for tails and "
    "throughput under load, not for ratios of small models (LoadGen adds 2 to 3 µs to a query, and "
    "about 90 µs in `server`, whose queries come at random times). INVALID figures decide nothing."
)


_SIZES = (
    "Sizes are the same on every target. File: what ONNX Runtime loads, as it lies on disk, where "
    "a zero takes as much as any other number. Packed: the same file through zstd (level 19), as a "
    "download or an update would be sent. Weights, coded: the weights alone behind an entropy "
    "coder with all that decoding needs, which was done and gave the same bits; it is what they "
    "hold, not a file that ONNX Runtime loads. ×: how many times smaller than the file of `{0}`, "
    "for packed files than its packed one."
)


_ACROSS = (
    "Each target was timed in processes of its own, some minutes apart: read these as a hint, not "
    "as a ratio with an interval."
)


def _section(title: str, content: str, legend: str = "") -> list[str]:
    return [f"### {title}", content, legend] if content else []


def _legend(run: Run, target: str) -> str:
    batch = run.targets[target]["batch_sizes"][0]
    seeds = len(run.seeds)
    return (
        f"In brackets: 95 % intervals; pp: percentage points. Accuracy: mean of {seeds} "
        f"seed{'s' * (seeds > 1)}; its interval (Wilson's) is for these trained weights on other "
        f"images like the {run.dataset['samples']['test']:,} of the test split; the change is "
        "paired on the same images. × after bytes: how many times smaller. MACs: "
        "multiply-accumulates of one image. p50: the median time of an inference at batch "
        f"{batch}, as the speed-up; ≈ marks what noise could explain. Cost: seconds to make the "
        "variant, with all its ancestors in brackets. In bold: the Pareto front, which no variant "
        "beats in both accuracy and speed."
    )


def _protocol(run: Run, rows: Rows, summaries: Summaries) -> list[str]:
    dataset, measure = run.dataset, run.measure
    counts = ", ".join(f"{n:,} {name}" for name, n in dataset["samples"].items())
    return [
        f"Data: `{dataset['name']}` ({counts}), digest `{dataset['digest'][:12]}`. Input: "
        f"float32 (N, {', '.join(map(str, dataset['shape']))}), "
        f"(pixel / 255 − {dataset['mean']:.4f}) / {dataset['std']:.4f}.",
        f"Speed (protocol {run.protocol}): {measure['launches']} launches (fresh processes); in "
        "each, all variants take turns in random order for about "
        f"{measure['seconds_per_arm']:g} s each after a warm-up, on real test images. The "
        "speed-up is the mean over launches of the median paired log-ratio, with a t-interval over "
        "launches.",
        *(line for target in run.targets for line in _target_lines(run, rows, summaries, target)),
        f"Run from {run.started} to {run.finished or '(not finished)'}; seeds {list(run.seeds)}. "
        f"Raw samples: `results/runs/{run.suite}`.",
    ]


def _target_lines(run: Run, rows: Rows, summaries: Summaries, target: str) -> list[str]:
    options, control = run.targets[target], summaries.control.get(target)
    defaults = Target().model_dump(mode="json")
    given = [f"{name} = {value}" for name, value in options.items() if value != defaults[name]]
    line = f"`{target}`: {', '.join(given) or 'the CPU, one thread, batches of 1 and 32'}."
    if control is None:
        return [line]
    line += (
        f" Noise floor: `{run.baseline}` against itself took {control.value:.3f}× "
        f"({control.low:.3f}–{control.high:.3f}); no smaller difference is called one."
    )
    lost = [r for r in rows.of(run.baseline, "status", target) if r.launch >= 0]
    machine = [row.samples for row in rows.of(run.baseline, "machine", target)]
    load, steal, switches = (
        max((float(np.max(m[name])) for m in machine), default=0.0)
        for name in ("other_load", "steal", "involuntary_switches")
    )
    line += (
        f" While it was timed, other processes took up to {load:.1%} of the machine, the "
        f"hypervisor {steal:.1%}; involuntary switches: up to {switches:.0f} a launch."
    )
    return [line, *(f"Launch {r.launch + 1} on `{target}` failed: {r.reason}." for r in lost)]


def _markdown(table: tables.Table) -> str:
    if not table:
        return ""
    return pd.DataFrame(table).fillna("").to_markdown(index=False, disable_numparse=True)
