"""`compbench history`: its arguments, and the functions it calls."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from compbench.cli.options import RESULTS, Reports, Results, refuse_format, reports_folder


def history(
    suite: Annotated[str, typer.Argument(metavar="SUITE", help="a suite's name or file")],
    metric: Annotated[
        str, typer.Option(help="speedup, the task's metric such as accuracy, size_bytes, …")
    ] = "speedup",
    variant: Annotated[
        list[str] | None, typer.Option(help="this variant only; may be given several times")
    ] = None,
    target: Annotated[str | None, typer.Option(help="one of the runs' targets")] = None,
    results: Results = RESULTS,
    reports: Reports = None,
    form: Annotated[str, typer.Option("--format", help="table, csv or json")] = "table",
) -> None:
    """Show a metric over a suite's runs, as a table and a picture, with step changes marked."""
    from compbench.files import refuse_unwritable
    from compbench.history import metrics, render
    from compbench.history.history import history as history_of
    from compbench.history.runs import read
    from compbench.own_folder import OwnFolder
    from compbench.report.pictures import history as pictures_history
    from compbench.table.stored_run import open_run

    refuse_format(form, render.FORMATS)
    runs = read(results, suite)
    asked = metrics.find(metric, runs.finished[-1].run.headline)
    found = history_of(runs.finished, asked, target, variant or ())
    folder = reports_folder(reports, results)
    refuse_unwritable(folder, "--reports")
    file = f"history-{asked.name}-{found.target}.png"
    own = OwnFolder(folder / found.suite, "history", open_run(results, suite).suite_file)
    own.put({file: pictures_history.picture(found)})
    path = folder / found.suite / file
    print(render.render(found, runs, form, str(path)), end="")
    print(f"picture: {path}", file=sys.stdout if form == "table" else sys.stderr)
