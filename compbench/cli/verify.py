"""`compbench verify`: whether everything is as it was written, or a file what it was made as."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from compbench.cli.options import BASELINES, RESULTS, Baselines, Results

File = Annotated[
    Path | None,
    typer.Argument(
        help="a deployed ONNX file: say what it was made from, and whether that is still so",
        show_default=False,
    ),
]


def verify(file: File = None, results: Results = RESULTS, baselines: Baselines = BASELINES) -> None:
    """Check every artifact, run and baseline against its checksums; exit code 1 for damage.

    Of a FILE that compbench made: which teacher, suite and data it comes from; exit code 1 where
    its teacher, or another of its ancestors, is not in the store as it was, or was made anew.
    """
    if file is not None:
        _verify_file(file, results)
        return
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


def _verify_file(file: Path, results: Path) -> None:
    from compbench.errors import one_line
    from compbench.gate import origin
    from compbench.units import counted

    steps = origin.lineage(file)
    found = origin.places(steps[-1].key, results)
    names = {key: variant for one in found for variant, _, key in origin.keys(one.run)}
    print(f"{file}: {found[-1].text if found else f'of no run under {results}'}")
    for step in steps:
        parents = " + ".join(names.get(parent, parent) for parent in step.parents)
        of = f" of {parents}" if parents else ""
        named = f" '{names[step.key]}'" if step.key in names else ""
        print(f"  {step.key}{named}: {one_line(step.technique, 60)}{of}")
    problems = [*origin.problems(file, steps, results)]
    for problem in problems:
        print(problem)
    if problems:
        raise typer.Exit(1)
    above = counted(len(steps) - 1, "ancestor")
    print(f"as it was made: {above} in the store" if len(steps) > 1 else "it was made from nothing")


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
