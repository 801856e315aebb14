"""The other commands, from `run` to `compare`: their arguments, and the functions they call.

What a command needs is imported in it, so that `compbench --help` is quick.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from compbench.cli import baseline, clean, doctor, drift, history, verify
from compbench.cli.options import (
    DATA,
    RESULTS,
    DataDir,
    Json,
    Quiet,
    Reports,
    Results,
    Run,
    SuitePath,
    refuse_format,
    reports_folder,
)
from compbench.cli.output import Output, console

app = typer.Typer(
    help="Which compression do I take? Measured on the file that would be deployed.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # which would swallow [pick]
    context_settings={"max_content_width": 100},
)
app.add_typer(baseline.app, name="baseline")


@app.command()
def run(
    suite: SuitePath,
    results: Results = RESULTS,
    reports: Reports = None,
    data_dir: DataDir = DATA,
    fast: Annotated[
        bool, typer.Option("--fast", help="measure a few times only: wider intervals")
    ] = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Make what is missing, measure all, write the report. Stopped, it goes on where it was."""
    from compbench.cli.stop import exit_code, stoppable
    from compbench.report import write
    from compbench.run.progress import Progress
    from compbench.run.run import Folders, reported
    from compbench.run.run import run as run_suite
    from compbench.suite import read as suites
    from compbench.table.stored_run import StoredRun

    output = Output(quiet, json)
    places = Folders(results, reports_folder(reports, results), data_dir)
    loaded = suites.load(suite)
    if fast:
        loaded = suites.fast(loaded)
    progress = Progress(output.progress())
    try:
        with stoppable():
            outcome = run_suite(loaded, places, progress)
            stored = StoredRun(outcome.folder)
            written = write.write(stored, places.reports)
            reported(outcome.folder)
    except KeyboardInterrupt as error:  # caught here: typer would end the process without a word
        print("stopped; the same command goes on from here", file=sys.stderr)
        raise typer.Exit(exit_code(error)) from None
    failures = (*outcome.failures, *written.failures)
    output.show_run(stored, [written.path], failures)
    _end(failures)


def _end(failures: Sequence[str]) -> None:
    """Say what failed, a line each; exit code 1 where something did."""
    for failure in failures:
        print(f"failed: {failure}", file=sys.stderr)
    if failures:
        raise typer.Exit(1)


def _warn(gaps: Sequence[str]) -> None:
    """Say on stderr that a run lacks something, where it does."""
    from compbench.statistics.gaps import told

    if gaps:
        print(told(gaps), file=sys.stderr)


@app.command()
def check(
    suite: SuitePath,
    results: Results = RESULTS,
    data_dir: DataDir = DATA,
    safe: Annotated[
        bool, typer.Option("--safe", help="only list the code that it names, and run none of it")
    ] = False,
) -> None:
    """Show a suite's plan: its lineage as a tree, and which jobs are in the store already."""
    from compbench.cli import check as checks
    from compbench.suite import read as suites

    if safe:
        console().print(checks.named_code(suite))
        return
    console().print(checks.tree(suites.load(suite), results, data_dir))


@app.command()
def report(
    run: Run,
    results: Results = RESULTS,
    reports: Reports = None,
    format: Annotated[
        str, typer.Option(help="markdown, csv, parquet, json; several: separated by commas")
    ] = "markdown",
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Write the report again from a run's rows, or its table for other programs.

    Exit code 1 where a part of the report could not be written: it says so in its place.
    """
    from compbench.cli import formats
    from compbench.files import refuse_unwritable
    from compbench.table.stored_run import open_run

    names = formats.parse(format)
    folder = reports_folder(reports, results)
    refuse_unwritable(folder, "--reports")
    stored = open_run(results, run)
    paths, failures = formats.write(stored, folder, names)
    Output(quiet, json).show_paths(stored, paths, failures)
    _warn(stored.gaps)
    _end(failures)


@app.command()
def show(run: Run, results: Results = RESULTS, json: Json = False) -> None:
    """Show a run as a table in the terminal; nothing is written."""
    from compbench.table.stored_run import open_run

    Output(json=json).show_run(open_run(results, run))


@app.command("list")
def list_(
    kind: Annotated[
        str, typer.Argument(help="techniques, models, datasets, tasks, losses, shifts or targets")
    ],
    name: Annotated[str | None, typer.Argument(help="one of them, with its options")] = None,
    json: Json = False,
) -> None:
    """List what a suite file can name, or describe one of it."""
    from compbench.cli import listing

    if json:
        print(listing.as_json(kind, name))
    else:
        console().print(listing.render(kind, name))


@app.command()
def schema() -> None:
    """Print the JSON schema of suite files, by which editors complete and check them."""
    from compbench.suite import schema as schemas

    print(schemas.as_text(), end="")


@app.command()
def pick(
    run: Run,
    max_drop: Annotated[
        str | None,
        typer.Option(
            help="the loss allowed beside the baseline: of accuracy and other shares 1pp, as which "
            "1% is read; of other metrics 0.05 in their unit, or 2% of the baseline's value"
        ),
    ] = None,
    max_bytes: Annotated[str | None, typer.Option(help="the file on disk: 200KB")] = None,
    max_latency: Annotated[str | None, typer.Option(help="p50 of an inference: 0.5ms")] = None,
    target: Annotated[str | None, typer.Option(help="one of the run's targets")] = None,
    results: Results = RESULTS,
    json: Json = False,
) -> None:
    """Say which variant to take under constraints, and what excluded the others.

    What is not given is as the suite's [pick] says. Exit code 1 where nothing fits, and where the
    run is incomplete.
    """
    from dataclasses import replace

    from compbench.cli.pick import choose
    from compbench.table.stored_run import open_run

    given = {"--max-drop": max_drop, "--max-bytes": max_bytes, "--max-latency": max_latency}
    stored = open_run(results, run)
    chosen = replace(choose(stored.run, stored.summaries, target, given), gaps=stored.gaps)
    Output(json=json).show_choice(chosen)
    if chosen.choice.taken is None or chosen.gaps:
        raise typer.Exit(1)


@app.command()
def export(
    run: Run,
    variant: Annotated[str, typer.Argument(help="one of the run's variants")],
    path: Annotated[Path, typer.Argument(help="a folder, or the file to be: model.onnx")],
    seed: Annotated[int | None, typer.Option(help="by default the run's first")] = None,
    results: Results = RESULTS,
) -> None:
    """Copy a variant's ONNX file, with a README.md beside it of how to call it.

    What it needs besides, a tokenizer say, is put there as well. Nothing is written over.
    """
    from compbench.cli import export as exports
    from compbench.table.stored_run import open_run

    stored = open_run(results, run)
    for written in exports.export(stored, variant, path, seed, results):
        print(written)
    _warn(stored.gaps)


@app.command()
def compare(
    run_a: Annotated[
        str,
        typer.Argument(
            metavar="RUN_A",
            help="the earlier run: its folder, SUITE@previous or, by its time, SUITE@20260102",
        ),
    ],
    run_b: Annotated[
        str,
        typer.Argument(
            metavar="RUN_B", help="the later run: likewise, or a suite, which is its newest run"
        ),
    ],
    results: Results = RESULTS,
    data_dir: DataDir = DATA,
    remeasure: Annotated[
        bool, typer.Option("--remeasure", help="measure files that differ side by side now")
    ] = False,
    form: Annotated[str, typer.Option("--format", help="table, markdown, csv or json")] = "table",
) -> None:
    """What changed from RUN_A to RUN_B, variant by variant, significant or not."""
    from compbench.compare import render
    from compbench.compare.remeasure import compare_folders
    from compbench.results import find

    refuse_format(form, render.FORMATS)
    folders = find.find_both(results, run_a, run_b)
    found = compare_folders(folders, results, data_dir if remeasure else None)
    print(render.render(found, form), end="")


app.command()(history.history)
app.command()(drift.drift)
app.command()(doctor.doctor)
app.command()(clean.clean)
app.command()(verify.verify)
