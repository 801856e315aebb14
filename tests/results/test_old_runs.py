"""A run of each format there ever was, kept as it was written: none may become unreadable.

Never write these folders anew. Where a later format is read differently, only the code changes.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from compbench import metrics
from compbench.report import write
from compbench.results import folder, record
from compbench.results.record import Run
from compbench.results.row import Row
from compbench.results.row_index import Rows
from compbench.statistics.summarise import summarise
from compbench.statistics.summary import Summaries
from compbench.table.stored_run import StoredRun

FOLDER = Path(__file__).parents[1] / "data" / "run-format-1"
TARGET = "cpu_1thread"
MEASURED = ("teacher", "student_kd", "int8")


@pytest.fixture(scope="module")
def run() -> Run:
    return record.read_run(FOLDER)


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return folder.read_rows(FOLDER)


@pytest.fixture(scope="module")
def summaries(run: Run, rows: list[Row]) -> Summaries:
    return summarise(run, rows)


def test_the_run_says_what_was_asked(run: Run) -> None:
    assert json.loads((FOLDER / "run.json").read_text())["format"] == 1
    assert (run.suite, run.protocol, run.baseline) == ("old", 1, "teacher")
    assert tuple(run.variants) == (*MEASURED, "broken")
    assert run.targets[TARGET]["loadgen"]["scenarios"] == ["server"]
    assert run.finished == "2026-01-02T03:05:05+00:00"


def test_the_rows_are_all_there(run: Run, rows: list[Row]) -> None:
    found = Rows(rows)
    for variant in MEASURED:
        assert len(found.of(variant, "latency_ns", TARGET)) == 3
        assert len(found.of(variant, "throughput_per_s", TARGET)) == 6
        for metric in ("score", "memory_bytes", "operators", "placement", "loadgen_server"):
            assert len(found.of(variant, metric, TARGET)) == 1
    assert len(found.of("teacher", "control_latency_ns", TARGET)) == 3
    assert {row.key for row in rows} == set(run.keys)
    assert {row.metric for row in rows} <= {*metrics.names()}


def test_samples_are_as_they_were_written(rows: list[Row]) -> None:
    first = Rows(rows).of("teacher", "latency_ns", TARGET)[0].samples
    dtypes = {name: column.dtype.str for name, column in first.items()}
    assert dtypes == {
        "duration_ns": "<i8",
        "turn": "<i4",
        "order": "<i2",
        "kept": "|u1",
        "cpu_ns": "<i8",
    }
    assert first["duration_ns"][:6].tolist() == [
        2_000_000,
        20_000,
        20_000,
        2_200_000,
        22_000,
        22_000,
    ]
    file = Rows(rows).of("int8", "weights")[0].samples
    assert file["type"].tolist() == ["int8"]


@pytest.mark.parametrize(
    ("variant", "accuracy", "change", "p50_ns", "speedup", "ratio", "per_s", "lineage_s"),
    [
        ("teacher", 0.90, 0.0, 24_000, 1.0, 1.0, 1.6e6, 8.0),
        ("student_kd", 0.95, 0.05, 48_000, 0.5, 1.0, 0.8e6, 10.0),
        ("int8", 0.89, -0.01, 12_000, 2.0, 4.0, 3.2e6, 8.5),
    ],
)
def test_its_figures_stay(
    summaries: Summaries,
    variant: str,
    accuracy: float,
    change: float,
    p50_ns: float,
    speedup: float,
    ratio: float,
    per_s: float,
    lineage_s: float,
) -> None:
    s = summaries.find(variant, TARGET)
    assert s.quality and s.change and s.speedup
    assert (s.quality.value, s.change.value) == pytest.approx((accuracy, change))
    assert s.speedup == pytest.approx((speedup, speedup, speedup))
    assert (s.p50_ns, s.size_ratio, s.runs) == (p50_ns, ratio, 30)
    assert s.throughput_per_s[32] == pytest.approx(per_s)
    assert s.lineage_seconds == pytest.approx(lineage_s)
    assert (s.footprint["base_bytes"], s.footprint["peak_bytes"]) == (51e6, 66e6)


def test_what_failed_still_says_why(summaries: Summaries) -> None:
    assert summaries.find("broken", TARGET).reason == "failed: out of memory"


def test_its_report_can_be_written(tmp_path: Path) -> None:
    text = write.write(StoredRun(FOLDER), tmp_path).path.read_text()
    assert "the best guess is `int8`** (quantized): 2.00× (2.00–2.00) faster, 4.00×" in text
    assert "Integer kernels take 80%" in text
    assert "`broken` has no figures: failed: out of memory." in text
    assert "| server     | int8       | 100 µs | 200 µs | 900 µs | 2,500" in text
    assert {path.name for path in (tmp_path / "old").iterdir()} == {
        ".written.json",
        "README.md",
        "training.png",
        *(f"{kind}-{TARGET}.png" for kind in ("pareto", "speed", "latency")),
    }
