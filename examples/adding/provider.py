"""One file in compbench/providers/ adds an execution provider: this one, Qualcomm's QNN."""

from __future__ import annotations

from compbench.contracts import ExecutionProvider


class Provider(ExecutionProvider):
    """Qualcomm's neural processors."""

    ort_name = "QNNExecutionProvider"
    install = "onnxruntime-qnn"
    options = ("backend_path", "htp_performance_mode", "enable_htp_fp16_precision")
