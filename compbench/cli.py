"""The command line: arguments only."""

from __future__ import annotations

import errno
import os
import sys
import warnings
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from compbench import cli_baseline
from compbench.errors import UserError

app = typer.Typer(
    help="Which compression do I take? Measured on the file that would be deployed.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(cli_baseline.app, name="baseline")

SuitePath = Annotated[Path, typer.Argument(metavar="SUITE", help="a suite file (TOML)")]
Results = Annotated[Path, typer.Option(help="where artifacts and runs are kept")]
Reports = Annotated[Path, typer.Option(help="where reports are written")]
DataDir = Annotated[
    Path, typer.Option(envvar="COMPBENCH_DATA", help="where datasets are, or are downloaded to")
]
_RESULTS, _REPORTS = Path("results"), Path("reports")
_DATA = Path("data")


@app.command()
def run(
    suite: SuitePath,
    results: Results = _RESULTS,
    reports: Reports = _REPORTS,
    data_dir: DataDir = _DATA,
    fast: Annotated[
        bool, typer.Option("--fast", help="measure a few times only: wider intervals")
    ] = False,
) -> None:
    """Make what is missing, measure all, write the report. Stopped, it goes on where it was."""
    from compbench import report
    from compbench import suite as suites
    from compbench.progress import Progress
    from compbench.run import Folders
    from compbench.run import run as run_suite

    console = Console()
    loaded = suites.load(suite)
    if fast:
        loaded = suites.fast(loaded)
    progress = Progress(console)
    try:
        outcome = run_suite(loaded, Folders(results, reports, data_dir), progress)
    except KeyboardInterrupt:  # caught here: typer would end the process without a word
        print("stopped; the same command goes on from here", file=sys.stderr)
        raise typer.Exit(130) from None
    path = report.write(outcome.folder, reports)
    progress.note(f"report: {path}")
    for failure in outcome.failures:
        print(f"failed: {failure}", file=sys.stderr)
    if outcome.failures:
        raise typer.Exit(1)


@app.command()
def check(suite: SuitePath, results: Results = _RESULTS, data_dir: DataDir = _DATA) -> None:
    """Show a suite's plan: its lineage as a tree, and which jobs are in the store already."""
    from compbench import check as checks
    from compbench import suite as suites

    Console().print(checks.tree(suites.load(suite), results, data_dir), highlight=False)


@app.command()
def report(
    run: Annotated[str, typer.Argument(help="a run's folder, or a suite: its newest run")],
    results: Results = _RESULTS,
    reports: Reports = _REPORTS,
) -> None:
    """Write the report again from a run's rows."""
    from compbench import report as writer
    from compbench.results import find_run
    from compbench.store import refuse_unwritable

    refuse_unwritable(reports, "--reports")
    path = writer.write(find_run(results, run), reports)
    Console().print(f"report: {path}", highlight=False, soft_wrap=True)


_USERS_OSERRORS = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EACCES,
    errno.EROFS,
    errno.EPERM,
    errno.ENOTDIR,
    errno.EEXIST,
    errno.EISDIR,
)


def main() -> None:
    """The `compbench` command: a user's mistake is one line and exit code 2."""
    sys.path.insert(0, os.getcwd())  # for import paths in suite files
    warnings.formatwarning = lambda message, *_, **__: f"warning: {message}\n"
    try:
        app()
    except UserError as error:
        _stop(str(error))
    except OSError as error:
        if error.errno not in _USERS_OSERRORS:
            raise
        _stop(f"{error.filename or 'disk'}: {error.strerror}; what was finished is kept")


def _stop(message: str) -> None:
    print(f"error: {message}", file=sys.stderr)
    raise SystemExit(2)
