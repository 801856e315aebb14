"""The table of gate checks in docs/gate.md, made of the checks: `python -m` this prints it."""

from __future__ import annotations

from compbench.suite.gate import checks

_HEAD = ["| gate | figure | fails where | in `[gate]` |", "|---|---|---|---|"]


def checks_table() -> str:
    """Markdown: a line for each check, with its defaults."""
    lines = list(_HEAD)
    for check in checks():
        defaults = {name: field.default for name, field in check.model_fields.items()}
        cells = (
            check().name,
            check.figure.format(**defaults),
            check.fails.format(**defaults),
            ", ".join(f"`{name}`" for name in defaults),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(checks_table(), end="")
