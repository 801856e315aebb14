"""The tidy table: its columns, types and figures, and that every format holds the same."""

from __future__ import annotations

import io
import json
import re
from dataclasses import make_dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import compbench
from compbench import metrics
from compbench.errors import UserError
from compbench.own_folder import LIST
from compbench.results import record
from compbench.results.folder import new_folder, write_rows
from compbench.statistics.intervals import Interval
from compbench.statistics.summarise import summarise
from compbench.statistics.summary import Summary
from compbench.table import columns, frame, write
from tests.factory import RUN, RUN_ROWS, make_run, variant_rows

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return frame.table(RUN, RUN_ROWS)


def test_every_column_is_documented_and_every_documented_one_is_there(table: pd.DataFrame) -> None:
    named = [re.sub(r"_batch_\d+", "_batch_*", column) for column in table]
    assert {*named} == {*columns.columns()}, (
        "give each field of Summary its column in a metric's file"
    )


def test_the_documentation_is_made_of_the_columns() -> None:
    text = (DOCS / "columns.md").read_text()
    added = {
        column
        for metric in metrics.every().values()
        if metric.is_further and not metric.by_task
        for column in metric.given
    }
    said = [
        line
        for line in columns.listing().splitlines()
        if line.partition("`")[2].partition("`")[0] not in added
    ]
    assert text.endswith("\n\n" + "\n".join(said) + "\n"), "its table should be columns.listing()"
    assert columns.listing() in (frame.table.__doc__ or "")


def test_figures(table: pd.DataFrame) -> None:
    row = table.set_index("variant").loc["student"]
    wanted = {
        "suite": "mine",
        "technique": "train",
        "lineage": "student",
        "parents": "",
        "target": "cpu_1thread",
        "batch_size": 1,
        "status": "ok",
        "reason": "",
        "is_baseline": False,
        "on_front": True,
        "accuracy": 0.8,
        "validation_accuracy": 0.7,
        "change": pytest.approx(-0.1),
        "size_bytes": 1000,
        "size_ratio": 4,
        "p50_ns": 12_000,
        "runs": 30,
        "memory_rest_bytes": 63e6,
        "create_ns": 4e6,
        "speedup": pytest.approx(2),
        "faster": 1,
        "samples_per_s_batch_1": 100_000,
        "samples_per_s_batch_32": 3_200_000,
        "make_seconds": 1,
    }
    assert {name: row[name] for name in wanted} == wanted
    assert row["change_low"] < row["change"] < row["change_high"]
    assert np.isnan(row["p99_ns"]) and np.isnan(row["seed_sd"])


def test_lineage_and_what_failed(table: pd.DataFrame) -> None:
    row = table.set_index("variant").loc["int8"]
    assert row["lineage"] == "teacher → pruned → int8"
    assert (row["parents"], row["status"], row["reason"]) == ("pruned", "failed", "out of memory")
    assert row[table.columns[12:]].isna().all()


def test_a_variant_that_was_not_measured_yet_is_empty() -> None:
    """As in a run that was stopped: it has no reason, and no figures."""
    rows = [row for row in RUN_ROWS if row.variant == "teacher"]
    found = frame.table(RUN, rows).set_index("variant").loc["student"]
    assert found["status"] == "ok" and found.loc["p50_ns":"p99_ns"].isna().all()
    assert found.loc["memory_base_bytes":"first_run_ns"].isna().all()


def test_types(table: pd.DataFrame) -> None:
    types = {str(kind): [*names] for kind, names in table.columns.groupby(table.dtypes).items()}
    assert types["bool"] == ["is_baseline", "on_front", "may_be_on_front"]
    assert types["Int64"] == [
        *("batch_size", "file_better", "change_seeds", "better"),
        *("runs", "faster", "faster_than_parent"),
        *("more_throughput_batch_1", "more_throughput_batch_32", "shifted_better"),
    ]
    assert {*types} == {"bool", "Int64", "string", "float64"}
    texts = "suite variant technique lineage parents target status reason"
    assert types["string"] == texts.split()


def test_a_new_field_of_summary_is_a_column(monkeypatch: pytest.MonkeyPatch) -> None:
    more = [
        ("corrected", Interval | None, None),
        ("rank", int, 3),
        ("by_class", dict[int, float], None),
    ]
    later = make_dataclass("Later", more, bases=(Summary,), frozen=True)
    monkeypatch.setattr(frame, "Summary", later)
    old = summarise(RUN, RUN_ROWS)
    fields = {"corrected": Interval(2, 1, 3), "by_class": {0: 0.5, 7: 0.25}}
    found = frame.table(
        RUN, type(old)((later("teacher", "cpu_1thread", **fields),), {}, old.on_front)
    )
    wanted = {"corrected": 2, "corrected_low": 1, "corrected_high": 3, "rank": 3}
    wanted |= {"by_class_0": 0.5, "by_class_7": 0.25}
    assert {name: found[name][0] for name in wanted} == wanted


def test_one_row_for_each_variant_and_target() -> None:
    targets = dict.fromkeys(("one", "two"), RUN.targets["cpu_1thread"])
    run = make_run(targets=targets)
    rows = [row for variant in run.variants for row in variant_rows(run, variant)]
    found = frame.table(run, rows)
    keys = [(target, variant) for target in targets for variant in run.variants]
    assert [*zip(found["target"], found["variant"], strict=True)] == keys


def test_every_format_holds_the_same(table: pd.DataFrame, tmp_path: Path) -> None:
    paths = {name: write.write(tmp_path / "new", RUN, table, name) for name in write.FORMATS}
    assert [p.name for p in paths.values()] == ["table.csv", "table.parquet", "table.json"]
    written = {p.name for p in (tmp_path / "new").iterdir()}
    assert written == {LIST, *(p.name for p in paths.values())}
    pd.testing.assert_frame_equal(pd.read_parquet(paths["parquet"]), table)
    content = json.loads(paths["json"].read_text())
    assert content["run"]["environment"]["cpu"] == "Made-up CPU"
    assert content["columns"]["p50_ns"]["unit"] == "ns"
    records = pd.DataFrame(content["records"]).astype(table.dtypes)
    texts = pd.read_csv(io.BytesIO(paths["csv"].read_bytes()), keep_default_na=True)
    texts = texts.astype(table.dtypes).fillna({"reason": "", "parents": ""})
    for read in (records, texts):
        pd.testing.assert_frame_equal(read, table, rtol=1e-12)


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    folder = new_folder(tmp_path / "results", "mine", RUN.started)
    record.write_run(folder, RUN)
    write_rows(folder, "all", RUN_ROWS)
    return folder


@pytest.mark.parametrize("by_name", [True, False])
def test_load_run(stored: Path, tmp_path: Path, table: pd.DataFrame, by_name: bool) -> None:
    if by_name:
        loaded = compbench.load_run("mine", results=tmp_path / "results")
    else:
        loaded = compbench.load_run(stored)
    assert loaded.run == RUN
    assert len(loaded.rows) == len(RUN_ROWS)
    pd.testing.assert_frame_equal(loaded.table(), table)


def test_rows_are_read_when_they_are_asked_for(stored: Path) -> None:
    (stored / "rows" / "all.jsonl").write_text("damaged")
    loaded = compbench.load_run(stored)
    assert loaded.run.suite == "mine"
    with pytest.warns(UserWarning, match="is damaged"):
        table = loaded.table()
    assert all(table[name].isna().all() for name in ("accuracy", "size_bytes", "speedup"))
    assert "is damaged" in loaded.gaps[0]


def test_no_such_run_names_the_nearest(stored: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no run of 'mien' .*did you mean 'mine'"):
        compbench.load_run("mien", results=tmp_path / "results")
