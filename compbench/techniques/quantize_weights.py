"""Block-wise quantization of the weights of linear layers, with ONNX Runtime's quantizer."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from compbench.contracts import NullCase, OnnxTechnique, TrainingData
from compbench.onnxfile import graph
from compbench.toolkit.quantize import onnxruntime
from compbench.toolkit.quantize.options import EXCLUDE


class Technique(OnnxTechnique):
    """Weights of linear layers become 4- or 8-bit integers, each block of them with its own scale.

    A block is `block_size` weights that one output sums over. Convolutions stay float32: there is
    no kernel for them. The operator is ONNX Runtime's MatMulNBits. Sources: Frantar et al.,
    arXiv:2210.17323, for groups of weights with a scale each (here rounded to nearest, without
    its error compensation); ONNX Runtime, "Quantize ONNX models to 4 bits".
    """

    family: ClassVar[str] = "quantized"
    scheme: ClassVar[str] = (
        "weights in {bits} bits, blocks of {block_size}, multiplied with {activation_type} "
        "activations"
    )
    libraries: ClassVar[tuple[str, ...]] = ("onnx", "onnxruntime")
    quantizes: ClassVar[bool] = True
    null_case: ClassVar[NullCase] = NullCase({"exclude": ["*"]})

    bits: Literal[4, 8] = Field(default=4, description="bits of a weight")
    block_size: Literal[16, 32, 64, 128, 256] = Field(
        default=32, description="weights that share a scale"
    )
    symmetric: bool = Field(
        default=True, description="no zero points: smaller; else each block has its own"
    )
    activation_type: Literal["float32", "int8"] = Field(
        default="int8",
        description="what a kernel may round activations to, in blocks, while it multiplies; "
        "with 8-bit weights float32 is 6 times slower",
    )
    exclude: tuple[str, ...] = EXCLUDE

    def rewrite(self, parent: bytes, data: TrainingData) -> bytes:
        """The quantized file: the same input and output, float32 (N, C, H, W) -> (N, K)."""
        model = onnxruntime.prepared(parent)
        excluded = graph.excluded(model, self.exclude)
        if len(excluded) == len(model.graph.node):
            return parent
        return onnxruntime.weight_only(
            model,
            excluded,
            bits=self.bits,
            block_size=self.block_size,
            is_symmetric=self.symmetric,
            accuracy_level=4 if self.activation_type == "int8" else 1,
        )
