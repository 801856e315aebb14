"""`compbench doctor`: whether a net, technique or dataset of one's own works, before a long run."""

from __future__ import annotations

import json as json_
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from compbench.cli.options import DATA, DataDir, Json
from compbench.cli.output import Output, console

if TYPE_CHECKING:
    from rich.table import Table

    from compbench.contracts import DatasetSource, TaskBase
    from compbench.doctor.examination import Result

_COLOURS = {
    "works": "green",
    "changed nothing": "yellow",
    "deviates": "yellow",
    "refuses": "yellow",
    "fails": "red",
}


def doctor(
    subject: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="a net, technique or dataset: its name, an import path (mynets:Net), or a table "
            "as in a suite: '{ name = \"mynets:Net\", width = 32 }'",
        ),
    ],
    dataset: Annotated[
        str | None,
        typer.Option(help="what it is tried on: a name or a table", show_default="digits"),
    ] = None,
    suite: Annotated[
        Path | None,
        typer.Option(help="a suite file: its dataset and task, and import paths beside it"),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="the net that a technique is tried on", show_default="a small cnn"),
    ] = None,
    data_dir: DataDir = DATA,
    json: Json = False,
) -> None:
    """Try a net with every technique, or a technique or dataset, on few samples; say what fails.

    A technique that refuses a net by a reason, or says that it changed nothing, is no failure; nor
    is a file whose outputs are far from its parent's. Exit code 1 where something fails.
    """
    from compbench.doctor import examination

    with _beside(suite):
        tried = examination.table(model) if model else examination.PLAIN_NET
        source, task = _data(dataset, suite)
        found: list[Result] = []
        told = Output(json=json).progress()
        for result in examination.examined(
            examination.table(subject), source, data_dir, tried, task
        ):
            found.append(result)
            if told.is_terminal:
                told.print(f"{result.check}: {result.status}", style="dim")
    if json:
        print(json_.dumps([asdict(one) for one in found], indent=1, ensure_ascii=False))
    else:
        console().print(_table(found))
    if any(one.status == "fails" for one in found):
        raise typer.Exit(1)


@contextmanager
def _beside(suite: Path | None) -> Iterator[None]:
    from compbench.registry import import_path

    if suite is None:
        yield
        return
    with import_path.beside(suite):
        yield


def _data(dataset: str | None, suite: Path | None) -> tuple[DatasetSource, TaskBase | None]:
    """As an option says, or the suite's with its task; else digits, which are always here."""
    from compbench.contracts import kinds
    from compbench.doctor import examination
    from compbench.suite import read

    if dataset is None and suite is not None:
        found = read.load(suite)
        return found.dataset, found.task
    table = examination.table(dataset or "digits")
    return kinds.dataset(table.pop("name"), table), None


def _table(found: list[Result]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in ("what", "result", "why"):
        table.add_column(name, overflow="fold")
    for one in found:
        table.add_row(one.check, Text(one.status, _COLOURS[one.status]), Text(one.said))
    return table
