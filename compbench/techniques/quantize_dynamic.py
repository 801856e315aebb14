"""Post-training dynamic quantization with ONNX Runtime's quantizer."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from compbench.contracts import NullCase, OnnxTechnique, TrainingData
from compbench.toolkit.quantize import onnxruntime
from compbench.toolkit.quantize.options import DYNAMIC_OPERATORS, IntegerOptions


class Technique(IntegerOptions, OnnxTechnique):
    """Weights become 8-bit integers; activations are quantized to uint8 while the net runs.

    It needs no calibration, and its ranges fit every sample. By default linear layers alone are
    quantized: with "Conv" among the operators the net `cnn` is 1.2 (uint8 weights) to 7 times
    (int8) slower than float32, as ONNX Runtime's ConvInteger has no fast kernel. For convolutions
    take `quantize_static`. Source: ONNX Runtime, "Quantize ONNX models".
    """

    family: ClassVar[str] = "quantized"
    libraries: ClassVar[tuple[str, ...]] = ("onnx", "onnxruntime")
    quantizes: ClassVar[bool] = True
    null_case: ClassVar[NullCase] = NullCase({"operators": []})
    known_operators: ClassVar[tuple[str, ...]] = DYNAMIC_OPERATORS

    weight_type: Literal["int8", "uint8"] = Field(  # pyright: ignore[reportIncompatibleVariableOverride]
        default="int8", description="type of weights"
    )
    operators: tuple[str, ...] | None = Field(
        default=("Gemm", "MatMul"),
        description="operators to quantize; empty: none",
    )

    def rewrite(self, parent: bytes, data: TrainingData) -> bytes:
        """The quantized file: the same input and output, float32 (N, C, H, W) -> (N, K)."""
        if self.operators == ():
            return parent
        return onnxruntime.dynamic(onnxruntime.prepared(parent), self)
