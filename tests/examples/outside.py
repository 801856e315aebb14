"""An example run as a user would: copied away from the repository, shorter, on fewer samples."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from compbench.results.folder import read_rows
from compbench.results.row import Row

EXAMPLES = Path(__file__).parents[2] / "examples"

_SINGLE_INFERENCES = """
[targets.cpu_1thread]
provider = "cpu"
threads = 1
batch_sizes = [1]
"""


@dataclass(frozen=True)
class Done:
    """What came of it: the rows of the run, all that was printed, and the report."""

    rows: list[Row]
    printed: str
    report: str

    def scores(self) -> dict[str, float]:
        """The quality of each variant, as the task counts it for one sample on average."""
        found = [r for r in self.rows if r.metric == "score" and r.status == "ok"]
        return {row.variant: float(row.samples["score"].mean()) for row in found}

    def failures(self) -> dict[str, str]:
        """The variants that failed, each with its first reason."""
        return {r.variant: r.reason for r in reversed(self.rows) if r.status == "failed"}


def copied(name: str, place: Path, epochs: int | None = 1, suite: str | None = None) -> Path:
    """The example's own files, without its report; its suite trains and measures no longer.

    Of several suites that an example has, the one that is not called as the example is named.
    """
    shutil.copytree(
        EXAMPLES / name,
        place / name,
        ignore=shutil.ignore_patterns("report", "results", "__pycache__", "minilm"),
    )
    if epochs is not None:
        file = place / name / f"{suite or name}.toml"
        text = re.sub(r"(?m)^epochs = \d+", f"epochs = {epochs}", file.read_text("utf-8"))
        file.write_text(text + _SINGLE_INFERENCES, "utf-8")
    return place / name


def run(folder: Path, data: Path, suite: str | None = None) -> Done:
    """`compbench run` of a copied example, in its folder."""
    name = suite or folder.name
    command = [sys.executable, "-m", "compbench", "run", f"{name}.toml", "--fast"]
    repository = str(EXAMPLES.parent)
    environment = {**os.environ, "PYTHONPATH": repository, "COMPBENCH_DATA": str(data)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    printed = done.stdout + done.stderr
    assert done.returncode == 0, printed
    assert "not writable" not in printed, printed
    (at,) = (folder / "results" / "runs" / name).iterdir()
    report = folder / "results" / "reports" / name / "README.md"
    return Done(read_rows(at), printed, report.read_text("utf-8"))
