"""Post-training static quantization with ONNX Runtime's quantizer."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from compbench.contracts import NullCase, OnnxTechnique, TrainingData
from compbench.toolkit.quantize import onnxruntime
from compbench.toolkit.quantize.options import StaticOptions


class Technique(StaticOptions, OnnxTechnique):
    """Weights and activations become integers; activations' ranges come from training samples.

    The defaults, unsigned activations and signed weights with one scale a channel (U8S8) between
    QuantizeLinear/DequantizeLinear pairs, were the fastest on x86 CPUs with and without VNNI: 1.6
    times as fast as float32 on the net `cnn`, where unsigned weights are as slow as float32 and
    int8 activations in format "operator" 7 times slower. int4 weights halve the file again, but
    ONNX Runtime's CPU provider converts them to floats in every inference: 6 times slower. Source:
    Jacob et al., arXiv:1712.05877; ONNX Runtime, "Quantize ONNX models".
    """

    family: ClassVar[str] = "quantized"
    libraries: ClassVar[tuple[str, ...]] = ("onnx", "onnxruntime")
    quantizes: ClassVar[bool] = True
    null_case: ClassVar[NullCase] = NullCase({"operators": []})

    format: Literal["qdq", "operator"] = Field(
        default="qdq",
        description="pairs of QuantizeLinear/DequantizeLinear, which every provider understands; "
        "or integer operators, ONNX Runtime's own in part",
    )

    @model_validator(mode="after")
    def _operators_have_the_type(self) -> Technique:
        if self.format == "operator" and self.weight_type == "int4":
            raise ValueError("format 'operator' has no int4: take format 'qdq'")
        if self.format == "operator" and self.weight_type == "uint8" and self.per_channel:
            raise ValueError("format 'operator' with per_channel has int8 weights only")
        return self

    def rewrite(self, parent: bytes, data: TrainingData) -> bytes:
        """The quantized file: the same input and output, float32 (N, C, H, W) -> (N, K)."""
        if self.operators == ():
            return parent
        model = onnxruntime.prepared(parent, onnxruntime.opset(self))
        ranges = onnxruntime.calibrated(model, data, self)
        return onnxruntime.quantized(model, ranges, self, self.format)
