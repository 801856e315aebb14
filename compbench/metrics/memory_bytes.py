"""What the file costs a process of its own: memory, loading, the first inference."""

from __future__ import annotations

from compbench.contracts import Column, MetricBase, MetricHistory


class Metric(MetricBase):
    label = "memory"
    unit = "B"
    better = "lower"
    meaning = "resident memory of a process with the model"
    columns = {
        "memory_base_bytes": Column(
            "B", "resident in a fresh process with the runtime, no model yet"
        ),
        "memory_loaded_bytes": Column("B", "resident after loading the model"),
        "memory_first_run_bytes": Column("B", "resident after the first inference"),
        "memory_rest_bytes": Column("B", "resident after ten more"),
        "memory_peak_bytes": Column("B", "the most that was resident"),
        "create_ns": Column("ns", "time to load the model into a session"),
        "first_run_ns": Column("ns", "time of the first inference"),
    }
    order = 140
    table = "memory"
    history = MetricHistory(
        "resident memory that the model adds at rest",
        ("machine", "target"),
        is_noisy=True,
        name="memory",
    )
