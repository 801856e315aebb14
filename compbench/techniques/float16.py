"""Half precision, with ONNX Runtime's converter."""

from __future__ import annotations

from typing import ClassVar

from compbench.contracts import NullCase, OnnxTechnique, TrainingData
from compbench.errors import JobFailed
from compbench.onnxfile import graph
from compbench.toolkit.quantize import onnxruntime
from compbench.toolkit.quantize.options import EXCLUDE


class Technique(OnnxTechnique):
    """Weights and computation in float16; the file's input and output stay float32.

    Half the file. GPUs compute it faster; ONNX Runtime's CPU provider mostly converts to float32
    and back, so there it is not faster and can be slower. Values beyond ±65504 are clipped. Source:
    Micikevicius et al., "Mixed Precision Training", arXiv:1710.03740, for what half precision
    keeps.
    """

    family: ClassVar[str] = "half precision"
    scheme: ClassVar[str] = "in float16"
    libraries: ClassVar[tuple[str, ...]] = ("onnx", "onnxruntime")
    quantizes: ClassVar[bool] = True
    null_case: ClassVar[NullCase] = NullCase({"exclude": ["*"]})

    exclude: tuple[str, ...] = EXCLUDE

    def rewrite(self, parent: bytes, data: TrainingData) -> bytes:
        """The converted file: the same input and output, float32 (N, C, H, W) -> (N, K)."""
        import onnx
        from onnxruntime.quantization.onnx_model import ONNXModel
        from onnxruntime.transformers.float16 import convert_float_to_float16

        model = graph.settled(parent)
        excluded = graph.matched(model, self.exclude)
        if len(excluded) == len(model.graph.node):
            return parent
        with onnxruntime.quiet():
            converted = ONNXModel(
                convert_float_to_float16(model, keep_io_types=True, node_block_list=excluded)
            )
            converted.topological_sort()
        half = onnx.TensorProto.FLOAT16
        if not any(weight.data_type == half for weight in converted.model.graph.initializer):
            raise JobFailed(
                "nothing is in half precision: it has no float32 weights that are not excluded"
            )
        return converted.model.SerializeToString(deterministic=True)
