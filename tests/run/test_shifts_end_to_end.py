"""The whole path with [shifts]: digits with every shift of images, a table, and what is refused."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas
import pytest

from compbench.results import record
from compbench.results.find import latest_run
from compbench.results.folder import read_rows
from compbench.table.frame import table
from tests.benchmarks.killing import finish

pytestmark = pytest.mark.slow

MEASURE = "[measure]\nlaunches = 2\nseconds_per_arm = 0.02\nmemory_processes = 1\n"
DIGITS = f"""
seeds = [3]
{MEASURE}
[shifts]
noise = {{ severities = [5] }}
rotation = {{ severities = [1, 5] }}
sharp = {{ shift = "own_shift:Sharp", severities = [2] }}
[variants.teacher]
technique = "train"
model = {{ name = "cnn", channels = [4, 8], hidden = 16 }}
epochs = 4
[variants.kd]
technique = "distill"
parent = "teacher"
model = {{ name = "mlp", hidden = [16] }}
epochs = 2
[variants.int8]
technique = "quantize_static"
parent = "kd"
"""
OWN = '''
from compbench.contracts import ImageShift


class Sharp(ImageShift):
    """Pixels that are black or white. Nothing published."""

    def images(self, images, known, severity, random):
        return images if severity == 0 else 255.0 * (images > 127)
'''
CONDITIONS = {("", 0), ("noise", 5), ("rotation", 1), ("rotation", 5), ("sharp", 2)}


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("suite") / "mine.toml"
    path.write_text(DIGITS)
    path.with_name("own_shift.py").write_text(OWN)
    return path


@pytest.fixture(scope="module")
def done(suite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("done")
    said = finish(suite, folder)
    assert said.count("test samples ") == len(CONDITIONS)
    return folder


def run_of(folder: Path) -> tuple[Path, record.Run]:
    latest = latest_run(folder / "results", "mine")
    assert latest
    return latest, record.read_run(latest)


def test_rows_of_every_variant_and_severity(done: Path) -> None:
    folder, run = run_of(done)
    rows = [row for row in read_rows(folder, run) if row.metric == "shifted_score"]
    assert {(r.shift, r.severity) for r in rows} == CONDITIONS
    assert len(rows) == len(CONDITIONS) * 3 and {row.status for row in rows} == {"ok"}
    clean = {r.variant: r for r in rows if not r.shift}
    scores = {r.variant: r for r in read_rows(folder, run) if r.metric == "score"}
    for variant, row in clean.items():
        np.testing.assert_array_equal(row.samples["score"], scores[variant].samples["score"])
    worst = {r.variant: r for r in rows if (r.shift, r.severity) == ("rotation", 5)}
    assert worst["teacher"].samples["score"].mean() < clean["teacher"].samples["score"].mean()


def test_the_report_and_the_table_say_it(done: Path) -> None:
    report = (done / "reports" / "mine" / "README.md").read_text()
    assert "### What shifted samples do" in report
    assert (
        "sharp (`own_shift:Sharp`) at severity 2" in report and "could not be written" not in report
    )
    assert (done / "reports" / "mine" / "shifts-cpu_1thread.png").stat().st_size > 10_000
    folder, run = run_of(done)
    row = table(run, read_rows(folder, run)).set_index("variant").loc["kd"]
    assert 0 < row["shifted_accuracy"] < row["accuracy"] and 0 < row["calibration_error"] < 1
    assert row["shifted_accuracy_low"] < row["shifted_accuracy"] < row["shifted_accuracy_high"]


def test_what_was_lost_is_measured_again_and_comes_out_the_same(
    done: Path, suite: Path, tmp_path: Path
) -> None:
    """As after a kill in between: the seed is the shift's own."""
    copy = tmp_path / "copy"
    shutil.copytree(done, copy)
    folder, run = run_of(copy)
    rows = folder / "rows"
    before = {path.name: path.read_bytes() for path in rows.glob("shift.*")}
    for name in ("shift.noise.5", "shift.rotation.5"):
        (rows / f"{name}.cpu_1thread.jsonl").unlink()
    ended = run.model_copy(update={"finished": None, "files": None})
    record.write_run(folder, ended)
    said = finish(suite, copy)
    assert said.count("test samples ") == 2 and "make " not in said
    assert {path.name: path.read_bytes() for path in rows.glob("shift.*")} == before


TABLE = f"""
[dataset]
name = "table"
path = "table.csv"
target = "y"
predict = "number"
{MEASURE}
[shifts]
noise = {{ severities = [1, 5] }}
dropped_features = {{ severities = [5] }}
[variants.teacher]
technique = "train"
model = {{ name = "mlp", hidden = [16] }}
epochs = 20
[variants.pruned]
technique = "prune_weights"
parent = "teacher"
epochs = 1
"""


def write_table(folder: Path) -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(600, 4))
    columns = {f"x{i}": x[:, i] for i in range(4)} | {"y": x @ [3, -2, 1, 0.5]}
    pandas.DataFrame(columns).to_csv(folder / "table.csv", index=False)


def test_a_table_loses_by_its_own_metric(tmp_path: Path) -> None:
    write_table(tmp_path)
    suite = tmp_path / "mine.toml"
    suite.write_text(TABLE)
    finish(suite, tmp_path)
    folder, run = run_of(tmp_path)
    row = table(run, read_rows(folder, run)).set_index("variant").loc["teacher"]
    assert row["shifted_rmse"] > row["rmse"] and np.isnan(row["calibration_error"])
    report = (tmp_path / "reports" / "mine" / "README.md").read_text()
    section = report.partition("### What shifted samples do")[2].partition("\n### ")[0]
    assert "RMSE of the same test samples" in section and "ccuracy" not in section


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            DIGITS.replace("rotation =", "dropped_features ="),
            "[shifts.dropped_features] the shift 'dropped_features' changes features (F,) of "
            "floats, but there is pixels uint8 (N, 1, 28, 28)",
        ),
        (
            TABLE.replace("dropped_features =", "blur ="),
            "[shifts.blur] the shift 'blur' changes images (C, H, W) of uint8 or floats, but "
            "there is features float32 (N, 4)",
        ),
    ],
)
def test_a_shift_that_does_not_fit_is_refused_before_anything_is_made(
    text: str, said: str, tmp_path: Path
) -> None:
    write_table(tmp_path)
    suite = tmp_path / "mine.toml"
    suite.write_text(text)
    (tmp_path / "own_shift.py").write_text(OWN)
    folders = ["--results", str(tmp_path / "results")]
    reports = ["--reports", str(tmp_path / "reports")]
    for command in (["check", str(suite), *folders], ["run", str(suite), *folders, *reports]):
        call = [sys.executable, "-m", "compbench", *command]
        found = subprocess.run(call, capture_output=True, text=True, check=False)
        assert found.returncode == 2
        assert found.stderr.strip().splitlines()[-1] == f"error: {suite}: {said}"
    assert not [*(tmp_path / "results").glob("artifacts/*/model.onnx")]
    assert not (tmp_path / "results" / "runs").exists()


def test_check_names_code_that_a_shift_would_run(suite: Path) -> None:
    call = [sys.executable, "-m", "compbench", "check", str(suite), "--safe"]
    found = subprocess.run(call, capture_output=True, text=True, check=True)
    assert "own_shift:Sharp" in found.stdout and "shifts.sharp.shift" in found.stdout
