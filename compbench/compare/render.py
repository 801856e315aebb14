"""A comparison on the terminal, as markdown, and for programs as CSV and JSON."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING, Any

from compbench import safe_markdown, units
from compbench.compare.compare import Comparison
from compbench.compare.lines import Line
from compbench.compare.match import Side
from compbench.compare.sections import sections
from compbench.statistics.changes import Change
from compbench.statistics.intervals import Interval
from compbench.text_table import grid

if TYPE_CHECKING:
    import pandas as pd

FORMATS = ("table", "markdown", "csv", "json")


def render(found: Comparison, form: str) -> str:
    """The comparison in one of `FORMATS`; "table" is for a terminal, without colours."""
    texts = {"table": table, "markdown": markdown, "csv": csv, "json": json_text}
    return texts[form](found)


def table(found: Comparison) -> str:
    """The whole in `units.TEXT_WIDTH` columns."""
    parts = []
    for section in sections(found):
        lines = [_wrapped(line, "- " if section.title else "") for line in section.lines]
        lines += [grid(section.table), _wrapped(section.caption)] if section.table else []
        title = [section.title, "─" * len(section.title)] if section.title else []
        parts.append("\n".join([*title, *lines]))
    return "\n\n".join(parts) + "\n"


def markdown(found: Comparison) -> str:
    """The same for a file or a web page."""
    parts = [f"# {found.b.run.suite}: what changed between two runs"]
    for section in sections(found):
        parts.append(f"## {section.title}" if section.title else "")
        parts.append("\n".join(f"- {line}" for line in section.lines))
        if section.table:
            rows = [{n: cell.replace("*", r"\*") for n, cell in r.items()} for r in section.table]
            parts += [safe_markdown.table(rows)]
            parts.append(section.caption.replace("*", r"\*"))
    return safe_markdown.page("\n\n".join(part for part in parts if part) + "\n")


def csv(found: Comparison) -> str:
    """`frame`, with a header."""
    return frame(found).to_csv(index=False)


def json_text(found: Comparison) -> str:
    """Both runs, what differs between them, and a record for each line of `frame`."""
    records = frame(found).to_json(orient="records", double_precision=15)
    assert records is not None  # it is None only where a file was named
    content = {
        "a": _run(found.a),
        "b": _run(found.b),
        "differences": found.differences,
        "denominator": found.denominator or None,
        "remeasured": found.is_remeasured,
        "lines": json.loads(records),
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def frame(found: Comparison) -> pd.DataFrame:
    """A row for each variant and target; accuracies are shares, what is not known is missing.

    Columns of the metric are called by it: `accuracy_a`, `rmse_a`; its unit is its own.

    `*_p_holm` decides `*_significant`; `speed` is how many times as fast B is as A, of what
    `speed_basis` says; `p50_ns_a` and `_b` are stored times of different moments.
    """
    import pandas as pd

    name = found.b.run.headline.name
    return pd.DataFrame([_record(line, name) for line in found.lines])


def _record(line: Line, metric: str) -> dict[str, Any]:
    return {
        "variant": line.variant,
        "target": line.target,
        "status": line.status,
        f"{metric}_a": _value(line.a.quality),
        f"{metric}_b": _value(line.b.quality),
        **_change(f"{metric}_change", line.quality),
        f"{metric}_basis": line.quality_basis,
        "size_bytes_a": line.a.size_bytes,
        "size_bytes_b": line.b.size_bytes,
        "speedup_a": _value(line.a.speedup),
        "speedup_b": _value(line.b.speedup),
        **_change("speed", line.speed),
        "speed_basis": line.speed_basis,
        "verdict": line.verdict,
        "p50_ns_a": line.a.p50_ns,
        "p50_ns_b": line.b.p50_ns,
        "notes": "; ".join(line.notes),
    }


def _change(name: str, change: Change | None) -> dict[str, Any]:
    value, low, high = change.interval if change else (None, None, None)
    return {
        name: value,
        f"{name}_low": low,
        f"{name}_high": high,
        f"{name}_p": change.p_value if change else None,
        f"{name}_p_holm": change.adjusted if change else None,
        f"{name}_significant": change.is_significant if change else None,
    }


def _value(interval: Interval | None) -> float | None:
    return interval.value if interval else None


def _run(side: Side) -> dict[str, Any]:
    run = side.run
    commit = run.environment.get("git_commit")
    return {"run": side.label, "suite": run.suite, "started": run.started, "git_commit": commit}


def _wrapped(line: str, bullet: str = "") -> str:
    indent = " " * len(bullet)
    return textwrap.fill(
        line,
        units.TEXT_WIDTH,
        initial_indent=bullet,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
