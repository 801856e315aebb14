"""Tables as plain text, for terminals and files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from compbench import units


def grid(rows: Sequence[Mapping[str, str]]) -> str:
    """Rows with the same columns, by name, as wide as texts are; long cells are folded."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for name in rows[0]:
        grid.add_column(name, overflow="fold")
    for row in rows:
        grid.add_row(*map(Text, row.values()))
    console = Console(width=units.TEXT_WIDTH, color_system=None, force_terminal=False)
    with console.capture() as captured:
        console.print(grid)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())
