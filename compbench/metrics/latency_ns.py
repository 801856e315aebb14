"""The time of one inference, in turns with all other variants."""

from __future__ import annotations

from compbench.contracts import Column, MetricBase


class Metric(MetricBase):
    label = "latency"
    unit = "ns"
    better = "lower"
    meaning = "one inference of a batch"
    columns = {
        "p50_ns": Column("ns", "median time of an inference"),
        "p90_ns": Column(
            "ns",
            "90th percentile; none where launches saw too little of the tail",
            has_interval=True,
        ),
        "p99_ns": Column("ns", "99th percentile, the same", has_interval=True),
        "runs": Column("", "kept samples of latency"),
        "cpu_ns": Column("ns", "CPU time of all threads for an inference"),
    }
    order = 120
    table = "latency"
