"""NVIDIA GPUs, by cuDNN and CUDA kernels."""

from __future__ import annotations

from compbench.contracts import ExecutionProvider


class Provider(ExecutionProvider):
    """ONNX Runtime's CUDAExecutionProvider."""

    ort_name = "CUDAExecutionProvider"
    install = "onnxruntime-gpu"
    options = (
        "device_id",
        "gpu_mem_limit",
        "arena_extend_strategy",
        "cudnn_conv_algo_search",
        "cudnn_conv_use_max_workspace",
        "cudnn_conv1d_pad_to_nc1d",
        "do_copy_in_default_stream",
        "enable_cuda_graph",
        "use_tf32",
        "prefer_nhwc",
        "use_ep_level_unified_stream",
        "enable_skip_layer_norm_strict_mode",
        "tunable_op_enable",
        "tunable_op_tuning_enable",
        "tunable_op_max_tuning_duration_ms",
        "sdpa_kernel",
        "fuse_conv_bias",
    )
    device = "cuda"
    defaults = {"use_tf32": "0"}  # float32 as validated: TF32 rounds to 10 bits
