"""`compbench verify`: whether everything is as it was written, by its checksums."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import typer

from compbench.cli.options import BASELINES, RESULTS, Baselines, Results


def verify(results: Results = RESULTS, baselines: Baselines = BASELINES) -> None:
    """Check every artifact, run and baseline against its checksums; exit code 1 for damage."""
    from compbench.gate.baseline import listed
    from compbench.make.store import Store
    from compbench.results.needed import run_folders
    from compbench.units import counted

    store = Store(results)
    runs = run_folders(results)
    kept = dict(listed(baselines))
    wrong = [str(error) for error in kept.values() if isinstance(error, Exception)]
    artifacts = [problem for f in store.folders() if (problem := store.problem(f.name))]
    problems = [*artifacts, *_of_runs(runs), *wrong]
    for problem in problems:
        print(problem)
    print(
        f"{counted(len(store.folders()), 'artifact')} and {counted(len(runs), 'run')} under "
        f"{results}, {counted(len(kept), 'baseline')} under {baselines}: "
        f"{f'{len(problems)} damaged' if problems else 'all whole'}"
    )
    if problems:
        raise typer.Exit(1)


def _of_runs(folders: list[Path]) -> Iterator[str]:
    from compbench.errors import UserError
    from compbench.results.folder import examine, read_companions
    from compbench.results.record import read_run

    for folder in folders:
        try:
            yield from examine(folder, read_run(folder)).problems.values()
            read_companions(folder)
        except UserError as error:
            yield str(error)
