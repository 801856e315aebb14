"""The largest tensor of weights: what must fit into the fast memory of a small device.

Copy this into `compbench/metrics/` as `largest_weight_bytes.py`: the file's name is the metric's.
"""

from __future__ import annotations

from pathlib import Path

from compbench.contracts import MetricBase, MetricHistory


class Metric(MetricBase):
    """Measured once for each file, in a fresh process."""

    label = "largest weight"
    unit = "B"
    better = "lower"
    meaning = "bytes of the largest tensor that the file holds"
    history = MetricHistory("bytes of the largest tensor")

    def measure_file(self, file: Path) -> float:
        """Bytes as they are stored."""
        import onnx
        from onnx import numpy_helper

        tensors = onnx.load(str(file)).graph.initializer
        return max((numpy_helper.to_array(tensor).nbytes for tensor in tensors), default=0)
