"""Arguments and options that several commands have, with their defaults."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Annotated

import typer

from compbench.errors import UserError, nearest

RESULTS = Path("results")
DATA = Path("data")
BASELINES = Path("baselines")

SuitePath = Annotated[Path, typer.Argument(metavar="SUITE", help="a suite file (TOML)")]
Run = Annotated[str, typer.Argument(help="a run's folder, or a suite: its newest run")]
Results = Annotated[Path, typer.Option(help="where artifacts and runs are kept")]
Reports = Annotated[
    Path | None,
    typer.Option(help="where reports and pictures are written", show_default="<results>/reports"),
]
Baselines = Annotated[Path, typer.Option(help="where baselines are kept")]
DataDir = Annotated[
    Path, typer.Option(envvar="COMPBENCH_DATA", help="where datasets are, or are downloaded to")
]
Quiet = Annotated[bool, typer.Option("--quiet", help="print only the report's path and failures")]
Json = Annotated[bool, typer.Option("--json", help="print one JSON document and nothing else")]


def reports_folder(reports: Path | None, results: Path) -> Path:
    """Where reports go: as --reports says, else below the results, beside the runs."""
    return results / "reports" if reports is None else reports


def refuse_format(name: str, known: Collection[str]) -> None:
    """Raises UserError, with the nearest that there is, where `--format` names none of `known`."""
    if name not in known:
        raise UserError(f"--format: there is no format '{name}'{nearest(name, known)}")
