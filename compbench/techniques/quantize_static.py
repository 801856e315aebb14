"""Post-training static quantization to 8 bits, with ONNX Runtime's quantizer."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field

from compbench.contracts import NullCase, OnnxTechnique, TrainingData

if TYPE_CHECKING:
    from onnxruntime.quantization import CalibrationDataReader

_BATCH = 64


class Technique(OnnxTechnique):
    """Weights and activations become 8-bit integers between QuantizeLinear/DequantizeLinear pairs.

    Ranges are the extremes seen on training images (min-max calibration). The defaults, unsigned
    activations and signed weights with one scale a channel (U8S8), were the fastest on x86 CPUs
    with and without VNNI; signed activations (S8S8) are up to 1.5 times slower than float32 without
    VNNI, and unsigned weights (U8U8) slower with it. On a CPU without VNNI, U8S8 sums can saturate:
    `reduce_range` takes 7-bit weights and avoids it. Source: Jacob et al., arXiv:1712.05877;
    ONNX Runtime, "Quantize ONNX models".
    """

    libraries: ClassVar[tuple[str, ...]] = ("onnx", "onnxruntime")
    null_case: ClassVar[NullCase] = NullCase({"operators": []})

    activation_type: Literal["uint8", "int8"] = Field(
        default="uint8", description="type of activations"
    )
    weight_type: Literal["int8", "uint8"] = Field(default="int8", description="type of weights")
    per_channel: bool = Field(
        default=True, description="one scale for each output channel of a weight"
    )
    reduce_range: bool = Field(
        default=False, description="7-bit weights, against saturation without VNNI"
    )
    calibration_samples: int = Field(
        default=512, ge=1, description="training images seen by calibration"
    )
    operators: tuple[str, ...] | None = Field(
        default=None,
        description="operators to quantize; None: all the quantizer knows; empty: none",
    )

    def rewrite(self, parent: bytes, data: TrainingData) -> bytes:
        """The quantized file: the same input and output, float32 (N, C, H, W) -> (N, K)."""
        if self.operators == ():
            return parent
        from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
        from onnxruntime.quantization.shape_inference import quant_pre_process

        types = {"uint8": QuantType.QUInt8, "int8": QuantType.QInt8}
        with tempfile.TemporaryDirectory(prefix="compbench-") as folder, _quiet():
            source, prepared, result = (Path(folder) / f"{step}.onnx" for step in range(3))
            source.write_bytes(parent)
            quant_pre_process(source, prepared, skip_symbolic_shape=True)
            quantize_static(
                prepared,
                result,
                _calibration_reader(data, self.calibration_samples),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=None if self.operators is None else list(self.operators),
                per_channel=self.per_channel,
                reduce_range=self.reduce_range,
                activation_type=types[self.activation_type],
                weight_type=types[self.weight_type],
            )
            return result.read_bytes()


def _calibration_reader(data: TrainingData, count: int) -> CalibrationDataReader:
    """Batches of training images; the split is shuffled, so its beginning is a fair sample."""
    from onnxruntime.quantization import CalibrationDataReader

    images = data.train.images[:count]
    batches = iter(np.split(images, range(_BATCH, len(images), _BATCH)))

    class Reader(CalibrationDataReader):
        def get_next(self) -> dict[str, np.ndarray] | None:  # pyright: ignore[reportIncompatibleMethodOverride]
            batch = next(batches, None)
            return None if batch is None else {"input": batch}

    return Reader()


class _quiet:
    """Keeps the quantizer's advice to the root logger (already followed) off the screen."""

    def __enter__(self) -> None:
        self.level = logging.getLogger().level
        logging.getLogger().setLevel(logging.ERROR)

    def __exit__(self, *_: object) -> None:
        logging.getLogger().setLevel(self.level)
