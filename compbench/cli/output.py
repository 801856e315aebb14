"""What a command prints of a run: a table for people, paths for scripts, or one JSON document."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from compbench.units import TEXT_WIDTH

if TYPE_CHECKING:
    from compbench.cli.pick import Chosen
    from compbench.table.stored_run import StoredRun


def console(stderr: bool = False, quiet: bool = False) -> Console:
    """A console of 100 columns at most, without colour codes where no person looks at it.

    That is in a pipe, whatever FORCE_COLOR says, or under NO_COLOR.
    """
    stream = sys.stderr if stderr else sys.stdout
    made = Console(
        stderr=stderr,
        quiet=quiet,
        force_terminal=stream.isatty(),
        color_system=None if os.environ.get("NO_COLOR") else "auto",
        highlight=False,
        emoji=False,
        markup=False,  # [pick] and [variants.x] are words
    )
    made.width = min(made.width, TEXT_WIDTH) if made.is_terminal else TEXT_WIDTH
    return made


@dataclass(frozen=True)
class Output:
    """Prints as the options --quiet and --json ask: `quiet` is nothing but the paths of what was
    written, `json` a stdout that is one JSON document and nothing else."""

    quiet: bool = False
    json: bool = False

    def progress(self) -> Console:
        """The console for news of what is under way: stderr where stdout is JSON."""
        return console(stderr=self.json, quiet=self.quiet)

    def show_run(
        self, stored: StoredRun, paths: Sequence[Path] = (), failures: Sequence[str] = ()
    ) -> None:
        """Print a run's table with its answer, then the paths of what was written."""
        if not self.quiet and not self.json:
            from compbench.cli.overview import overview

            shown = console()
            for part in overview(stored.run, stored.summaries):
                shown.print(part)
            self._warn(shown, stored.gaps)
        self.show_paths(stored, paths, failures)

    def _warn(self, shown: Console, gaps: Sequence[str]) -> None:
        """Say that a run lacks something, where it does."""
        from compbench.statistics.gaps import told

        if gaps:
            shown.print(told(gaps), style="bold yellow", soft_wrap=True)

    def show_paths(
        self, stored: StoredRun, paths: Sequence[Path], failures: Sequence[str] = ()
    ) -> None:
        """Print the paths of what was written; as JSON also the run's table and its failures."""
        if self.json:
            from compbench.table.write import records

            whole = {
                "run": str(stored.folder),
                "incomplete": list(stored.gaps),
                "reports": [str(path) for path in paths],
                "failures": list(failures),
                "table": records(stored.table()),
            }
            print(json.dumps(whole, indent=1, ensure_ascii=False))
            return
        for path in paths:
            print(path if self.quiet else f"report: {path}")

    def show_choice(self, chosen: Chosen) -> None:
        """Print which variant to take under constraints, and what excluded the others."""
        if self.json:
            print(json.dumps(chosen.record(), indent=1, ensure_ascii=False))
            return
        shown = console()
        shown.print(chosen.sentence(), style="bold", soft_wrap=True)
        self._warn(shown, chosen.gaps)
        if chosen.choice.excluded:
            shown.print(chosen.table())
