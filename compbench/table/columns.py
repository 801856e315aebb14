"""The columns of the tidy table: what a row is about, then what each metric gives."""

from __future__ import annotations

from compbench import metrics
from compbench.contracts.metric import Column
from compbench.headline import ACCURACY, Headline

ABOUT: dict[str, Column] = {
    "suite": Column("", "the suite's name"),
    "variant": Column("", "the variant's name"),
    "technique": Column("", "how it was made from its parents"),
    "lineage": Column("", "its ancestors, the oldest first, and itself"),
    "parents": Column("", "its parents, separated by commas; empty: made from scratch"),
    "target": Column("", "where it was measured"),
    "batch_size": Column("samples", "the batch of all times but throughputs: the target's first"),
    "status": Column("", "ok, skipped or failed"),
    "reason": Column("", "why it was skipped or failed"),
    "is_baseline": Column("", "whether the others are compared with it"),
    "on_front": Column(
        "", "whether it is shown to be better than each other in {metric}, speed or bytes"
    ),
    "may_be_on_front": Column("", "whether it is neither shown to be on the front nor beaten"),
}

_QUALITY = (
    "quality",
    "validation_quality",
    "shifted_quality",
)  # fields whose columns have the metric's name


def columns(headline: Headline = ACCURACY) -> dict[str, Column]:
    """All columns in their order; `*` stands for a key: a batch size.

    Those of the task's metric are called by its name, and have its unit.
    """
    found = {name: column.of(headline) for name, column in ABOUT.items()}
    for metric in metrics.every().values():
        for field, given in metric.given.items():
            name, column = metric_name(field, headline), given.of(headline)
            found[name] = column
            if column.has_interval:
                for suffix, end in (("_low", "lower"), ("_high", "upper")):
                    meaning = f"{end} end of its interval"
                    found[f"{name}{suffix}"] = Column(column.unit, meaning)
    return found


def metric_name(field: str, headline: Headline) -> str:
    """A field of `Summary` as it is called where it is the metric itself: accuracy, rmse."""
    return field.replace("quality", headline.name) if field in _QUALITY else field


def column_name(field: str, key: str | int = "") -> str:
    """The column of a field of `Summary`, of one key of it where it is a mapping."""
    if field == "footprint":
        return f"memory_{key}" if str(key).endswith("_bytes") else str(key)
    if field == "throughput_per_s":
        return f"samples_per_s_batch_{key}"
    if field in ("throughput_ratio", "more_throughput"):
        return f"{field}_batch_{key}"
    return f"{field}_{key}" if key != "" else field


def listing() -> str:
    """The columns as a markdown table."""
    lines = ["| column | unit | meaning |", "|---|---|---|"]
    lines += [f"| `{name}` | {each.unit} | {each.meaning} |" for name, each in columns().items()]
    return "\n".join(lines) + "\n"
