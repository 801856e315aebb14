"""compbench: which compression do I take? Measured on the file that would be deployed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from compbench.table.stored_run import StoredRun

__version__ = "0.1.0"


def load_run(path: str | Path, results: str | Path = "results") -> StoredRun:
    """A run: `path` is its folder, or a suite's name, whose newest run under `results` it is.

    It has `.run` (what was asked, where and when), `.rows` (the raw samples, read when asked for),
    `.summaries` and `.table()`, a DataFrame with a row for each variant on each target; its
    columns are explained by `help(compbench.table.frame.table)`. Raises compbench.errors.UserError.

    >>> table = compbench.load_run("quickstart").table()
    >>> table.query("on_front")[["variant", "accuracy", "size_bytes", "speedup", "speedup_low"]]
    """
    from pathlib import Path

    from compbench.table.stored_run import open_run

    return open_run(Path(results), str(path))
