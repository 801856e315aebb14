"""How much a command says of a run: a table for people, paths for scripts, or JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from compbench.cli.console import console
from compbench.cli.overview import overview
from compbench.cli.pick import Chosen
from compbench.table.stored_run import StoredRun
from compbench.table.write import records


@dataclass(frozen=True)
class Manner:
    """`quiet`: nothing but the paths; `json`: stdout is one JSON document and nothing else."""

    quiet: bool = False
    json: bool = False

    def progress(self) -> Console:
        """Where news of what is under way goes."""
        return console(stderr=self.json, quiet=self.quiet)

    def tell(
        self, stored: StoredRun, paths: Sequence[Path] = (), failures: Sequence[str] = ()
    ) -> None:
        """A run's overview, and what was written."""
        if not self.quiet and not self.json:
            shown = console()
            for part in overview(stored.run, stored.summaries):
                shown.print(part)
        self.name(stored, paths, failures)

    def answer(self, chosen: Chosen) -> None:
        """What to take under constraints, and why not the others."""
        if self.json:
            print(json.dumps(chosen.record(), indent=1, ensure_ascii=False))
            return
        shown = console()
        shown.print(chosen.sentence(), style="bold", soft_wrap=True)
        if chosen.choice.excluded:
            shown.print(chosen.table())

    def name(self, stored: StoredRun, paths: Sequence[Path], failures: Sequence[str] = ()) -> None:
        """What was written, without the overview."""
        if self.json:
            whole = {
                "run": str(stored.folder),
                "reports": [str(path) for path in paths],
                "failures": list(failures),
                "table": records(stored.table()),
            }
            print(json.dumps(whole, indent=1, ensure_ascii=False))
            return
        for path in paths:
            print(path if self.quiet else f"report: {path}")
