"""The options shared by the techniques that quantize to integers, and their defaults."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from compbench.contracts import Options
from compbench.errors import nearest

# what ONNX Runtime's registries have; a test compares them
_STATIC = """
    ArgMax AveragePool Add BatchNormalization Clip Concat Conv ConvTranspose CumSum
    EmbedLayerNormalization Flatten Gather GatherElements Gemm GlobalAveragePool
    InstanceNormalization LayerNormalization LeakyRelu MatMul MaxPool Mul Pad Relu Reshape Resize
    Sigmoid Slice Softmax Split Squeeze TopK Transpose Unsqueeze Where
"""
_DYNAMIC = "Attention Conv EmbedLayerNormalization Gather Gemm LSTM MatMul Transpose"
STATIC_OPERATORS, DYNAMIC_OPERATORS = tuple(_STATIC.split()), tuple(_DYNAMIC.split())

EXCLUDE = Field(
    default=(),
    description="nodes left as they are: names, operators, or patterns of names such as 'node_1*'; "
    "and always those before anything that is learnt, such as those of a spectrogram",
)


def seven_bits(options: dict[str, Any]) -> bool:
    """The default of `reduce_range`: whether sums of 8-bit products could saturate somewhere.

    Without native 8-bit dot products x86 adds pairs of uint8 × int8 products in 16 bits. The file
    must not depend on the CPU that makes it, and it must be right on those that it is shipped to.
    """
    return options.get("weight_type") == "int8"


class IntegerOptions(Options):
    """The options of every quantization to integers of weights and activations."""

    known_operators: ClassVar[tuple[str, ...]] = STATIC_OPERATORS

    weight_type: Literal["int8", "uint8", "int4"] = Field(
        default="int8", description="type of weights"
    )
    per_channel: bool = Field(
        default=True, description="one scale for each output channel of a weight"
    )
    reduce_range: bool = Field(
        default_factory=seven_bits,
        description="7-bit weights, the default for int8: sums of 8-bit ones saturate on CPUs "
        "without VNNI",
    )
    operators: tuple[str, ...] | None = Field(
        default=None,
        description="operators to quantize; None: all the quantizer knows; empty: none",
    )
    exclude: tuple[str, ...] = EXCLUDE

    @field_validator("operators")
    @classmethod
    def _operators_are_known(cls, operators: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for name in operators or ():
            if name not in cls.known_operators:
                hint = nearest(name, cls.known_operators)
                raise ValueError(f"the quantizer knows no operator '{name}'{hint}")
        return operators

    @model_validator(mode="after")
    def _four_bits_are_not_reduced(self) -> IntegerOptions:
        if self.reduce_range and self.weight_type == "int4":
            raise ValueError("reduce_range is for 8-bit weights: int4 weights can't saturate")
        return self


class StaticOptions(IntegerOptions):
    """The options of a quantization whose activations have fixed ranges, found by calibration."""

    activation_type: Literal["uint8", "int8"] = Field(
        default="uint8", description="type of activations"
    )
    calibration: Literal["minmax", "entropy", "percentile"] = Field(
        default="minmax",
        description="an activation's range: its extremes, the range of least KL divergence "
        "(Migacz 2017), or the range that holds 'percentile' of the values",
    )
    percentile: float = Field(
        default=99.99, gt=50, le=100, description="% of the values inside the range"
    )
    calibration_samples: int = Field(
        default=512,
        ge=1,
        description="training samples seen by calibration, drawn by chance; all where there are "
        "fewer",
    )

    @model_validator(mode="after")
    def _kernels_exist(self) -> StaticOptions:
        if self.activation_type == "int8" and self.weight_type == "uint8":
            raise ValueError("ONNX Runtime can't multiply int8 activations by uint8 weights")
        usual = type(self).model_fields["percentile"].default
        if self.percentile != usual and self.calibration != "percentile":
            raise ValueError('percentile is of calibration = "percentile", and of no other')
        return self
