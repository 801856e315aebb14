"""What a terminal and an exported page say of tasks whose metric is no accuracy."""

from __future__ import annotations

import json
import re

import pytest
from rich.console import Console

from compbench.cli import usage
from compbench.cli.overview import overview
from compbench.cli.pick import choose
from compbench.report.sections.in_short import summary_table
from compbench.statistics.scores import metric_interval
from compbench.statistics.summarise import summarise
from tests.factory import TARGET
from tests.metric_runs import KINDS, metric_run

FOREIGN = re.compile(r"accura|\bimage|\bpp\b|\bclass", re.IGNORECASE)


@pytest.mark.parametrize("kind", KINDS)
def test_a_terminal_speaks_of_the_metric(kind: str) -> None:
    run, rows = metric_run(kind)
    summaries = summarise(run, rows)
    chosen = choose(run, summaries, TARGET, {"--max-drop": "2%"})
    console = Console(width=200, color_system=None, highlight=False)
    with console.capture() as captured:
        for part in (*overview(run, summaries), chosen.sentence(), chosen.table()):
            console.print(part)
    said = captured.get()
    assert not FOREIGN.search(said), said
    label, unit = run.headline.label, run.headline.unit
    assert re.search(rf"variant +{label} +vs teacher \({unit}\)", said)
    assert f"Pareto front ({label}, speed, bytes)" in said and "samples to decide" in said
    baseline = next(line for line in said.splitlines() if line.startswith("teacher"))
    assert f" {unit} " in baseline
    better = summary_table(run, summaries, TARGET)[3]
    assert better[f"{label} change"].startswith("−"), "lower is better, and it is"


@pytest.mark.parametrize("kind", KINDS)
def test_an_exported_page_speaks_of_the_metric(kind: str) -> None:
    run, rows = metric_run(kind, (0,))
    scores = next(r.samples["score"] for r in rows if r.metric == "score")
    ((name, _),) = KINDS[kind].inputs.items()
    taken = {"name": name, "source": name, "dtype": "float32", "normalisation": None}
    told = {
        "outputs": json.dumps(3),
        "inputs": json.dumps({name: {"shape": ["batch", 4], "dtype": "float"}}),
        "feeds": json.dumps([taken | {"layout": "as_stored"}]),
        "output": "output",
        "key": "k",
        "version": "1",
    }
    measured = {TARGET: usage.Measured(metric_interval([scores], run.headline), len(scores))}
    page = usage.readme("a.onnx", told, usage.About("teacher", 0, run, "folder", measured))
    assert not FOREIGN.search(page), page
    assert f"- {run.headline.title}, with its 95 % interval: {TARGET} " in page
    assert f" {run.headline.unit} on {len(scores)} test samples." in page
