"""Where and how a run was measured, and how to do it again; pure."""

from __future__ import annotations

import numpy as np

from compbench import environment, text
from compbench.results import Run
from compbench.stats import Rows
from compbench.summaries import Summaries
from compbench.tables import Table
from compbench.targets import Target


def machine(run: Run) -> Table:
    """The machine and its software."""
    record = {name: run.environment.get(name) for name in environment.FIELDS}
    record["memory_bytes"] = text.bytes_text(record["memory_bytes"])
    record["versions"] = ", ".join(f"{n} {v}" for n, v in (record["versions"] or {}).items())
    record["flags"] = ", ".join(record["flags"] or ()) or "none of those that matter"
    record["virtual"] = "yes" if record["virtual"] else "no"
    if record["runtime"]:
        runtime = record["runtime"]
        record["runtime"] = (
            f"{runtime['package']} with {', '.join(runtime['providers'])}; "
            f"build: {runtime['build']}"
        )
    return [
        {"": label, "value": str(record[name] if record[name] is not None else "none")}
        for name, label in environment.FIELDS.items()
    ]


def protocol(run: Run, rows: Rows, summaries: Summaries, folder: str) -> list[str]:
    """The data, the way of measuring, each target with its noise floor, when, and the raw rows."""
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
        *(_target_line(run, rows, summaries, target) for target in run.targets),
        f"Run from {run.started} to {run.finished or '(not finished)'}; seeds {list(run.seeds)}. "
        f"Raw samples: `{place(run, folder)}`.",
    ]


def place(run: Run, folder: str) -> str:
    """Where a run's raw samples are, below the folder that it was started in."""
    return f"results/runs/{run.suite}/{folder}".rstrip("/")


def reproduce(run: Run, folder: str) -> str:
    """The commands that measure anew, and that write the same report again."""
    again = f"compbench run {'--fast ' * run.is_fast}{run.suite_path}"
    report = f"compbench report {place(run, folder)}"
    return (
        f"```\n{again}\n{report}   # this page again, from the same samples\n```\n\n"
        "The same suite, seed, machine and libraries give the same checkpoints, bit for bit."
    )


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
        f"{steal:.1%}; involuntary switches: up to {switches:.0f} a launch."
    )
