"""ONNX Runtime's own CPU kernels."""

from __future__ import annotations

from compbench.contracts import ExecutionProvider


class Provider(ExecutionProvider):
    """ONNX Runtime's CPUExecutionProvider."""

    ort_name = "CPUExecutionProvider"
    install = "onnxruntime"
