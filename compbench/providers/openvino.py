"""Intel's OpenVINO, on the CPU where the suite names no other device."""

from __future__ import annotations

from compbench.contracts import ExecutionProvider


class Provider(ExecutionProvider):
    """ONNX Runtime's OpenVINOExecutionProvider."""

    ort_name = "OpenVINOExecutionProvider"
    install = "onnxruntime-openvino"
    options = (
        "device_type",
        "device_id",
        "precision",
        "num_of_threads",
        "num_streams",
        "cache_dir",
        "load_config",
        "enable_qdq_optimizer",
        "enable_opencl_throttling",
        "disable_dynamic_shapes",
        "layout",
        "model_priority",
    )
    threads_option = "num_of_threads"
    defaults = {"device_type": "CPU", "precision": "FP32", "num_streams": "1"}
    booleans = ("false", "true")
