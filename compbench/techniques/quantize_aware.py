"""Quantization-aware training that ends in an integer ONNX file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from compbench.contracts import LoweringTechnique, NullCase, Recipe, Trainer, TrainingData
from compbench.toolkit.quantize import onnxruntime
from compbench.toolkit.quantize.options import StaticOptions

if TYPE_CHECKING:
    from torch import nn


class Technique(Recipe, StaticOptions, LoweringTechnique):
    """Fine-tune with the roundings of the integer file in place; give that file the weights.

    The parent is exported and quantized as `quantize_static` would; the quantized graph, with its
    batch norms folded and without dropout, is trained in torch; and its weights and ranges go
    through the same quantizer. So the file is of the same kind, size and speed as that of
    `quantize_static`, and without epochs it is the same file. Weights that are zero stay so.
    Sources: Jacob et al., arXiv:1712.05877, section 3; straight-through gradients: Bengio et al.,
    arXiv:1308.3432; learned ranges: Choi et al., "PACT", arXiv:1805.06085.
    """

    family: ClassVar[str] = "quantized"
    libraries: ClassVar[tuple[str, ...]] = ("onnx", "onnxruntime")
    quantizes: ClassVar[bool] = True
    undoes: ClassVar[tuple[str, ...]] = ("shared weights",)
    null_case: ClassVar[NullCase] = NullCase({"epochs": 0}, equals="quantize_static", like={})

    epochs: int = Field(default=3, ge=0, description="epochs of fine-tuning with rounding")
    learning_rate: float = Field(
        default=2e-4, gt=0, description="peak learning rate of the schedule"
    )

    def lower(self, parents: Sequence[nn.Module], data: TrainingData, fit: Trainer) -> bytes:
        """The quantized file."""
        from compbench.onnxfile.export import to_onnx
        from compbench.toolkit.quantize_aware.module import (
            Trainable,
            refuse_drift,
            refuse_unknown,
        )

        parent = to_onnx(parents[0], data.signature)
        if self.operators == ():
            return parent
        model = onnxruntime.prepared(parent, onnxruntime.opset(self))
        if self.epochs:
            refuse_unknown(model)  # before what takes long
        ranges = onnxruntime.calibrated(model, data, self)
        file = onnxruntime.quantized(model, ranges, self)
        if self.epochs == 0:
            return file
        net = Trainable(model, file, ranges, self, data.signature)
        fit(net, self, after_step=net.keep_zeros)
        file = onnxruntime.quantized(*net.trained(), self)
        refuse_drift(net, file, data)
        return file
