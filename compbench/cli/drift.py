"""`compbench drift`: its arguments, and the functions it calls."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from compbench.cli.options import DATA, RESULTS, DataDir, Results, refuse_format

RunOrTime = Annotated[
    str,
    typer.Argument(
        metavar="RUN", help="a run's folder, a suite (its newest run), SUITE@previous or SUITE@TIME"
    ),
]


def drift(
    run: RunOrTime,
    data: Annotated[
        Path,
        typer.Option(
            help="new samples without targets: an .npz (or .npy) of raw inputs as the dataset has "
            "them, or a folder or zip of images"
        ),
    ],
    variant: Annotated[
        list[str] | None,
        typer.Option(
            help="this variant only; may be given several times. By default all that have a "
            "teacher, or where none has one all beside the baseline"
        ),
    ] = None,
    alpha: Annotated[
        float, typer.Option(help="how often one of the variants may be alarmed for nothing")
    ] = 0.01,
    results: Results = RESULTS,
    data_dir: DataDir = DATA,
    form: Annotated[str, typer.Option("--format", help="table, csv or json")] = "table",
) -> None:
    """Say whether variants and their teachers disagree more on new data than they did before.

    Beside the validation and test samples of the run: an alarm means that the new ones are unlike
    both. Exit code 1 for an alarm, 0 for none.
    """
    from compbench.drift import render
    from compbench.drift.drift import Places
    from compbench.drift.drift import drift as drift_of
    from compbench.errors import UserError
    from compbench.results import find

    refuse_format(form, render.FORMATS)
    if not 0 < alpha < 1:
        raise UserError(f"--alpha: {alpha:g} should be between 0 and 1: 0.01")
    folder = find.find(results, run)

    def tell(line: str) -> None:
        print(line, file=sys.stderr)

    found = drift_of(folder, data, Places(results, data_dir), tell, variant or (), alpha)
    print(render.render(found, form), end="")
    if found.is_alarm:
        raise typer.Exit(1)
