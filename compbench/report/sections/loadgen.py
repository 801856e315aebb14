"""MLPerf LoadGen's scenarios."""

from __future__ import annotations

from collections.abc import Sequence

from compbench import units
from compbench.report.section import Page, SectionBase, Table, with_legend
from compbench.results.record import Run
from compbench.results.row import Row
from compbench.results.row_index import Rows


def load(run: Run, rows: Rows, target: str) -> Table:
    """MLPerf LoadGen's scenarios with its own verdict, of the first seed."""
    kinds = run.targets[target].get("loadgen", {}).get("scenarios", ())
    found = [
        (kind, row) for kind in kinds for v in run.variants for row in _first(rows, v, kind, target)
    ]
    return [_load_row(kind, row, run.noun) for kind, row in found]


def _first(rows: Rows, variant: str, kind: str, target: str) -> list[Row]:
    return rows.of(variant, f"loadgen_{kind}", target)[:1]


def _load_row(kind: str, row: Row, noun: str) -> dict[str, str]:
    found = {"scenario": kind, "variant": row.variant}
    if row.status != "ok":
        return found | {"verdict": row.status, "why": row.reason}
    names, values = row.samples["name"], row.samples["value"]
    figures = {str(name): float(value) for name, value in zip(names, values, strict=True)}
    rates = ("samples_per_second", "completed_samples_per_sec", "qps_with_loadgen_overhead")
    rate = next((figures[f"result_{r}"] for r in rates if f"result_{r}" in figures), None)
    if kind == "multi_stream":
        rate = 1e9 * row.batch_size / figures["result_mean_latency_ns"]
    for share in ("50.00", "90.00", "99.00"):  # all samples of `offline` are one query
        ns = figures[f"result_{share}_percentile_latency_ns"] if kind != "offline" else None
        found[f"p{float(share):.0f}"] = units.time_text(ns)
    return found | {
        f"{noun}s/s": units.count_text(rate),
        "queries": units.count_text(figures["result_query_count"]),
        "verdict": "INVALID" if row.reason else "VALID",
        "why": row.reason,
    }


class Section(SectionBase):
    """Tails and throughput under load, where the suite asks for LoadGen."""

    order = 240
    per_target = True
    title = "Under load (MLPerf LoadGen)"

    def content(self, page: Page) -> Sequence[str]:
        """A row for each scenario of each variant."""
        return with_legend(load(page.run, page.rows, page.target), _LEGEND)


_LEGEND = (
    "Measured and judged by MLPerf LoadGen, each variant alone in its process: for tails and "
    "throughput under load, not for ratios of small models (LoadGen adds 2 to 3 µs to a query, and "
    "about 90 µs in `server`, whose queries come at random times). INVALID figures decide nothing."
)
