"""Apple's CoreML: CPU, GPU and neural engine of a Mac."""

from __future__ import annotations

from compbench.contracts import ExecutionProvider


class Provider(ExecutionProvider):
    """ONNX Runtime's CoreMLExecutionProvider."""

    ort_name = "CoreMLExecutionProvider"
    install = "onnxruntime (on macOS)"
    options = (
        "ModelFormat",
        "MLComputeUnits",
        "RequireStaticInputShapes",
        "EnableOnSubgraphs",
        "SpecializationStrategy",
        "ProfileComputePlan",
        "AllowLowPrecisionAccumulationOnGPU",
        "ModelCacheDirectory",
    )
