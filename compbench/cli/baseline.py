"""`compbench baseline`: the arguments of its commands, and the functions they call."""

from __future__ import annotations

from typing import Annotated

import typer

from compbench.cli.options import BASELINES, RESULTS, Baselines, Results

app = typer.Typer(
    help="Keep a run's files, to compare later candidates with.", no_args_is_help=True
)


@app.command()
def save(
    source: Annotated[
        str, typer.Argument(metavar="RUN", help="a run, or a baseline (folder or name)")
    ],
    name: Annotated[str, typer.Option(help="what to call it")] = "main",
    baselines: Baselines = BASELINES,
    results: Results = RESULTS,
) -> None:
    """Make a new baseline of the first seed of a run, or of another baseline."""
    from compbench.gate import baseline

    print(f"baseline: {baseline.save(source, name, baseline.Places(baselines, results))}")


@app.command()
def promote(
    source: Annotated[str, typer.Argument(help="a run, or a baseline (folder or name)")],
    name: Annotated[str, typer.Argument(help="the baseline that it becomes")],
    baselines: Baselines = BASELINES,
    results: Results = RESULTS,
) -> None:
    """Replace a baseline, for instance by the candidate; the old one is kept as NAME.previous."""
    from compbench.gate import baseline

    print(f"baseline: {baseline.promote(source, name, baseline.Places(baselines, results))}")


@app.command("list")
def list_(baselines: Baselines = BASELINES) -> None:
    """Show the baselines that there are, checked against their checksums."""
    from compbench.gate import baseline_tables

    rows = baseline_tables.overview(baselines)
    _show(rows) if rows else print(f"no baselines under {baselines}")


@app.command()
def diff(
    before: Annotated[str, typer.Argument(metavar="A", help="a baseline, run or folder of files")],
    after: Annotated[str, typer.Argument(metavar="B", help="the same, to compare with it")],
    baselines: Baselines = BASELINES,
    results: Results = RESULTS,
) -> None:
    """Show which variants came, went or changed, with their bytes, parameters and quality."""
    from compbench.gate import baseline, baseline_tables

    places = baseline.Places(baselines, results)
    sides = [baseline.read(name, places) for name in (before, after)]
    _show(baseline_tables.differences(*sides))
    for note in baseline_tables.notes(*sides):
        print(note)


def _show(rows: list[dict[str, str]]) -> None:
    from tabulate import tabulate

    print(tabulate(rows, headers="keys", disable_numparse=True))
