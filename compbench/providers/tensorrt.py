"""NVIDIA GPUs, by engines that TensorRT builds of whole graphs."""

from __future__ import annotations

from compbench.contracts import ExecutionProvider


class Provider(ExecutionProvider):
    """ONNX Runtime's TensorrtExecutionProvider."""

    ort_name = "TensorrtExecutionProvider"
    install = "onnxruntime-gpu"
    options = (
        "device_id",
        "trt_max_workspace_size",
        "trt_max_partition_iterations",
        "trt_min_subgraph_size",
        "trt_fp16_enable",
        "trt_bf16_enable",
        "trt_int8_enable",
        "trt_int8_calibration_table_name",
        "trt_int8_use_native_calibration_table",
        "trt_engine_cache_enable",
        "trt_engine_cache_path",
        "trt_timing_cache_enable",
        "trt_timing_cache_path",
        "trt_force_sequential_engine_build",
        "trt_context_memory_sharing_enable",
        "trt_layer_norm_fp32_fallback",
        "trt_cuda_graph_enable",
        "trt_builder_optimization_level",
        "trt_auxiliary_streams",
        "trt_profile_min_shapes",
        "trt_profile_max_shapes",
        "trt_profile_opt_shapes",
        "trt_dla_enable",
        "trt_dla_core",
    )
    device = "cuda"
