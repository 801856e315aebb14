"""Where artifacts are measured: the table of execution providers, and a target of a suite file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from compbench.contracts import Options


@dataclass(frozen=True)
class Provider:
    """An execution provider: ONNX Runtime's name for it, where to get it, which options it has.

    `device` is where inputs and outputs are bound; `threads_option` the option that limits its own
    threads, where it has some; `defaults` what compbench gives where the suite says nothing.
    """

    ort_name: str
    install: str
    options: tuple[str, ...] = ()
    device: Literal["cpu", "cuda", "dml"] = "cpu"
    threads_option: str | None = None
    defaults: tuple[tuple[str, str], ...] = ()
    booleans: tuple[str, str] = ("0", "1")  # how its options spell false and true


_CUDA = (
    "device_id gpu_mem_limit arena_extend_strategy cudnn_conv_algo_search "
    "cudnn_conv_use_max_workspace cudnn_conv1d_pad_to_nc1d do_copy_in_default_stream "
    "enable_cuda_graph use_tf32 prefer_nhwc use_ep_level_unified_stream "
    "enable_skip_layer_norm_strict_mode tunable_op_enable tunable_op_tuning_enable "
    "tunable_op_max_tuning_duration_ms sdpa_kernel fuse_conv_bias"
)
_TENSORRT = (
    "device_id trt_max_workspace_size trt_max_partition_iterations trt_min_subgraph_size "
    "trt_fp16_enable trt_bf16_enable trt_int8_enable trt_int8_calibration_table_name "
    "trt_int8_use_native_calibration_table trt_engine_cache_enable trt_engine_cache_path "
    "trt_timing_cache_enable trt_timing_cache_path trt_force_sequential_engine_build "
    "trt_context_memory_sharing_enable trt_layer_norm_fp32_fallback trt_cuda_graph_enable "
    "trt_builder_optimization_level trt_auxiliary_streams trt_profile_min_shapes "
    "trt_profile_max_shapes trt_profile_opt_shapes trt_dla_enable trt_dla_core"
)
_OPENVINO = (
    "device_type device_id precision num_of_threads num_streams cache_dir load_config "
    "enable_qdq_optimizer enable_opencl_throttling disable_dynamic_shapes layout model_priority"
)
_COREML = (
    "ModelFormat MLComputeUnits RequireStaticInputShapes EnableOnSubgraphs "
    "SpecializationStrategy ProfileComputePlan AllowLowPrecisionAccumulationOnGPU "
    "ModelCacheDirectory"
)

PROVIDERS: dict[str, Provider] = {
    "cpu": Provider("CPUExecutionProvider", "onnxruntime"),
    "cuda": Provider(
        "CUDAExecutionProvider",
        "onnxruntime-gpu",
        tuple(_CUDA.split()),
        "cuda",
        defaults=(("use_tf32", "0"),),  # float32 as validated: TF32 rounds to 10 bits
    ),
    "tensorrt": Provider(
        "TensorrtExecutionProvider", "onnxruntime-gpu", tuple(_TENSORRT.split()), "cuda"
    ),
    "openvino": Provider(
        "OpenVINOExecutionProvider",
        "onnxruntime-openvino",
        tuple(_OPENVINO.split()),
        threads_option="num_of_threads",
        defaults=(("device_type", "CPU"), ("precision", "FP32"), ("num_streams", "1")),
        booleans=("false", "true"),
    ),
    "coreml": Provider("CoreMLExecutionProvider", "onnxruntime (on macOS)", tuple(_COREML.split())),
    "directml": Provider(
        "DmlExecutionProvider",
        "onnxruntime-directml (on Windows)",
        ("device_id", "disable_metacommands", "enable_graph_capture", "performance_preference"),
        "dml",
    ),
    "xnnpack": Provider(
        "XnnpackExecutionProvider",
        "an ONNX Runtime built with --use_xnnpack",
        ("intra_op_num_threads",),
        threads_option="intra_op_num_threads",
    ),
}


class LoadGen(Options):
    """MLPerf LoadGen's scenarios, for tails and throughput under load (extra: loadgen)."""

    scenarios: tuple[Literal["single_stream", "multi_stream", "server", "offline"], ...] = Field(
        default=(), description="which to run, each variant in a fresh process"
    )
    seconds: float = Field(default=10, gt=0, description="least duration of a scenario")
    samples_per_query: int = Field(default=8, ge=1, description="images in a multi_stream query")
    server_load: float = Field(
        default=0.5, gt=0, description="queries offered, as a share of the measured capacity"
    )
    latency_bound_ms: float | None = Field(
        default=None,
        gt=0,
        description="server: for 99 % of queries; None: 10 times the latency, at least 10 ms",
    )


class Target(Options):
    """Where artifacts are measured."""

    provider: str = Field(default="cpu", description="execution provider of ONNX Runtime")
    provider_options: dict[str, str | int | float | bool] = Field(
        default={}, description="passed to the execution provider"
    )
    threads: int = Field(default=1, ge=1, le=1024, description="threads inside an operator")
    batch_sizes: tuple[Annotated[int, Field(ge=1, le=65_536)], ...] = Field(
        default=(1, 32), min_length=1, description="latency is of the first, throughput of each"
    )
    graph_optimization: Literal["all", "extended", "basic", "disabled"] = Field(
        default="all", description="what ONNX Runtime may rewrite when it loads a file"
    )
    allow_fallback: bool = Field(
        default=False,
        description="measure even where some nodes run on the CPU instead of the provider",
    )
    max_logit_difference: float = Field(
        default=1e-4,
        gt=0,
        description="parity: how far float32 logits may be from those of the torch module",
    )
    loadgen: LoadGen = LoadGen()

    def ort_options(self) -> dict[str, str]:
        """The provider's options as ONNX Runtime takes them, compbench's defaults included."""
        provider = PROVIDERS[self.provider]
        options = dict(provider.defaults)
        if provider.threads_option:
            options[provider.threads_option] = str(self.threads)
        for name, value in self.provider_options.items():
            options[name] = provider.booleans[value] if isinstance(value, bool) else str(value)
        return options

    def unavailable(self) -> str | None:
        """Why this machine's ONNX Runtime can't serve this target; None where it can."""
        import onnxruntime

        provider = PROVIDERS[self.provider]
        there = onnxruntime.get_available_providers()
        if provider.ort_name in there:
            return None
        return (
            f"this ONNX Runtime has no {provider.ort_name} (it has {', '.join(there)}); "
            f"it comes with {provider.install}"
        )
