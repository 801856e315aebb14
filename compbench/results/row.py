"""One measured metric of one artifact on one target, with its raw samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from numpy.typing import NDArray

INT8_BITS = 7  # of int8 weights where `reduce_range` is not given


@dataclass(frozen=True)
class Metric:
    """What a metric is: its label, its unit, which direction is better, what it means."""

    label: str
    unit: str
    better: Literal["lower", "higher", "neither"]
    meaning: str


METRICS: dict[str, Metric] = {
    "size_bytes": Metric("size", "B", "lower", "bytes of the ONNX file on disk"),
    "packed_bytes": Metric("packed", "B", "lower", "bytes of the file packed with zstd"),
    "coded_bytes": Metric("coded", "B", "lower", "bytes of its weights alone, entropy-coded"),
    "parameters": Metric("parameters", "", "lower", "elements of weights and biases"),
    "nonzero_parameters": Metric("non-zeros", "", "lower", "parameters that are not zero"),
    "macs": Metric("MACs", "", "lower", "multiply-accumulates of one image"),
    "make_seconds": Metric("cost", "s", "lower", "wall time of making this artifact alone"),
    "history": Metric("history", "", "neither", "training loss and validation accuracy by epoch"),
    "accuracy": Metric("accuracy", "", "higher", "1 for each test sample classified rightly"),
    "validation_accuracy": Metric("validation", "", "higher", "the same on the validation split"),
    "errors": Metric("errors", "", "neither", "test images classified wrongly, and as what"),
    "soft_labels": Metric("soft labels", "", "neither", "logits of the example images"),
    "labels": Metric("labels", "", "neither", "the test split's classes, once a run"),
    "examples": Metric("examples", "", "neither", "the test images that are shown"),
    "parity_max_abs": Metric("logits", "", "lower", "largest difference of a logit on test data"),
    "parity_agreement": Metric("classes", "", "higher", "share of test samples with equal class"),
    "latency_ns": Metric("latency", "ns", "lower", "one inference of a batch"),
    "control_latency_ns": Metric("A/A", "ns", "lower", "the baseline's second arm"),
    "throughput_per_s": Metric("throughput", "images/s", "higher", "images in a block of runs"),
    "memory_bytes": Metric("memory", "B", "lower", "resident memory of a process with the model"),
    "file": Metric("file", "", "neither", "sha256 and opset"),
    "weights": Metric("weights", "", "neither", "parameters by type"),
    "operators": Metric("operators", "", "neither", "time by operator type, from a profile"),
    "placement": Metric("placement", "", "neither", "nodes on the provider, and elsewhere"),
    "machine": Metric("machine", "", "neither", "arithmetic peak and disturbance in a launch"),
    "loadgen_single_stream": Metric("single_stream", "", "neither", "one query after the other"),
    "loadgen_multi_stream": Metric("multi_stream", "", "neither", "queries of several images"),
    "loadgen_server": Metric("server", "", "neither", "queries at random times"),
    "loadgen_offline": Metric("offline", "", "neither", "all images at once"),
    "status": Metric("status", "", "neither", "only where something was skipped or failed"),
}


@dataclass(frozen=True)
class Row:
    """One measured metric of one artifact on one target, with its raw samples.

    `target` is empty where the metric is a property of the artifact itself; `batch_size` and
    `launch` are 0 and -1 where they mean nothing. `samples` are columns of equal length.
    """

    variant: str
    seed: int
    key: str
    metric: str
    target: str = ""
    batch_size: int = 0
    launch: int = -1
    value: float | None = None
    samples: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    status: Literal["ok", "skipped", "failed"] = "ok"
    reason: str = ""
