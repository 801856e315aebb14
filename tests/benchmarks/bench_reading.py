"""Large suites, large runs, large stores, long histories; `make bench` runs this."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from compbench.history import history as histories
from compbench.history import metrics
from compbench.history.runs import read
from compbench.make.store import MODEL, Store
from compbench.report.page import render
from compbench.results import record
from compbench.results.folder import new_folder, read_rows, write_rows
from compbench.results.record import Run
from compbench.results.row import Row
from compbench.statistics.summarise import summarise
from compbench.suite import plan
from compbench.suite import read as suites
from tests.factory import accuracy_row, latency_row, lineage, make_run, variant_rows
from tests.kept import manifest

VARIANTS, ARTIFACTS, ROWS, RUNS = 1000, 1000, 10_000, 30
TURNS, IMAGES = 100, 1000


@pytest.fixture(scope="module")
def suite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A teacher, and chains of a student and its quantization."""
    tables = ['[variants.teacher]\ntechnique = "train"\nmodel = "cnn"\n']
    for i in range((VARIANTS - 1) // 2):
        student = f'[variants.student_{i}]\ntechnique = "distill"\nparent = "teacher"\n'
        tables.append(student + f'model = {{ name = "mlp", hidden = [{i + 1}] }}\n')
        small = f'[variants.small_{i}]\ntechnique = "quantize_static"\nparent = "student_{i}"\n'
        tables.append(small)
    tables.append('[variants.last]\ntechnique = "float16"\nparent = "teacher"\n')
    path = tmp_path_factory.mktemp("suite") / "large.toml"
    path.write_text("\n".join(tables))
    return path


def bench_reading_a_suite_of_1000_variants(benchmark: BenchmarkFixture, suite_file: Path) -> None:
    suite = benchmark.pedantic(suites.load, (suite_file,), rounds=3)
    assert len(suite.variants) == VARIANTS


def bench_planning_1000_variants(benchmark: BenchmarkFixture, suite_file: Path) -> None:
    """Their keys, which hash options, parents and sources."""
    suite = suites.load(suite_file)
    jobs = benchmark.pedantic(plan.plan, (suite, "d" * 64), rounds=3)
    assert len({job.key for job in jobs}) == VARIANTS


@pytest.fixture(scope="module")
def large() -> tuple[Run, list[Row]]:
    """A run of 10,000 rows, those of whole variants at five seeds."""
    names = [f"variant_{i}" for i in range(100)]
    run, random = make_run(dict.fromkeys(names, lineage()), seeds=(0, 1, 2, 3, 4)), _random()
    kept: list[str] = []
    rows: list[Row] = []
    while len(rows) < ROWS:
        kept.append(names[len(kept)])
        rows += _rows(run, kept[-1], random)
    return run.model_copy(update={"variants": dict.fromkeys(kept, lineage())}), rows


def _random() -> np.random.Generator:
    return np.random.default_rng(0)


def _rows(run: Run, variant: str, random: np.random.Generator) -> Iterator[Row]:
    """The rows of the tests' factory, latencies of as many turns as a real launch has."""
    for row in variant_rows(run, variant):
        if row.metric in ("latency_ns", "control_latency_ns"):
            turns = random.normal(100_000, 1_000, TURNS)
            where = {"seed": row.seed, "launch": row.launch, "metric": row.metric}
            yield latency_row(variant, list(turns), kept=16, **where)
        elif row.metric == "score":
            yield accuracy_row(variant, 90, seed=row.seed)
        else:
            yield row


def bench_summarising_10000_rows(benchmark: BenchmarkFixture, large: tuple[Run, list[Row]]) -> None:
    run, rows = large
    summaries = benchmark.pedantic(summarise, (run, rows), rounds=3)
    assert len(summaries.all) == len(run.variants)
    benchmark.extra_info["rows"] = len(rows)


def bench_the_report_of_10000_rows(
    benchmark: BenchmarkFixture, large: tuple[Run, list[Row]]
) -> None:
    """The text from summaries; pictures are another thing."""
    run, rows = large
    summaries = summarise(run, rows)
    page = benchmark.pedantic(render, (run, rows, summaries), rounds=2)
    assert all(name in page.text for name in run.variants)
    benchmark.extra_info["rows"] = len(rows)


def bench_writing_10000_rows(
    benchmark: BenchmarkFixture, large: tuple[Run, list[Row]], tmp_path: Path
) -> None:
    _, rows = large
    benchmark.pedantic(write_rows, (tmp_path, "all", rows), rounds=2)
    written = (tmp_path / "rows" / "all.jsonl").stat().st_size
    assert written
    benchmark.extra_info |= {"rows": len(rows), "file_bytes": written}


def bench_reading_10000_rows(
    benchmark: BenchmarkFixture, large: tuple[Run, list[Row]], tmp_path: Path
) -> None:
    _, rows = large
    write_rows(tmp_path, "all", rows)
    found = benchmark.pedantic(read_rows, (tmp_path,), rounds=3)
    assert len(found) == len(rows)
    benchmark.extra_info["rows"] = len(rows)


@pytest.fixture(scope="module")
def full_store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A thousand artifacts of 10 KB."""
    store = Store(tmp_path_factory.mktemp("store"))
    store.root.mkdir(parents=True)
    for i in range(ARTIFACTS):
        store.put(manifest(f"{i:032}", f"variant_{i}", 0), {MODEL: bytes(10_000)})
    return store


@pytest.mark.parametrize("is_there", [True, False], ids=["there", "absent"])
def bench_finding_one_of_1000_artifacts(
    benchmark: BenchmarkFixture, full_store: Store, is_there: bool
) -> None:
    key = f"{ARTIFACTS // 2 if is_there else ARTIFACTS:032}"
    found = benchmark(full_store.find, key)
    assert (found is not None) == is_there


@pytest.fixture(scope="module")
def long_past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty runs of nine variants, as large as the quickstart's."""
    folder, random = tmp_path_factory.mktemp("past"), _random()
    first = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    for day in range(RUNS):
        started = (first + timedelta(days=day)).isoformat(timespec="seconds")
        run = make_run({f"variant_{i}": lineage() for i in range(9)}, started=started)
        path = new_folder(folder, run.suite, run.started)
        record.write_run(path, run)
        rows = [row for name in run.variants for row in _rows(run, name, random)]
        write_rows(path, "all", rows)
    return folder


def bench_the_history_of_30_runs(benchmark: BenchmarkFixture, long_past: Path) -> None:
    """Reading, summarising, and looking for steps."""

    def history() -> histories.History:
        runs = read(long_past, "mine")
        return histories.history(runs.finished, metrics.find("speedup"), None)

    found = benchmark.pedantic(history, rounds=2)
    assert [len(series.points) for series in found.series] == [RUNS] * 8
