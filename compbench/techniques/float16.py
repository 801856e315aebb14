"""Half precision, with ONNX Runtime's converter."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, ClassVar

from compbench.contracts import NullCase, OnnxTechnique, TrainingData
from compbench.errors import JobFailed
from compbench.onnxfile import graph
from compbench.toolkit.quantize import onnxruntime
from compbench.toolkit.quantize.options import EXCLUDE

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto


class Technique(OnnxTechnique):
    """Weights and computation in float16; the file's input and output stay float32.

    Half the file. GPUs compute it faster; ONNX Runtime's CPU provider mostly converts to float32
    and back, so there it is not faster and can be slower. Values beyond ±65504 are clipped. What
    swaps the batch axes of a matrix product's input stays in float32, as in attention over
    (length, batch, width): in float16 it ends ONNX Runtime's CPU provider (seen with 1.32). Source:
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
        excluded = graph.excluded(model, self.exclude)
        if len(excluded) == len(model.graph.node):
            return parent
        excluded += [name for name in _swaps_of_batches(model.graph) if name not in excluded]
        with onnxruntime.quiet():
            converted = ONNXModel(
                convert_float_to_float16(model, keep_io_types=True, node_block_list=excluded)
            )
            _join(converted.model.graph, {node.name for node in model.graph.node})
            converted.topological_sort()
        half = onnx.TensorProto.FLOAT16
        if not any(weight.data_type == half for weight in converted.model.graph.initializer):
            raise JobFailed(
                "nothing is in half precision: it has no float32 weights that are not excluded"
            )
        return converted.model.SerializeToString(deterministic=True)


def _swaps_of_batches(graph: GraphProto) -> list[str]:
    """Transpositions of axes that a MatMul right behind them only goes over.

    ONNX Runtime makes them one node with it (MatmulTransposeFusion), whose float16 form its CPU
    provider lacks; FuseFp16InitializerToFp32NodeTransformer then ends the process.
    """
    multiplied = {name for node in graph.node if node.op_type == "MatMul" for name in node.input}
    found = []
    for node in graph.node:
        if node.op_type == "Transpose" and node.output[0] in multiplied:
            order = next((list(a.ints) for a in node.attribute if a.name == "perm"), [])
            if order and order[-1] == len(order) - 1:
                found.append(node.name)
    return found


def _join(joined: GraphProto, known: Collection[str]) -> None:
    """Between two excluded nodes numbers stay as they are: the converter casts them down and up.

    `known` are the names of the nodes that are not the converter's.
    """
    import onnx

    from compbench.onnxfile.nodes import every_node

    types = onnx.TensorProto
    made = {name: node for node in joined.node for name in node.output}
    whole = {one.name for one in joined.initializer if one.data_type == types.FLOAT}
    outputs = {one.name for one in joined.output}
    same: dict[str, str] = {}
    for node in joined.node:
        if node.name in known or _cast_to(node) != types.FLOAT:
            continue
        source, before = node.input[0], made.get(node.input[0])
        if source not in whole:
            if before is None or before.name in known or _cast_to(before) != types.FLOAT16:
                continue
            source = before.input[0]
        if node.output[0] in outputs:
            node.input[0] = source
        else:
            same[node.output[0]] = source
    for node in every_node(joined):
        for place, name in enumerate(node.input):
            node.input[place] = same.get(name, name)
    count = 0
    while count != len(joined.node):  # a cast that nothing reads is read by none before it
        count = len(joined.node)
        used = {name for node in every_node(joined) for name in node.input} | outputs
        needed = [node for node in joined.node if node.name in known or used & {*node.output}]
        del joined.node[:]
        joined.node.extend(needed)


def _cast_to(node: NodeProto) -> int | None:
    """The type that a Cast gives; None of another operator."""
    return next((a.i for a in node.attribute if a.name == "to"), None)
