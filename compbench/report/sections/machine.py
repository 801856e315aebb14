"""The machine and the software."""

from __future__ import annotations

from collections.abc import Sequence

from compbench import units
from compbench.report.section import Page, SectionBase, Table, markdown
from compbench.results.record import Run
from compbench.runtime.machine import FIELDS


def machine(run: Run) -> Table:
    """The machine and its software."""
    record = {name: run.environment.get(name) for name in FIELDS}
    record["memory_bytes"] = units.bytes_text(record["memory_bytes"])
    record["versions"] = ", ".join(f"{n} {v}" for n, v in (record["versions"] or {}).items())
    record["flags"] = ", ".join(record["flags"] or ()) or "none of those that matter"
    record["virtual"] = "yes" if record["virtual"] else "no"
    if record["runtime"]:
        runtime = record["runtime"]
        record["runtime"] = (
            f"{runtime['package']} with {', '.join(runtime['providers'])}; "
            f"build: {runtime['build']}"
        )
    return [
        {"": label, "value": str(record[name] if record[name] is not None else "none")}
        for name, label in FIELDS.items()
    ]


class Section(SectionBase):
    """Where it was measured; how, the protocol below says."""

    order = 350
    title = "Where and how it was measured"
    level = 2
    begins_chapter = True

    def content(self, page: Page) -> Sequence[str]:
        """A row for each thing that matters."""
        return [markdown(machine(page.run))]
