"""Valid ONNX files unlike those that torch exports, and a technique that makes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from compbench.contracts import NullCase, OnnxTechnique, TrainingData

F, I64, TEXT = TensorProto.FLOAT, TensorProto.INT64, TensorProto.STRING
Value = onnx.ValueInfoProto


def tensor(name: str, kind: int, *shape: int | str | None) -> Value:
    return helper.make_tensor_value_info(name, kind, list(shape))


class Made:
    """Builds files for images (N, 1, side, side) and some classes."""

    def __init__(self, side: int, classes: int):
        self.images = tensor("input", F, "N", 1, side, side)
        self.side, self.classes = side, classes
        random = np.random.default_rng(0)
        matrix = random.normal(size=(side * side, classes)).astype(np.float32) / side
        self.matrix = numpy_helper.from_array(matrix, "matrix")
        self.scores = [
            helper.make_node("Flatten", ["input"], ["pixels"]),
            helper.make_node("MatMul", ["pixels", "matrix"], ["logits"]),
        ]
        self.logits = tensor("logits", F, "N", classes)

    def file(
        self,
        outputs: Sequence[Value],
        *nodes: onnx.NodeProto,
        inputs: Sequence[Value] = (),
        weights: Sequence[onnx.TensorProto] = (),
        opsets: tuple[tuple[str, int], ...] = (),
    ) -> bytes:
        graph = helper.make_graph(
            [*self.scores, *nodes],
            "odd",
            list(inputs or [self.images]),
            list(outputs),
            [self.matrix, *weights],
        )
        sets = [helper.make_opsetid(d, v) for d, v in (("", 17), *opsets)]
        model = helper.make_model(graph, opset_imports=sets, ir_version=8)
        return model.SerializeToString()

    @property
    def label(self) -> onnx.NodeProto:
        return helper.make_node("ArgMax", ["logits"], ["label"], axis=1, keepdims=0)

    def good(self) -> bytes:
        return self.file([self.logits])

    def label_first(self) -> bytes:
        """As scikit-learn's: the class, then scores of all classes."""
        return self.file([tensor("label", I64, "N"), self.logits], self.label)

    def labels_only(self) -> bytes:
        return self.file([tensor("label", I64, "N")], self.label)

    def words(self) -> bytes:
        """As scikit-learn's with classes of words: string outputs, string initializers."""
        words = numpy_helper.from_array(
            np.array([f"class {i}" for i in range(self.classes)], object), "words"
        )
        gather = helper.make_node("Gather", ["words", "label"], ["word"])
        outputs = [tensor("word", TEXT, "N"), self.logits]
        return self.file(outputs, self.label, gather, weights=[words])

    def words_only(self) -> bytes:
        words = numpy_helper.from_array(np.array(["a"] * self.classes, object), "words")
        gather = helper.make_node("Gather", ["words", "label"], ["word"])
        return self.file([tensor("word", TEXT, "N")], self.label, gather, weights=[words])

    def maps(self) -> bytes:
        """As scikit-learn's with zipmap: one map of class to score for each image."""
        kind = helper.make_map_type_proto(I64, helper.make_tensor_type_proto(F, []))
        maps = helper.make_value_info("maps", helper.make_sequence_type_proto(kind))
        zipmap = helper.make_node(
            "ZipMap",
            ["logits"],
            ["maps"],
            domain="ai.onnx.ml",
            classlabels_int64s=list(range(self.classes)),
        )
        outputs = [tensor("label", I64, "N"), maps]
        return self.file(outputs, self.label, zipmap, opsets=(("ai.onnx.ml", 1),))

    def two_inputs(self) -> bytes:
        more = tensor("more", F, "N", self.classes)
        add = helper.make_node("Add", ["logits", "more"], ["sum"])
        return self.file([tensor("sum", F, "N", self.classes)], add, inputs=[self.images, more])

    def fixed_batch(self) -> bytes:
        inputs = [tensor("input", F, 7, 1, self.side, self.side)]
        return self.file([tensor("logits", F, 7, self.classes)], inputs=inputs)

    def doubles(self) -> bytes:
        cast = helper.make_node("Cast", ["logits"], ["double"], to=TensorProto.DOUBLE)
        return self.file([tensor("double", TensorProto.DOUBLE, "N", self.classes)], cast)

    def maps_of_features(self) -> bytes:
        axes = numpy_helper.from_array(np.array([2, 3]), "axes")
        nodes = helper.make_node("Unsqueeze", ["logits", "axes"], ["map"])
        return self.file([tensor("map", F, "N", self.classes, 1, 1)], nodes, weights=[axes])

    def one_score(self) -> bytes:
        reduce = helper.make_node("ReduceMax", ["logits"], ["score"], axes=[1], keepdims=0)
        return self.file([tensor("score", F, "N")], reduce)

    def other_classes(self) -> bytes:
        concat = helper.make_node("Concat", ["logits", "logits"], ["twice"], axis=1)
        return self.file([tensor("twice", F, "N", 2 * self.classes)], concat)

    def unknown_classes(self) -> bytes:
        return self.file([tensor("logits", F, "N", None)])

    def no_initializer(self) -> bytes:
        """Its weights are constants of the graph."""
        constant = helper.make_node("Constant", [], ["matrix"], value=self.matrix)
        graph = helper.make_graph([constant, *self.scores], "odd", [self.images], [self.logits])
        sets = [helper.make_opsetid("", 17)]
        return helper.make_model(graph, opset_imports=sets, ir_version=8).SerializeToString()

    def elsewhere(self) -> bytes:
        """Its weights are in another file, which is not there."""
        model = onnx.load_model_from_string(self.good())
        weight = model.graph.initializer[0]
        weight.ClearField("raw_data")
        weight.data_location = TensorProto.EXTERNAL
        for key, value in (("location", "weights.bin"), ("length", "16"), ("offset", "0")):
            weight.external_data.add(key=key, value=value)
        return model.SerializeToString()

    def endless(self) -> bytes:
        """Loads, and never ends a run."""
        body = helper.make_graph(
            [
                helper.make_node("Identity", ["go"], ["go on"]),
                helper.make_node("Identity", ["x"], ["y"]),
            ],
            "body",
            [tensor("i", I64), tensor("go", TensorProto.BOOL), tensor("x", F, "N", self.classes)],
            [tensor("go on", TensorProto.BOOL), tensor("y", F, "N", self.classes)],
        )
        loop = helper.make_node("Loop", ["most", "yes", "logits"], ["last"], body=body)
        weights = [
            numpy_helper.from_array(np.array(2**62), "most"),
            numpy_helper.from_array(np.array(True), "yes"),
        ]
        return self.file([tensor("last", F, "N", self.classes)], loop, weights=weights)


# what each of them does: right, or the reason that it fails with
RIGHT = ("good", "label_first", "words", "fixed_batch", "unknown_classes", "no_initializer")
_NONE = "none of the model's outputs is float32 (samples, …): "
REASONS = {
    "labels_only": f"{_NONE}label tensor(int64) ('N',)",
    "words_only": f"{_NONE}word tensor(string) ('N',)",
    "maps": f"{_NONE}label tensor(int64) ('N',), maps seq(map(int64,tensor(float))); "
    "convert it with zipmap=False",
    "doubles": f"{_NONE}double tensor(double) ('N', {{classes}})",
    "one_score": f"{_NONE}score tensor(float) ('N',)",
}

LATER = ("two_inputs", "maps_of_features")  # what only a task or a dataset can't take


def reason(kind: str, made: Made) -> str:
    return REASONS[kind].format(side=made.side, classes=made.classes)


class Technique(OnnxTechnique):
    """Makes an odd file of any parent."""

    libraries: ClassVar[tuple[str, ...]] = ("onnx",)
    null_case: ClassVar[NullCase] = NullCase({})

    kind: str = "good"

    def rewrite(self, parent: bytes, data: TrainingData) -> bytes:
        make: Callable[[], Any] = getattr(
            Made(data.signature.image.width, data.signature.outputs), self.kind
        )
        return make()
