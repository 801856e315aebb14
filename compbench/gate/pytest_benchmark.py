"""A judged pair as pytest-benchmark knows benchmarks: in its table, JSON files and histograms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from compbench.gate.check import Measured, Pair, Result, overall
from compbench.gate.paired_timing import BASELINE, CANDIDATE, Timing
from compbench.gate.prepare import Guard
from compbench.results.columns import packed

if TYPE_CHECKING:
    import pytest


def no_table(config: pytest.Config) -> str:
    """Why there will be no table or JSON of times; empty where there will be."""
    if not config.pluginmanager.hasplugin("benchmark"):
        return "pytest-benchmark is not there, so no table or JSON of times"
    session = getattr(config, "_benchmarksession", None)
    if session is None or session.disabled:
        why = " in a worker of pytest-xdist" if getattr(session, "xdist_worker", None) else ""
        return f"pytest-benchmark is switched off{why}, so no table or JSON of times"
    return ""


def tabulate(
    item: pytest.Item, pair: Pair, found: Measured, results: list[Result], guard: Guard
) -> None:
    """Give the candidate's kept durations to pytest-benchmark, if it is installed and enabled.

    All that a verdict rests on goes into `extra_info`.
    """
    session = getattr(item.config, "_benchmarksession", None)
    if session is None or session.disabled:
        return
    from pytest_benchmark.fixture import BenchmarkFixture

    fixture = BenchmarkFixture(
        item,
        add_stats=session.benchmarks.append,
        logger=session.logger,
        warner=item.warn,
        disabled=False,
        **session.options,
    )
    fixture.group = pair.target_name
    fixture.param = pair.target_name
    fixture.params = {"variant": pair.variant, "target": pair.target_name}
    fixture.extra_info = extra_info(pair.variant, found, results, guard)
    stats = fixture._make_stats(iterations=1)  # what pytest-benchmark's own fixture does
    for launch in _timing(found).launches:
        for duration_ns in kept_ns(launch[CANDIDATE]):
            stats.update(float(duration_ns) / 1e9)


def extra_info(
    variant: str, found: Measured, results: list[Result], guard: Guard
) -> dict[str, Any]:
    """The verdict with all its reasons, hashes, machine and raw durations, as plain values."""
    sides = {"candidate": guard.candidate, "baseline": guard.baseline}
    timing = _timing(found)
    comparison = timing.comparison
    raw = {
        arm: [packed(kept_ns(launch[arm])) for launch in timing.launches]
        for arm in (CANDIDATE, BASELINE)
    }
    return {
        "verdict": str(overall(results)),
        "ratio": comparison.ratio._asdict(),
        "control": comparison.control._asdict(),
        "launches": comparison.launches,
        "gates": {r.name: {"verdict": r.verdict, "line": r.line} for r in results},
        "agreement": found.agreement,
        "sha256": {n: side.record.variants[variant].sha256 for n, side in sides.items()},
        "limits": guard.limits.model_dump(),
        "environment": guard.environment,
        "raw_ns": raw,
    }


def kept_ns(samples: dict[str, Any]) -> np.ndarray:
    """The durations of an arm that were not discarded, in the order they were taken."""
    return samples["duration_ns"][samples["kept"] == 1]


def _timing(found: Measured) -> Timing:
    """The launches of the latency check: benchmarks are of times."""
    return found.own["latency"]
