"""Metrics: one file each, and everything that is known of one is known from it alone."""

from __future__ import annotations

import importlib
import json
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from compbench import metrics
from compbench.cli.main import app
from compbench.contracts import MetricBase
from compbench.contracts.metric import written
from compbench.errors import UserError
from compbench.history import metrics as history_metrics
from compbench.measure import further_metrics as measure_further
from compbench.report.page import render
from compbench.report.sections import further_metrics
from compbench.results import folder as results_folder
from compbench.results import record
from compbench.statistics.intervals import Interval
from compbench.statistics.summarise import summarise
from compbench.statistics.summary import Figure, Summary
from compbench.table import columns, frame, write
from compbench.table.stored_run import StoredRun
from compbench.tasks import regression
from tests.factory import (
    RUN,
    RUN_ROWS,
    SHIFTS,
    TARGET,
    make_row,
    make_run,
    shifted_rows,
    status_row,
    variant_rows,
    with_keys,
)
from tests.metric_runs import metric_run, with_r_squared
from tests.run.test_stages import ALL, CPU, MATRIX, Lab, flat, lab  # noqa: F401, a fixture

EXAMPLE = Path(__file__).parents[2] / "examples" / "adding" / "metric.py"
NAME = "largest_weight_bytes"
Add = Callable[[str, str], None]
TYPED = [metric for metric in metrics.every().values() if not metric.is_further]
ENDS = ("_low", "_high")

RATE = """
import numpy as np
from compbench.contracts import Column, MetricBase


class Metric(MetricBase):
    label = "first logit"
    unit = "V"
    better = "higher"
    meaning = "a made-up voltage"
    columns = {"rate": Column(unit, meaning, has_interval=True)}

    def measure_running(self, running):
        running.run()
        return {"volts": running.outputs(running.inputs)[:, 0]}

    def derive(self, here, baseline):
        (row,), (other,) = here.of("rate"), baseline.of("rate")
        assert (row.samples["volts"] == other.samples["volts"]).all()
        return {"rate": (2.0, 1.0, float(len(row.samples["volts"])))}
"""
DERIVED = """
from compbench.contracts import MetricBase


class Metric(MetricBase):
    label = "bytes per right answer"
    unit = "B"
    better = "lower"
    meaning = "bytes of the file for each test sample that it classifies rightly"
    rows = ("size_bytes", "score")

    def derive(self, here, baseline):
        right = [row.samples["score"].sum() for row in here.of("score")]
        return {"bytes_per_right": here.mean("size_bytes") / sum(right)}
"""


@pytest.fixture
def add(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Add]:
    """Puts a file on the path of the room, as if it lay there."""
    place = tmp_path / "more metrics"
    place.mkdir()
    monkeypatch.setattr(metrics, "__path__", [*metrics.__path__, str(place)])

    def put(name: str, text: str) -> None:
        (place / f"{name}.py").write_text(text)
        importlib.invalidate_caches()
        monkeypatch.delitem(sys.modules, f"compbench.metrics.{name}", raising=False)

    yield put
    for path in place.glob("*.py"):
        sys.modules.pop(f"compbench.metrics.{path.stem}", None)


@pytest.fixture(params=sorted(metrics.names()))
def metric(request: pytest.FixtureRequest) -> MetricBase:
    return metrics.every()[request.param]


def test_a_metric_s_section_is_one_of_the_report(metric: MetricBase) -> None:
    sections = Path(further_metrics.__file__).parent
    assert not metric.table or (sections / f"{metric.table}.py").is_file()


def test_a_metric_is_computed_from_rows_of_metrics(metric: MetricBase) -> None:
    assert {*metric.read} <= {*metrics.names()}


def test_a_metric_is_computed_from_no_other_rows(metric: MetricBase) -> None:
    """Its columns are the same of these rows alone, and not without any one of them."""
    named = [*columns_of(metric)]
    run = RUN.model_copy(update={"seeds": (0, 1), "shifts": SHIFTS})
    rows = [
        *shifted_rows(run, "teacher"),
        *shifted_rows(run, "student", right=60),
        *variant_rows(run, "teacher"),
        *variant_rows(run, "student", ns=4_000, right=60, validation=50, size_bytes=900),
        status_row("int8", "out of memory"),
        *(
            make_row(variant, each.name, 0.5, target=TARGET, seed=seed)
            for each in metrics.every().values()
            for variant in ("teacher", "student")
            for seed in run.seeds
            if each.by_task
        ),
    ]
    table = frame.table(run, rows).reindex(columns=named)
    own = [row for row in rows if row.metric in (*metric.read, "status")]
    pd.testing.assert_frame_equal(frame.table(run, own).reindex(columns=named), table)
    for name in metric.read if named else ():
        fewer = frame.table(run, [row for row in rows if row.metric != name])
        assert not fewer.reindex(columns=named).equals(table), f"it has no use for {name}"


def columns_of(metric: MetricBase) -> list[str]:
    """All columns of a metric in the table of the made-up run."""
    given = {columns.metric_name(n, RUN.headline): c for n, c in metric.given.items()}
    ends = [f"{n}{end}" for n, c in given.items() if c.has_interval for end in ENDS]
    keys = [str(size) for size in RUN.targets[TARGET]["batch_sizes"]]
    named = [*given, *ends]
    return [n.replace("*", key) for n in named for key in (keys if "*" in n else [""])]


def test_a_history_reads_what_there_is(metric: MetricBase) -> None:
    known = {*(field.name for field in fields(Summary)), "memory_bytes", *metric.given}
    assert metric.history is None or (metric.history.column or metric.name) in known


def test_intervals_are_those_of_the_summary() -> None:
    typed = {f.name for f in fields(Summary) if f.type == "Interval | None"}
    keyed = {f.name for f in fields(Summary) if f.type == "dict[int, Interval]"}
    typed |= {columns.column_name(name, "*") for name in keyed}
    given = [each.given.items() for each in metrics.every().values() if not each.is_further]
    assert {name for each in given for name, column in each if column.has_interval} == typed


def test_columns_stand_in_the_order_of_the_table() -> None:
    """But for memory, whose columns stand as they were sampled."""
    memory = metrics.find("memory_bytes").given
    found = (re.sub(r"batch_\d+", "batch_*", c) for c in frame.table(RUN, RUN_ROWS))
    given = [name for name in columns.columns() if name not in memory]
    assert [name for name in dict.fromkeys(found) if name not in memory] == given


def test_metrics_are_named_without_importing_them(add: Add) -> None:
    add("broken", "1 / 0")
    assert "broken" in metrics.names()


def test_one_file_is_measured_shown_and_followed(lab: Lab, add: Add, tmp_path: Path) -> None:  # noqa: F811
    """The example of the documentation, as it is, through a whole run."""
    add(NAME, EXAMPLE.read_text())
    work = lab.run()
    assert work.failures == []
    assert lab.having(NAME, target="", value=float(MATRIX.nbytes)) == sorted(ALL)
    assert work.left() == []

    kept = [r for r in lab.rows if r.metric in (NAME, "size_bytes")]
    run = make_run(dict.fromkeys(ALL, RUN.variants["teacher"]), baseline="alone", suite="toy")
    run = with_keys(run, kept)
    home = tmp_path / "results"
    place = home
    for started in ("2026-01-01T00:00:00+00:00", "2026-01-02T00:00:00+00:00"):
        place = results_folder.new_folder(home, "toy", started)
        record.write_run(place, run.model_copy(update={"started": started}))
        results_folder.write_rows(place, "all", kept)
    stored = StoredRun(place)

    table = stored.table()
    assert table[NAME].tolist() == [MATRIX.nbytes] * len(ALL)
    meaning = "bytes of the largest tensor that the file holds"
    assert f"| `{NAME}` | B | {meaning} |\n" in columns.listing()
    document = json.loads(write.as_json(stored.run, table))
    assert document["columns"][NAME] == {"unit": "B", "meaning": meaning}

    shown = further_metrics.further_metrics(stored.summaries, TARGET)
    assert shown == [{"variant": v, "largest weight": "1.73 KB"} for v in ALL]
    legend = further_metrics.legend(stored.summaries, TARGET)
    assert legend == f"Largest weight: {meaning} (lower is better)."

    options = ["--metric", NAME, "--results", str(home), "--reports", str(tmp_path / "reports")]
    result = CliRunner().invoke(app, ["history", "toy", *options])
    assert result.exit_code == 0, result.output
    assert result.output.startswith("toy on cpu_1thread: bytes of the largest tensor\n")
    assert result.output.count("1.73 KB") == 2 * len(ALL)


def test_the_report_has_it_in_a_section_of_its_own(add: Add) -> None:
    before = render(RUN, RUN_ROWS, summarise(RUN, RUN_ROWS)).text
    add(NAME, EXAMPLE.read_text())
    rows = [*RUN_ROWS, make_row("teacher", NAME, 4e5)]
    text = render(RUN, rows, summarise(RUN, rows)).text
    start, end = text.index("### Further metrics\n"), text.index("### The files")
    assert "| teacher" in text[start:end] and " 400 KB " in text[start:end]
    assert text[:start] + text[end:] == before


def test_a_metric_of_a_running_file(lab: Lab, add: Add) -> None:  # noqa: F811
    add("rate", RATE)
    work = lab.run()
    assert work.failures == []
    (row,) = (r for r in lab.rows if r.metric == "rate" and r.variant == "alone")
    pixels = flat(lab.data)
    assert (row.target, row.batch_size) == (CPU, 1)
    np.testing.assert_allclose(row.samples["volts"], (pixels @ MATRIX)[:, 0], atol=1e-4)

    run = make_run({"alone": RUN.variants["teacher"]})
    summaries = summarise(run, [row])
    count = len(pixels)
    assert summaries.all[0].further == {"rate": Figure(Interval(2, 1, count))}
    table = frame.table(run, summaries)
    assert table[["rate", "rate_low", "rate_high"]].iloc[0].tolist() == [2, 1, count]
    cell = f"2.00 V (1.00 V–{written(count, 'V')})"
    assert further_metrics.further_metrics(summaries, TARGET) == [
        {"variant": "alone", "first logit": cell}
    ]


def test_a_metric_of_other_rows(add: Add) -> None:
    add("bytes_per_right", DERIVED)
    table = frame.table(RUN, RUN_ROWS).set_index("variant")
    assert table.at["student", "bytes_per_right"] == 1000 / 80
    assert "int8" not in table["bytes_per_right"].dropna()  # which failed


MISTAKES = {
    "raise ZeroDivisionError('by zero\\nat all')": "ZeroDivisionError: by zero",
    "import os; os._exit(3)": "ended with exit code 3",
}
UNFIT = {
    "return 'many'": "must be real number",
    "return float('nan')": "the value is nan",
    "return None": "must be real number",
    "return {}": "columns of equal length",
    "return {'a': [[1]]}": "columns of equal length",
    "return {'a': [1], 'b': [1, 2]}": "columns of equal length",
    "return {'a': [{}]}": "numbers or texts",
    "return {'': [1]}": "should have a name",
}


def mistaken(body: str) -> str:
    """The example, whose measurement does this first."""
    text = EXAMPLE.read_text()
    assert "import onnx\n" in text
    return text.replace("import onnx\n", f"{body}\n", 1)


@pytest.mark.parametrize("body", UNFIT)
def test_what_rows_can_not_hold_is_refused(add: Add, body: str) -> None:
    add(NAME, mistaken(body))
    spec = {"metric": NAME, "folders": [*metrics.__path__], "file": "x", "target": None}
    with pytest.raises((TypeError, ValueError), match=UNFIT[body]):
        measure_further.measured(spec, {})


@pytest.mark.parametrize("body", MISTAKES)
def test_a_metric_s_mistake_fails_its_rows_alone(lab: Lab, add: Add, body: str) -> None:  # noqa: F811
    said = MISTAKES[body]
    add(NAME, mistaken(body))
    work = lab.run()
    assert len(work.failures) == len(ALL)
    assert all(x.split(": ")[1] == NAME and said in x for x in work.failures)
    assert lab.having("latency_ns") == lab.having("memory_bytes") == sorted(ALL)
    again = lab.work()
    assert again.left() == [] and sorted(again.failures) == sorted(work.failures)

    rows = [r for r in lab.rows if r.metric == NAME and r.variant == "alone"]
    summaries = summarise(make_run({"alone": RUN.variants["teacher"]}), rows)
    (shown,) = further_metrics.further_metrics(summaries, TARGET)
    assert shown["largest weight"].startswith("failed: ") and said in shown["largest weight"]


ODD = {
    "return {'bytes_per_wrong': 1.0}": "none of its columns",
    "return {'bytes_per_right': (1.0, 0.0, 2.0)}": "which its column does not say",
    "return {'bytes_per_right': 'x'}": "could not convert",
    "return None": "AttributeError",
    "return {}[0]": "KeyError: 0",
}


@pytest.mark.parametrize("body", ODD)
def test_what_can_not_be_derived_has_a_reason(add: Add, body: str) -> None:
    add("bytes_per_right", DERIVED.replace("right = ", f"{body}\n        right = "))
    table = frame.table(RUN, RUN_ROWS)
    assert [*table["bytes_per_right"].dropna()] == [] and len(table["accuracy"].dropna()) > 1
    figures = [s.further for s in summarise(RUN, RUN_ROWS).all if not s.reason]
    assert all(ODD[body] in each["bytes_per_right"].reason for each in figures)


def test_runs_of_before_a_metric_have_none_of_it(add: Add) -> None:
    add(NAME, EXAMPLE.read_text())
    summaries = summarise(RUN, RUN_ROWS)
    assert [*frame.table(RUN, summaries)[NAME].dropna()] == []
    assert further_metrics.further_metrics(summaries, TARGET) == []
    assert further_metrics.legend(summaries, TARGET) == ""


def test_one_seed_that_failed_leaves_no_figure_of_the_others(add: Add) -> None:
    add(NAME, EXAMPLE.read_text())
    rows = [
        make_row("teacher", NAME, 5.0),
        make_row("teacher", NAME, seed=1, status="failed", reason="it was killed"),
    ]
    figure = summarise(RUN, [*RUN_ROWS, *rows]).all[0].further[NAME]
    assert figure == Figure(None, "failed: it was killed")


WRONG = {
    "1 / 0": "does not import: ZeroDivisionError",
    "x = ": "does not import: SyntaxError",
    "x = 1": "has no class 'Metric' of its own",
    "class Metric: pass": "has no class 'Metric' of its own",
    DERIVED.replace("    label =", "    name_of ="): "give it a 'label'",
    DERIVED.replace("    meaning =", "    words ="): "give it a 'meaning'",
    DERIVED.replace('"lower"', '"smaller"'): "should be one of lower, higher, neither",
    DERIVED.replace("    rows", "    columns = {}\n    rows"): "give it a column",
    RATE + "\n    def measure_file(self, file): return 1.0": "make two metrics of it",
    DERIVED.replace(
        "    rows", "    columns = {'macs': ('', '')}\n    rows"
    ): "both give the column",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_file_is_one_clear_line(add: Add, text: str) -> None:
    add("mine", text)
    with pytest.raises(UserError) as error:
        metrics.every()
    said = str(error.value)
    assert WRONG[text] in said and "mine" in said and "\n" not in said


def test_a_metric_of_times_may_say_that_it_can_be_followed(add: Add) -> None:
    text = EXAMPLE.read_text().replace('unit = "B"', 'unit = "ns"')
    add("load_ns", text.replace("MetricHistory(", "MetricHistory(name='loading', label="))
    found = history_metrics.find("loading")
    assert (found.better, found.write(1500.0)) == (-1, "1.50 µs")


def test_the_documentation_s_table_of_histories_is_true() -> None:
    text = (EXAMPLE.parents[2] / "docs" / "history.md").read_text()
    lines = [line.split("|")[1:3] for line in text.splitlines() if line.startswith("| `")]
    said = {
        name: tuple(each for each in needs.strip(" –").split(", ") if each)
        for names, needs in lines
        for name in re.findall("`(.+?)`", names)
    }
    shipped = {
        (m.history.name or m.name).replace("{name}", "accuracy"): m.history.needs
        for m in TYPED
        if m.history
    }
    assert said == shipped


def test_what_tasks_give_beside_their_metric_has_a_file_that_describes_it() -> None:
    targets = np.array([[0.0], [1.0], [3.0]], np.float32)
    given = regression.Task().further_scores(targets + 0.1, targets)
    described = {name for name, metric in metrics.every().items() if metric.by_task}
    assert {*given} == described


def test_a_task_s_further_figure_is_in_table_and_report() -> None:
    run, rows = metric_run("regression")
    rows = with_r_squared(run, rows)
    assert frame.table(run, rows)["r_squared"].tolist()[0] == 0.9
    text = render(run, rows, summarise(run, rows)).text
    assert "R²: share of the test targets' variance" in text and "(higher is better)" in text
    run, rows = metric_run("regression")
    assert "R²" not in render(run, rows, summarise(run, rows)).text
