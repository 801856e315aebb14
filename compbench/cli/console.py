"""The console: 100 columns at most, and plain text where no person looks at it."""

from __future__ import annotations

import os
import sys

from rich.console import Console

from compbench.units import TEXT_WIDTH


def console(stderr: bool = False, quiet: bool = False) -> Console:
    """A console without colour codes in a pipe, whatever FORCE_COLOR says, or under NO_COLOR."""
    stream = sys.stderr if stderr else sys.stdout
    made = Console(
        stderr=stderr,
        quiet=quiet,
        force_terminal=stream.isatty(),
        color_system=None if os.environ.get("NO_COLOR") else "auto",
        highlight=False,
        emoji=False,
    )
    made.width = min(made.width, TEXT_WIDTH) if made.is_terminal else TEXT_WIDTH
    return made
