"""Options that several commands have: what they are called, and where they point by default."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Results = Annotated[Path, typer.Option(help="where artifacts and runs are kept")]
Reports = Annotated[
    Path | None,
    typer.Option(help="where reports and pictures are written", show_default="<results>/reports"),
]
DataDir = Annotated[
    Path, typer.Option(envvar="COMPBENCH_DATA", help="where datasets are, or are downloaded to")
]
Baselines = Annotated[Path, typer.Option(help="where baselines are kept")]
RESULTS, DATA, BASELINES = Path("results"), Path("data"), Path("baselines")


def reports_folder(reports: Path | None, results: Path) -> Path:
    """Where reports go: as --reports says, else below the results, beside the runs."""
    return results / "reports" if reports is None else reports
