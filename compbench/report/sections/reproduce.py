"""How to measure and write it again."""

from __future__ import annotations

from compbench.results.record import Run


def place(run: Run, folder: str) -> str:
    """Where a run's raw samples are, below the folder that it was started in."""
    return f"results/runs/{run.suite}/{folder}".rstrip("/")


def reproduce(run: Run, folder: str) -> str:
    """The commands that measure anew, and that write the same report again."""
    again = f"compbench run {'--fast ' * run.is_fast}{run.suite_path}"
    report = f"compbench report {place(run, folder)}"
    return (
        f"```\n{again}\n{report}   # this page again, from the same samples\n```\n\n"
        "The same suite, seed, machine and libraries give the same checkpoints, bit for bit."
    )
