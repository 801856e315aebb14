"""GPUs on Windows, through DirectX 12."""

from __future__ import annotations

from compbench.contracts import ExecutionProvider


class Provider(ExecutionProvider):
    """ONNX Runtime's DmlExecutionProvider."""

    ort_name = "DmlExecutionProvider"
    install = "onnxruntime-directml (on Windows)"
    options = (
        "device_id",
        "disable_metacommands",
        "enable_graph_capture",
        "performance_preference",
    )
    device = "dml"
