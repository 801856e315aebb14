"""Models that exist already: weights, programs, and ONNX files of other tools."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import load_file, save_file
from torch import nn

from compbench.contracts import Locate, RootTechnique, TrainingData, kinds
from compbench.contracts.inputs import PIXELS
from compbench.data import splits
from compbench.data.splits import Data
from compbench.errors import JobFailed, UserError
from compbench.make import job as make_job
from compbench.make.file_module import FileModule
from compbench.make.store import CHECKPOINT, MODEL, Artifact, Store
from compbench.models import mlp
from compbench.onnxfile import metadata
from compbench.suite import plan, read
from compbench.suite.key import unlike
from tests.conftest import SIGNATURE
from tests.nets import file_outputs, net_outputs

F, U8, I64 = TensorProto.FLOAT, TensorProto.UINT8, TensorProto.INT64
NET = 'model = { name = "mlp", hidden = [8] }'
HEAD = 'dataset = "digits"\n'


def suite(path: str, options: str = "", *more: str) -> str:
    return f'{HEAD}[variants.mine]\ntechnique = "load"\npath = "{path}"\n{options}\n' + "\n".join(
        more
    )


INT8 = '[variants.int8]\ntechnique = "quantize_static"\nparent = "mine"\ncalibration_samples = 32'
HALF = '[variants.half]\ntechnique = "float16"\nparent = "mine"'
STUDENT = (
    f'[variants.student]\ntechnique = "distill"\nparent = "mine"\n{NET}\nepochs = 30\n'
    "hard_weight = 0.0\nsoft_weight = 1.0\ntemperature = 1.0\nshift_pixels = 1\nbatch_size = 8"
)


@pytest.fixture
def made(
    tiny: Data, tmp_path: Path, write_suite: Callable[[str], Path]
) -> Callable[..., dict[str, Artifact]]:
    """The artifacts of a suite beside whose file the models are."""

    def make(text: str, data: Data = tiny) -> dict[str, Artifact]:
        jobs = plan.plan(read.load(write_suite(text)), "d")
        store = Store(tmp_path / "results")
        store.root.mkdir(parents=True, exist_ok=True)
        found: dict[str, Artifact] = {}
        for job in jobs:
            variants = [found[name] for name in job.variant.parents]
            roots = [job.variant.root_model if one is not None else None for one in variants]
            parents = [make_job.Parent(a, r) for a, r in zip(variants, roots, strict=True)]
            found[job.variant.name] = store.put(*make_job.make(job, parents, data, lambda *_: None))
        return found

    return make


@pytest.fixture
def net() -> nn.Module:
    torch.manual_seed(3)
    return mlp.Model(hidden=(8,)).build(SIGNATURE).eval()


class Bomb:
    """Runs a command where it is unpickled."""

    def __init__(self, mark: Path):
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.mark}",)


WRAPPED: dict[str, Callable[[dict[str, Any]], Any]] = {
    "plain.pt": lambda state: state,
    "nested.pth": lambda state: {"state_dict": state, "epoch": 3},
    "model.ckpt": lambda state: {"model": {f"module.{n}": t for n, t in state.items()}},
    "compiled.bin": lambda state: {f"_orig_mod.module.{n}": t for n, t in state.items()},
}


@pytest.mark.parametrize("name", [*WRAPPED, "net.safetensors"])
def test_weights_give_what_their_net_gives(
    name: str, net: nn.Module, made: Any, tiny: Data, tmp_path: Path
) -> None:
    if name in WRAPPED:
        torch.save(WRAPPED[name](net.state_dict()), tmp_path / name)
    else:
        save_file(net.state_dict(), tmp_path / name)
    found = made(suite(name, NET))["mine"]
    wanted = net_outputs(net, tiny)
    np.testing.assert_allclose(file_outputs(found.read(MODEL), tiny), wanted, atol=1e-5)


def test_children_of_weights_are_made_as_of_what_was_trained(
    net: nn.Module, made: Any, tmp_path: Path
) -> None:
    save_file(net.state_dict(), tmp_path / "net.safetensors")
    pruned = '[variants.pruned]\ntechnique = "prune_weights"\nparent = "mine"\nepochs = 0'
    assert set(made(suite("net.safetensors", NET, pruned))) == {"mine", "pruned"}


def test_weights_learnt_for_other_classes_get_a_new_head(
    made: Any, tmp_path: Path, tiny: Data
) -> None:
    """What a pretrained net is taken for: all but its head is its own, and is trained on."""
    torch.manual_seed(3)
    other = mlp.Model(hidden=(8,)).build(replace(SIGNATURE, outputs=7))
    save_file(other.state_dict(), tmp_path / "net.safetensors")
    with pytest.raises(JobFailed, match=r"another architecture: \S+ is \(7,.*, the net's \(3,"):
        made(suite("net.safetensors", NET))
    trained = '[variants.trained]\ntechnique = "train"\nparent = "mine"\nepochs = 5\nbatch_size = 8'
    found = made(suite("net.safetensors", f"{NET}\nnew_head = true", trained))
    (head,) = [name for name, tensor in other.state_dict().items() if tensor.shape == (7, 8)]
    path = head.removesuffix(".weight")
    assert found["mine"].manifest.notes == (f"as they begin, untrained: '{path}'",)
    stored = load_file(found["mine"].path(CHECKPOINT))
    for name, tensor in other.state_dict().items():
        is_same = stored[name].shape == tensor.shape and torch.equal(stored[name], tensor)
        assert is_same is not name.startswith(path)
    right = file_outputs(found["trained"].read(MODEL), tiny).argmax(1) == tiny.test.targets
    assert right.mean() > 0.9


@pytest.mark.parametrize("name", ["bomb.pt", "bomb.pth", "bomb.bin", "bomb.ckpt"])
def test_a_pickle_that_would_run_code_is_refused_and_not_run(
    name: str, made: Any, tmp_path: Path
) -> None:
    mark = tmp_path / "ran"
    torch.save({"a": torch.zeros(1), "b": Bomb(mark)}, tmp_path / name)
    with pytest.raises(JobFailed, match=r"\Abomb.* holds more than tensors.*: refused; .*\Z"):
        made(suite(name, NET))
    (tmp_path / name).write_bytes(pickle.dumps(Bomb(mark)))
    with pytest.raises(JobFailed, match=r"\Abomb\..*\Z"):
        made(suite(name, NET))
    assert not mark.exists()


def test_a_program_with_a_pickle_that_would_run_code_is_not_run(
    made: Any, tmp_path: Path, tiny: Data
) -> None:
    import zipfile

    write_program(tmp_path / "net.pt2", tiny)
    mark = tmp_path / "ran"
    with (
        zipfile.ZipFile(tmp_path / "net.pt2") as good,
        zipfile.ZipFile(tmp_path / "bomb.pt2", "w") as bad,
    ):
        for one in good.namelist():
            content = good.read(one)
            if one.endswith(".pt"):
                torch.save(Bomb(mark), tmp_path / "x")
                content = (tmp_path / "x").read_bytes()
            bad.writestr(one, content)
    with pytest.raises(JobFailed, match=r"\Abomb.pt2 is no program .* without running code"):
        made(suite("bomb.pt2", 'normalised = "as_suite"'))
    assert not mark.exists()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda s: {n: t for n, t in s.items() if "weight" in n}, r": it lacks '\S+bias'"),
        (lambda s: {**s, "more": torch.zeros(1)}, r": the net has no 'more'\Z"),
        (
            lambda s: {f"other.{n}": t for n, t in s.items()},
            r": it lacks '\S+', '\S+', '\S+' and 1 more; the net has no 'other\.",
        ),
        (lambda s: {n: t[:2] for n, t in s.items()}, r"\S+ is \(2, .*\), the net's \(8, 144\)\Z"),
        (lambda s: {n: t * torch.nan for n, t in s.items()}, "no finite numbers"),
        (lambda s: {"epoch": 3}, "holds no state dict, but a table of epoch"),
        (lambda s: [1, 2], "holds no state dict, but list"),
    ],
)
def test_weights_of_another_architecture_name_what_does_not_fit(
    change: Callable[[Any], Any], reason: str, net: nn.Module, made: Any, tmp_path: Path
) -> None:
    torch.save(change(net.state_dict()), tmp_path / "net.pt")
    with pytest.raises(JobFailed, match=reason) as raised:
        made(suite("net.pt", NET))
    assert "\n" not in str(raised.value)


@dataclass(frozen=True)
class Graph:
    """A linear classifier of `tiny`'s images, as other tools would write it."""

    name: str = "X"
    dims: tuple[Any, ...] = ("N", 144)
    kind: int = F
    classes: int = 3
    ends: str = "logits"  # or probabilities, label, zipmap, two
    labels: tuple[int, ...] = (0, 1, 2)

    def model(self) -> onnx.ModelProto:
        rows = np.arange(144)[:, None] // 48  # the third of the picture that each pixel is in
        noise = np.random.default_rng(0).normal(0, 0.1, (144, self.classes))
        matrix = ((rows == np.arange(self.classes)) + noise - 0.33).astype(np.float32) / 8
        weights = [numpy_helper.from_array(matrix, "matrix")]
        weights.append(numpy_helper.from_array(np.array([-1, 144]), "shape"))
        nodes, at = [], self.name
        if self.kind != F:
            nodes.append(helper.make_node("Cast", [at], ["floats"], to=F))
            at = "floats"
        nodes += [
            helper.make_node("Reshape", [at, "shape"], ["flat"]),
            helper.make_node("MatMul", ["flat", "matrix"], ["scores"]),
        ]
        batch = self.dims[0]
        outputs = [helper.make_tensor_value_info("scores", F, [batch, self.classes])]
        if self.ends in ("probabilities", "label", "zipmap", "two"):
            nodes.append(helper.make_node("Softmax", ["scores"], ["shares"], axis=1))
            shares = helper.make_tensor_value_info("shares", F, [batch, self.classes])
            outputs = [*outputs, shares] if self.ends == "two" else [shares]
        if self.ends in ("label", "zipmap"):
            nodes.append(helper.make_node("ArgMax", ["shares"], ["label"], axis=1, keepdims=0))
            outputs.insert(0, helper.make_tensor_value_info("label", I64, [batch]))
        if self.ends == "zipmap":
            kind = helper.make_map_type_proto(I64, helper.make_tensor_type_proto(F, []))
            outputs[1] = helper.make_value_info("maps", helper.make_sequence_type_proto(kind))
            nodes.append(
                helper.make_node(
                    "ZipMap",
                    ["shares"],
                    ["maps"],
                    domain="ai.onnx.ml",
                    classlabels_int64s=list(self.labels),
                )
            )
        inputs = [helper.make_tensor_value_info(self.name, self.kind, list(self.dims))]
        graph = helper.make_graph(nodes, "other", inputs, outputs, weights)
        sets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
        return helper.make_model(graph, opset_imports=sets, ir_version=8)

    def scores(self, data: Data, given: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        matrix = numpy_helper.to_array(self.model().graph.initializer[0])
        pixels = given(data.test.arrays[PIXELS].astype(np.float32))
        scores = pixels.reshape(len(pixels), 144) @ matrix
        if self.ends == "logits":
            return scores
        shares = np.exp(scores - scores.max(1, keepdims=True))
        return shares / shares.sum(1, keepdims=True)


def share(pixels: np.ndarray) -> np.ndarray:
    return pixels / 255


def last(pixels: np.ndarray) -> np.ndarray:
    return np.moveaxis(pixels, 1, -1)


ZERO_ONE = 'normalised = "0-1"'
TAKEN: dict[str, tuple[Graph, str, Callable[[np.ndarray], np.ndarray]]] = {
    "flat": (Graph(), ZERO_ONE, share),
    "as stored": (Graph(dims=("N", 1, 12, 12)), ZERO_ONE, share),
    "free sizes": (Graph(dims=("N", 1, "H", "W")), ZERO_ONE, share),
    "NHWC": (Graph(dims=("N", 12, 12, 1)), ZERO_ONE, lambda p: share(last(p))),
    "uint8": (Graph(dims=("N", 1, 12, 12), kind=U8), "", lambda p: p),
    "uint8, NHWC": (Graph(dims=("N", 12, 12, 1), kind=U8), "", last),
    "raw": (Graph(), 'normalised = "raw"', lambda p: p),
    "around 0": (Graph(), 'normalised = "-1-1"', lambda p: share(p) * 2 - 1),
    "by figures of whole numbers": (
        Graph(),
        "normalised = { mean = [64], std = [128], full = 1 }",
        lambda p: (p - 64) / 128,
    ),
    "by figures": (
        Graph(),
        "normalised = { mean = [0.25], std = [0.5] }",
        lambda p: (share(p) - 0.25) / 0.5,
    ),
    "as the suite": (
        Graph(),
        'normalised = "as_suite"',
        lambda p: (p - 128) / 60,
    ),
    "fixed batch": (Graph(dims=(7, 144)), ZERO_ONE, share),
    "probabilities": (Graph(ends="probabilities"), ZERO_ONE, share),
    "label first": (Graph(ends="label"), ZERO_ONE, share),
    "zipmap": (Graph(ends="zipmap"), ZERO_ONE, share),
    "told output": (Graph(ends="two"), f'{ZERO_ONE}\noutput = "shares"', share),
    "told input": (Graph(), f'{ZERO_ONE}\ninputs = {{ X = "pixels" }}', share),
}


@pytest.mark.parametrize("kind", TAKEN)
def test_files_of_other_tools_give_what_they_gave_there(
    kind: str, made: Any, tiny: Data, tmp_path: Path
) -> None:
    graph, options, given = TAKEN[kind]
    onnx.save(graph.model(), tmp_path / "net.onnx")
    found = made(suite("net.onnx", options))["mine"]
    file = found.read(MODEL)
    np.testing.assert_allclose(file_outputs(file, tiny), graph.scores(tiny, given), 1e-4, 1e-4)
    said = metadata.read(file)
    assert (said.get("output_is") == "probabilities") == (graph.ends != "logits")
    if kind != "zipmap":
        original, own = graph.model().graph, onnx.load_model_from_string(file).graph
        assert own.SerializeToString() == original.SerializeToString()
    notes = " ".join(found.manifest.notes)
    assert ("ZipMap is left out" in notes) == (kind == "zipmap")
    assert ("batch_sizes = [7]" in notes) == (kind == "fixed batch")


@pytest.mark.parametrize("kind", ["flat", "uint8, NHWC", "label first", "zipmap", "fixed batch"])
def test_files_are_quantized_and_nets_distilled_from_them(
    kind: str, made: Any, tiny: Data, tmp_path: Path
) -> None:
    graph, options, given = TAKEN[kind]
    onnx.save(graph.model(), tmp_path / "net.onnx")
    found = made(suite("net.onnx", options, INT8, HALF, STUDENT))
    answers = graph.scores(tiny, given).argmax(1)
    for name, least in (("int8", 0.9), ("half", 0.95), ("student", 0.6)):
        outputs = file_outputs(found[name].read(MODEL), tiny)
        assert (outputs.argmax(1) == answers).mean() >= least, name
    assert metadata.feeds(found["int8"].read(MODEL)) == metadata.feeds(found["mine"].read(MODEL))


def test_a_teacher_that_is_a_file_gives_torch_what_it_gives_elsewhere(
    made: Any, tiny: Data, tmp_path: Path
) -> None:
    graph, options, given = TAKEN["uint8, NHWC"]
    for kind in ("uint8, NHWC", "flat", "fixed batch", "probabilities"):
        graph, options, given = TAKEN[kind]
        onnx.save(graph.model(), tmp_path / "net.onnx")
        module = FileModule(made(suite("net.onnx", options))["mine"].read(MODEL), tiny.training)
        found, wanted = net_outputs(module, tiny), graph.scores(tiny, given)
        if graph.ends != "logits":
            found = np.exp(found)
        np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-4)


def write_program(path: Path, data: Data) -> nn.Module:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(144, 3)).eval()
    dims = ({0: torch.export.Dim("batch")},)
    program = torch.export.export(net, (torch.zeros(2, 1, 12, 12),), dynamic_shapes=dims)
    torch.export.save(program, path)
    return net


def test_a_program_is_its_onnx_export(made: Any, tiny: Data, tmp_path: Path) -> None:
    net = write_program(tmp_path / "net.pt2", tiny)
    found = made(suite("net.pt2", 'normalised = "as_suite"'))["mine"]
    wanted = net_outputs(net, tiny)
    np.testing.assert_allclose(file_outputs(found.read(MODEL), tiny), wanted, atol=1e-4)


def _odd(change: Callable[[onnx.ModelProto], None]) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        model = Graph().model()
        change(model)
        path.write_bytes(model.SerializeToString())

    return write


def _unknown_operator(model: onnx.ModelProto) -> None:
    model.graph.node[-1].op_type, model.graph.node[-1].domain = "Magic", "my.own"
    model.opset_import.append(helper.make_opsetid("my.own", 1))


def _new_opset(model: onnx.ModelProto) -> None:
    model.opset_import[0].version = 99


def _elsewhere(model: onnx.ModelProto) -> None:
    weight = model.graph.initializer[0]
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    for key, value in (("location", "weights.bin"), ("length", "1728"), ("offset", "0")):
        weight.external_data.add(key=key, value=value)


def _outside(model: onnx.ModelProto) -> None:
    _elsewhere(model)
    model.graph.initializer[0].external_data[0].value = "../weights.bin"


def _graph(**changes: Any) -> Callable[[Path], None]:
    return lambda path: onnx.save(replace(Graph(), **changes).model(), path)


REFUSED: list[tuple[Callable[[Path], Any], str, str]] = [
    (_graph(), "", r"takes X float32 \(N, 144\), .*pixels is uint8: say .*normalised = "),
    (
        _graph(dims=("N", 3, 12, 12)),
        ZERO_ONE,
        r"takes X float32 \(N, 3, 12, 12\), but the dataset gives \(N, 1, 12, 12\)\Z",
    ),
    (_graph(), f'{ZERO_ONE}\nlayout = "channels_last"', r"layout = 'channels_last' gives"),
    (_graph(), f'{ZERO_ONE}\ninputs = {{ Y = "pixels" }}', r"Y is no input of the file: .* X "),
    (_graph(), f'{ZERO_ONE}\ninputs = {{ X = "image" }}', r"image is no input of the dataset"),
    (_graph(), f'{ZERO_ONE}\noutput = "logits"', r"output = 'logits': the file gives scores float"),
    (
        _graph(ends="label"),
        f'{ZERO_ONE}\noutput = "label"',
        r"output = 'label' is not float32: the file gives label int64 \(N\), shares float32",
    ),
    (
        _graph(dims=("N", 1, 12, 12), kind=TensorProto.INT8),
        "",
        r"takes X int8 \(N, 1, 12, 12\), which can't hold pixels, uint8 of 0 to 255\Z",
    ),
    (
        _graph(dims=("N", 1, 12, 12), kind=U8),
        ZERO_ONE,
        r"takes X uint8 \(N, 1, 12, 12\), integers: what is normalised is none\Z",
    ),
    (_graph(ends="two"), ZERO_ONE, r"say which counts, output = 'scores' or 'shares'\Z"),
    (_graph(classes=4), ZERO_ONE, r"gives scores .*, none of which is float32 \(N, …, 3\)\Z"),
    (
        _graph(ends="zipmap", labels=(1, 2, 3)),
        ZERO_ONE,
        r"its classes are 1, 2, 3; the dataset's are 0 to 2",
    ),
    (lambda path: path.write_bytes(b"no model at all"), ZERO_ONE, r"net.onnx .*no ONNX file"),
    (lambda path: path.write_bytes(b""), ZERO_ONE, r"net.onnx .*no ONNX file"),
    (_odd(_elsewhere), ZERO_ONE, r"has weights in weights.bin, which is not beside it"),
    (_odd(_outside), ZERO_ONE, r"has weights in \.\./weights.bin, outside of its folder"),
    (_odd(_unknown_operator), ZERO_ONE, r"Magic"),
    (_odd(_new_opset), ZERO_ONE, r"(?i)opset|version"),
]


@pytest.mark.parametrize(("write", "options", "reason"), REFUSED)
def test_what_is_not_clear_is_refused_with_what_the_file_has(
    write: Callable[[Path], Any], options: str, reason: str, made: Any, tmp_path: Path
) -> None:
    write(tmp_path / "net.onnx")
    with pytest.raises(JobFailed, match=reason) as raised:
        made(suite("net.onnx", options))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("word", ["0-1", "-1-1"])
def test_a_word_for_pixels_says_nothing_of_numbers(word: str, made: Any, tmp_path: Path) -> None:
    source = kinds.dataset("synthetic", {"kind": "features", "samples": 90, "length": 144})
    data = splits.load(source, tmp_path)
    onnx.save(Graph().model(), tmp_path / "net.onnx")
    with pytest.raises(JobFailed, match=rf'normalised = "{word}" is of inputs of uint8'):
        made(suite("net.onnx", f'normalised = "{word}"'), data)
    made(suite("net.onnx", ""), data)  # as they are


def test_weights_in_another_file_are_taken_in_and_part_of_the_key(
    made: Any, tiny: Data, tmp_path: Path, write_suite: Callable[[str], Path]
) -> None:
    graph, options, given = TAKEN["flat"]
    model = graph.model()
    onnx.save(
        model, tmp_path / "net.onnx", save_as_external_data=True, location="w.bin", size_threshold=0
    )
    text = suite("net.onnx", options)
    found = made(text)["mine"]
    outputs = file_outputs(found.read(MODEL), tiny)
    np.testing.assert_allclose(outputs, graph.scores(tiny, given), atol=1e-4)
    before = plan.plan(read.load(write_suite(text)), "d")[0]
    content = bytearray((tmp_path / "w.bin").read_bytes())
    content[100] ^= 1
    (tmp_path / "w.bin").write_bytes(content)
    after = plan.plan(read.load(write_suite(text)), "d")[0]
    assert before.key != after.key
    assert list(unlike(before.parts, after.parts)) == ["content of net.onnx/w.bin"]


def test_the_content_of_a_file_is_part_of_the_key(
    tmp_path: Path, write_suite: Callable[[str], Path]
) -> None:
    keys = set()
    for content in (b"a", b"b", b"a"):
        (tmp_path / "net.onnx").write_bytes(content)
        keys.add(plan.plan(read.load(write_suite(suite("net.onnx"))), "d")[0].key)
    assert len(keys) == 2


def test_a_net_that_learns_from_a_file_is_of_the_runtime_that_ran_it(
    tmp_path: Path, write_suite: Callable[[str], Path]
) -> None:
    (tmp_path / "net.onnx").write_bytes(b"a")
    text = suite("net.onnx", "", STUDENT, '[variants.alone]\ntechnique = "train"', NET)
    jobs = {j.variant.name: j for j in plan.plan(read.load(write_suite(text)), "d")}
    assert "onnxruntime" in jobs["student"].parts["libraries"]
    assert "onnxruntime" not in jobs["alone"].parts["libraries"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (suite("net.h5"), r"\[variants.mine\] .*path: 'net.h5' should end in .safetensors"),
        (suite("net.pt"), r"'net.pt' has weights alone: it needs 'model'"),
        (suite("net.onnx", "new_head = true"), r"new_head: 'net.onnx' is no file of weights"),
        (suite("net.onnx", NET), r"'net.onnx' has a graph of its own: remove 'model'"),
        (suite("net.pt", f"{NET}\n{ZERO_ONE}"), "normalised: weights of a net have no such thing"),
        (
            suite(
                "net.onnx",
                "",
                '[variants.less]\ntechnique = "prune_weights"\nparent = "mine"',
            ),
            r"\[variants.less\] 'prune_weights' works on a torch module, but its parent "
            r"\[variants.mine\] is an ONNX file \('load'\); no module stands behind "
            r"\[variants.mine\] \('load'\): quantize it, or distill from it",
        ),
    ],
)
def test_wrong_tables_are_told_when_the_suite_is_read(
    text: str, reason: str, write_suite: Callable[[str], Path]
) -> None:
    with pytest.raises(UserError, match=reason):
        read.load(write_suite(text))


def test_a_file_that_is_nowhere_is_told_with_the_nearest_that_is(
    tmp_path: Path, write_suite: Callable[[str], Path]
) -> None:
    (tmp_path / "nett.onnx").write_bytes(b"")
    with pytest.raises(UserError, match=r"\[variants.mine\] 'load' path = 'net.onnx': .*nett"):
        plan.plan(read.load(write_suite(suite("net.onnx"))), "d")
    data = tmp_path / "data"
    data.mkdir()
    (data / "net.onnx").write_bytes(b"")
    assert plan.plan(read.load(write_suite(suite("net.onnx"))), "d", data)


def test_a_path_that_leaves_its_folder_by_a_link_is_refused(
    tmp_path: Path, write_suite: Callable[[str], Path]
) -> None:
    folder = tmp_path / "suites"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(b"")
    (folder / "net.onnx").symlink_to(tmp_path / "secret")
    path = folder / "mine.toml"
    path.write_text(suite("net.onnx"))
    with pytest.raises(UserError, match=r"path = 'net.onnx' leads out of "):
        plan.plan(read.load(path), "d")


class Technique(RootTechnique):
    """A root of one's own: an ONNX file from nothing."""

    libraries: ClassVar[tuple[str, ...]] = ("onnx",)

    def load(
        self, locate: Locate, data: TrainingData, note: Callable[[str], None]
    ) -> nn.Module | bytes:
        """The file."""
        model = replace(Graph(), name="pixels", dims=("N", 1, 12, 12)).model()
        return model.SerializeToString()


def test_a_root_of_ones_own_is_eight_lines(made: Any, tiny: Data) -> None:
    text = f'{HEAD}[variants.mine]\ntechnique = "{__name__}:Technique"\n{HALF}'
    found = made(text)
    for name in ("mine", "half"):
        assert file_outputs(found[name].read(MODEL), tiny).shape == (60, 3)
