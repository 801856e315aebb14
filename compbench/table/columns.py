"""The columns of the tidy table: their units and what they mean."""

from __future__ import annotations

from typing import NamedTuple


class Column(NamedTuple):
    """What a column holds; the unit is empty where it has none."""

    unit: str
    meaning: str


# `*` stands for a key: a batch size. Of an interval, `_low` and `_high` are the ends at 95 %.
COLUMNS: dict[str, Column] = {
    "suite": Column("", "the suite's name"),
    "variant": Column("", "the variant's name"),
    "technique": Column("", "how it was made from its parents"),
    "lineage": Column("", "its ancestors, the oldest first, and itself"),
    "parents": Column("", "its parents, separated by commas; empty: made from scratch"),
    "target": Column("", "where it was measured"),
    "batch_size": Column("images", "the batch of all times but throughputs: the target's first"),
    "status": Column("", "ok, skipped or failed"),
    "reason": Column("", "why it was skipped or failed"),
    "is_baseline": Column("", "whether the others are compared with it"),
    "on_front": Column("", "whether no variant on this target beats it in accuracy and speed"),
    "accuracy": Column("fraction", "of test samples classified rightly, mean over seeds (Wilson)"),
    "accuracy_low": Column("fraction", "lower end of its interval"),
    "accuracy_high": Column("fraction", "upper end of its interval"),
    "validation_accuracy": Column("fraction", "the same on the validation split"),
    "change": Column("fraction", "accuracy minus the baseline's, paired on the test samples"),
    "change_low": Column("fraction", "lower end of its interval"),
    "change_high": Column("fraction", "upper end of its interval"),
    "change_p": Column("", "p-value of that (exact McNemar), adjusted by Holm"),
    "more_accurate": Column("", "1 more, -1 less accurate, 0 where chance could explain it"),
    "validation_change": Column("fraction", "the same on the validation split"),
    "validation_change_low": Column("fraction", "lower end of its interval"),
    "validation_change_high": Column("fraction", "upper end of its interval"),
    "seed_sd": Column("fraction", "standard deviation of accuracy over seeds; of one seed: none"),
    "size_bytes": Column("B", "the ONNX file on disk"),
    "size_ratio": Column("×", "the baseline's file over this one"),
    "packed_bytes": Column("B", "the file packed with zstd"),
    "packed_ratio": Column("×", "the baseline's packed file over this one"),
    "coded_bytes": Column("B", "the weights alone, entropy-coded"),
    "coded_ratio": Column("×", "the baseline's file on disk over these"),
    "parameters": Column("", "elements of weights and biases"),
    "nonzero_parameters": Column("", "those that are not zero"),
    "macs": Column("", "multiply-accumulates of one image"),
    "p50_ns": Column("ns", "median time of an inference"),
    "p90_ns": Column("ns", "90th percentile; none of fewer than 64 samples"),
    "p99_ns": Column("ns", "99th percentile; none of fewer than 662 samples"),
    "runs": Column("", "kept samples of latency"),
    "cpu_ns": Column("ns", "CPU time of all threads for an inference"),
    "peak_share": Column("fraction", "of the target's arithmetic peak in float32 that is reached"),
    "memory_base_bytes": Column("B", "resident in a fresh process with the runtime, no model yet"),
    "memory_loaded_bytes": Column("B", "resident after loading the model"),
    "memory_first_run_bytes": Column("B", "resident after the first inference"),
    "memory_rest_bytes": Column("B", "resident after ten more"),
    "memory_peak_bytes": Column("B", "the most that was resident"),
    "create_ns": Column("ns", "time to load the model into a session"),
    "first_run_ns": Column("ns", "time of the first inference"),
    "speedup": Column("×", "the baseline's time over this one, side by side"),
    "speedup_low": Column("×", "lower end of its interval"),
    "speedup_high": Column("×", "upper end of its interval"),
    "speedup_p": Column("", "p-value of that (t over launches), adjusted by Holm"),
    "faster": Column("", "1 faster, -1 slower, 0 where noise could explain it or it was not timed"),
    "images_per_s_batch_*": Column("images/s", "throughput at that batch size"),
    "parity_max_abs": Column("", "largest difference of a logit from what was validated"),
    "parity_agreement": Column("fraction", "of test samples with the same class as validated"),
    "make_seconds": Column("s", "wall time of making it, mean over seeds"),
    "lineage_seconds": Column("s", "the same with all its ancestors"),
}


def column_name(field: str, key: str | int = "") -> str:
    """The column of a field of `Summary`, of one key of it where it is a mapping."""
    if field == "footprint":
        return f"memory_{key}" if str(key).endswith("_bytes") else str(key)
    if field == "throughput_per_s":
        return f"images_per_s_batch_{key}"
    return f"{field}_{key}" if key != "" else field


def listing() -> str:
    """The columns as a markdown table."""
    lines = ["| column | unit | meaning |", "|---|---|---|"]
    lines += [f"| `{name}` | {unit} | {meaning} |" for name, (unit, meaning) in COLUMNS.items()]
    return "\n".join(lines) + "\n"
