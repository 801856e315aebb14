"""Every way to quantize gives a file that runs, holds integers, and no float copy of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper
from onnxruntime.quantization import calibrate
from onnxruntime.quantization import registry as quantizers
from torch import nn

from compbench.data.splits import Data
from compbench.errors import JobFailed
from compbench.make import job as make_job
from compbench.make.store import HISTORY, MODEL, Store
from compbench.models import cnn
from compbench.onnxfile.export import to_onnx
from compbench.onnxfile.graph import with_matrix_products
from compbench.results.row import INT8_BITS
from compbench.runtime import inference, machine, process
from compbench.suite import plan, read
from compbench.techniques import (
    float16,
    quantize_aware,
    quantize_dynamic,
    quantize_static,
    quantize_weights,
)
from compbench.toolkit import layers, masks
from compbench.toolkit.quantize import onnxruntime as quantizer
from compbench.toolkit.quantize.options import DYNAMIC_OPERATORS, STATIC_OPERATORS
from compbench.toolkit.quantize_aware.module import Trainable
from compbench.training.loop import Fit
from tests.fakes import cpu_session
from tests.nets import file_outputs, image_signature, net_outputs, parity
from tests.nets_of_all_kinds import NETS

SIGNATURE = image_signature(1, 12, 12)
TYPES = {"int8": TensorProto.INT8, "uint8": TensorProto.UINT8, "int4": TensorProto.INT4}
STATIC = [
    {"format": form, "activation_type": activation, "weight_type": weight, "per_channel": channel}
    for form, activation, weight, channel in product(
        ("qdq", "operator"), ("uint8", "int8"), TYPES, (True, False)
    )
]


def net() -> nn.Module:
    torch.manual_seed(0)
    return cnn.Model(channels=(8, 16), hidden=32).build(SIGNATURE).eval()


@cache
def parent() -> bytes:
    return to_onnx(net(), SIGNATURE)


def fit(data: Data) -> Fit:
    return Fit(data.training, 0, lambda epoch, total: None)


def matrices(file: bytes) -> list[int]:
    """The types of the weights that are no vectors."""
    model = onnx.load_model_from_string(file)
    return [weight.data_type for weight in model.graph.initializer if len(weight.dims) > 1]


def check(file: bytes, data: Data, tolerance: float) -> None:
    onnx.checker.check_model(onnx.load_model_from_string(file))
    found = parity(net_outputs(net(), data), file_outputs(file, data))
    assert found.max_abs_difference < tolerance


@pytest.mark.parametrize("options", STATIC, ids=lambda o: "-".join(map(str, o.values())))
def test_every_static_combination_runs_on_integers_or_is_refused(
    options: dict[str, Any], tiny: Data
) -> None:
    types = (options["activation_type"], options["weight_type"])
    lacks = options["weight_type"] == "int4" or (types[1] == "uint8" and options["per_channel"])
    if types == ("int8", "uint8") or (options["format"] == "operator" and lacks):
        with pytest.raises(ValueError, match=r"format 'operator'|can't multiply"):
            quantize_static.Technique(**options)
        return
    technique = quantize_static.Technique(**options, reduce_range=False)
    file = technique.rewrite(parent(), tiny.training)
    check(file, tiny, 0.2 if options["weight_type"] == "int4" else 0.05)
    assert matrices(file) == [TYPES[options["weight_type"]]] * 4
    assert len(file) < 0.6 * len(parent())


@pytest.mark.parametrize(
    "calibration", ["minmax", pytest.param("entropy", marks=pytest.mark.slow), "percentile"]
)
@pytest.mark.parametrize("activation", ["uint8", "int8"])
def test_every_calibration_gives_ranges_of_its_own(
    calibration: Any, activation: Any, tiny: Data, capfd: pytest.CaptureFixture[str]
) -> None:
    share: dict[str, Any] = {"percentile": 99.0} if calibration == "percentile" else {}
    technique = quantize_static.Technique(
        calibration=calibration, activation_type=activation, **share
    )
    file = technique.rewrite(parent(), tiny.training)
    check(file, tiny, 0.5)
    plain = quantize_static.Technique(activation_type=activation).rewrite(parent(), tiny.training)
    assert (file == plain) is (calibration == "minmax")
    assert capfd.readouterr() == ("", "")


def test_int4_has_no_reduced_range() -> None:
    technique = quantize_static.Technique(weight_type="int4")
    assert not technique.reduce_range
    with pytest.raises(ValueError, match="reduce_range is for 8-bit weights"):
        quantize_static.Technique(weight_type="int4", reduce_range=True)


def test_reduced_weights_have_seven_bits(tiny: Data) -> None:
    file = quantize_static.Technique(reduce_range=True).rewrite(parent(), tiny.training)
    weights = [
        numpy_helper.to_array(w) for w in onnx.load_model_from_string(file).graph.initializer
    ]
    assert max(np.abs(w.astype(int)).max() for w in weights if w.dtype == np.int8) == 64


@pytest.mark.parametrize("flags", [{"avx2"}, {"avx512_vnni"}, {"asimddp"}, set()], ids=str)
def test_the_default_width_is_the_same_on_every_cpu(monkeypatch, flags: set[str]) -> None:
    monkeypatch.setattr(machine, "flags", lambda: frozenset(flags))
    for plugin in (quantize_static, quantize_dynamic, quantize_aware):
        assert plugin.Technique().model_dump()["reduce_range"] is (INT8_BITS == 7)
        assert plugin.Technique(reduce_range=False).reduce_range is False
        assert plugin.Technique(weight_type="uint8").reduce_range is False


@pytest.mark.parametrize("pattern", ["node_conv2d", "Conv", "node_conv2d*"])
def test_what_is_excluded_keeps_its_floats(pattern: str, tiny: Data) -> None:
    file = quantize_static.Technique(exclude=(pattern,)).rewrite(parent(), tiny.training)
    check(file, tiny, 0.05)
    assert matrices(file).count(TensorProto.FLOAT) == (1 if pattern == "node_conv2d" else 2)
    last = {"exclude": ("node_linear_1",)}
    for technique in (quantize_dynamic, quantize_weights, float16):
        everything = matrices(technique.Technique().rewrite(parent(), tiny.training))
        fewer = matrices(technique.Technique(**last).rewrite(parent(), tiny.training))
        assert fewer.count(TensorProto.FLOAT) > everything.count(TensorProto.FLOAT) - 1


@pytest.mark.parametrize("plugin", [quantize_static, quantize_dynamic, quantize_weights, float16])
def test_an_unknown_node_is_one_line_with_the_nearest(plugin: Any, tiny: Data) -> None:
    with pytest.raises(JobFailed) as caught:
        plugin.Technique(exclude=("node_linaer",)).rewrite(parent(), tiny.training)
    expected = "exclude: no node or operator is 'node_linaer'; did you mean 'node_linear'?"
    assert str(caught.value) == expected


@pytest.mark.parametrize("plugin", [quantize_static, quantize_dynamic, quantize_weights, float16])
def test_what_is_quantized_already_is_refused(plugin: Any, tiny: Data) -> None:
    integers = quantize_static.Technique().rewrite(parent(), tiny.training)
    with pytest.raises(JobFailed, match=r"is quantized already: node '\S+' \(\w+izeLinear\)"):
        plugin.Technique().rewrite(integers, tiny.training)
    half = float16.Technique().rewrite(parent(), tiny.training)
    with pytest.raises(JobFailed, match=r"quantized already: weight '0\.weight' is float16"):
        plugin.Technique().rewrite(half, tiny.training)


def test_the_operators_are_those_of_the_quantizer() -> None:
    static = {*quantizers.QLinearOpsRegistry, *quantizers.QDQRegistry}
    assert set(STATIC_OPERATORS) == static
    assert set(DYNAMIC_OPERATORS) == {*quantizers.IntegerOpsRegistry, "Gemm"}


@pytest.mark.parametrize("weight", ["int8", "uint8"])
@pytest.mark.parametrize("channel", [True, False])
@pytest.mark.parametrize("operators", [("Gemm", "MatMul"), ("Conv", "Gemm")])
def test_dynamic_quantization(
    weight: Any, channel: bool, operators: tuple[str, ...], tiny: Data
) -> None:
    technique = quantize_dynamic.Technique(
        weight_type=weight, per_channel=channel, operators=operators
    )
    file = technique.rewrite(parent(), tiny.training)
    check(file, tiny, 0.1)
    integers = 4 if "Conv" in operators else 2
    types = matrices(file)
    assert types.count(TYPES[weight]) == integers
    assert types.count(TensorProto.FLOAT) == 4 - integers


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("activation", ["float32", "int8"])
def test_weights_in_blocks(bits: Any, symmetric: bool, activation: Any, tiny: Data) -> None:
    technique = quantize_weights.Technique(
        bits=bits, symmetric=symmetric, activation_type=activation
    )
    file = technique.rewrite(parent(), tiny.training)
    check(file, tiny, 0.3 if bits == 4 else 0.05)
    model = onnx.load_model_from_string(file)
    assert [n.op_type for n in model.graph.node].count("MatMulNBits") == 2
    packed = [w for w in model.graph.initializer if len(w.dims) == 3]
    assert {w.data_type for w in packed} == {TensorProto.UINT8}
    assert sum(len(w.raw_data) for w in packed) == (144 * 32 + 16 * 32 + 32 * 3) * bits // 8
    assert not {"7.weight", "9.weight"} & {w.name for w in model.graph.initializer}


def test_a_file_without_linear_layers_has_no_weights_for_blocks(tiny: Data) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 3, 12), nn.Flatten()).eval()
    with pytest.raises(JobFailed, match="has no linear layer"):
        quantize_weights.Technique().rewrite(to_onnx(model, SIGNATURE), tiny.training)


def test_half_precision_is_half_the_file(tiny: Data) -> None:
    file = float16.Technique().rewrite(parent(), tiny.training)
    check(file, tiny, 0.01)
    assert set(matrices(file)) == {TensorProto.FLOAT16}
    assert len(file) < 0.6 * len(parent())
    graph = onnx.load_model_from_string(file).graph
    ends = (*graph.input, *graph.output)
    assert {end.type.tensor_type.elem_type for end in ends} == {TensorProto.FLOAT}


def of_a_file(spec: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """What it gives, in a process of its own: some files end ONNX Runtime's."""
    file = cpu_session(arrays.pop("file").tobytes())
    return {"logits": inference.outputs(file, arrays)}


def test_attention_in_half_precision_does_not_end_the_runtime(tiny: Data) -> None:
    """Without float32 for the transpositions right before a matrix product it would."""
    with process.Worker() as worker:
        for name in ("vit", "vit-encoder", "encoder-norm-first"):
            torch.manual_seed(0)
            model = NETS[name]().eval()
            whole = to_onnx(model, tiny.training.signature)
            file = float16.Technique().rewrite(whole, tiny.training)
            content = np.frombuffer(file, np.uint8)
            made = worker.call(of_a_file, {}, {"file": content, **tiny.test.arrays})
            found = parity(net_outputs(model, tiny), made["logits"])
            assert found.complaint("the CPU", 0.01) is None, name


def test_a_gemm_is_a_product_and_a_sum(tiny: Data) -> None:
    model = onnx.load_model_from_string(parent())
    rewritten = with_matrix_products(model, ["node_linear"])
    kinds = [node.op_type for node in rewritten.graph.node]
    assert (kinds.count("Gemm"), kinds.count("MatMul"), kinds.count("Add")) == (1, 1, 1)
    check(rewritten.SerializeToString(), tiny, 1e-4)
    assert model == onnx.load_model_from_string(parent())


@pytest.mark.parametrize(
    "options",
    [
        {},
        pytest.param({"activation_type": "int8"}, marks=pytest.mark.slow),
        pytest.param({"weight_type": "uint8"}, marks=pytest.mark.slow),
        {"weight_type": "int4", "per_channel": False},
        pytest.param(
            {"exclude": ("node_conv2d",), "calibration": "percentile"}, marks=pytest.mark.slow
        ),
    ],
    ids=str,
)
def test_the_net_that_is_trained_rounds_like_its_file(
    options: dict[str, Any], tiny: Data, monkeypatch
) -> None:
    nets = []
    seen = Trainable.trained

    def trained(self: Trainable) -> Any:
        nets.append(self)
        return seen(self)

    monkeypatch.setattr(Trainable, "trained", trained)
    technique = quantize_aware.Technique(**options, epochs=2, learning_rate=2e-3)
    file = technique.lower([net()], tiny.training, fit(tiny))
    logits = file_outputs(file, tiny)
    found = parity(net_outputs(nets[0], tiny), logits)
    step = np.ptp(logits) / 255
    assert found.max_abs_difference < 3 * step
    static = quantize_static.Technique(**options).rewrite(parent(), tiny.training)
    assert sorted(matrices(file)) == sorted(matrices(static))
    assert abs(len(file) - len(static)) < 64


def test_zeros_of_the_parent_are_zeros_of_the_file(tiny: Data) -> None:
    sparse = net()
    masks.apply(layers.prunable(sparse), masks.smallest(layers.prunable(sparse), 0.7, "layer"))
    file = quantize_aware.Technique(epochs=2).lower([sparse], tiny.training, fit(tiny))
    weights = [
        numpy_helper.to_array(w) for w in onnx.load_model_from_string(file).graph.initializer
    ]
    zeros = [float((w == 0).mean()) for w in weights if w.ndim > 1]
    assert len(zeros) == 4
    assert min(zeros) >= 0.7 - 0.01


def test_training_with_int4_beats_rounding_to_it(tiny: Data) -> None:
    options: dict[str, Any] = {"weight_type": "int4", "per_channel": False}
    trained = fit(tiny)
    source = trained(net(), quantize_aware.Technique(epochs=2, learning_rate=5e-3))

    def loss(file: bytes) -> float:
        logits = torch.from_numpy(file_outputs(file, tiny))
        return float(nn.functional.cross_entropy(logits, torch.from_numpy(tiny.test.targets)))

    rounded = quantize_static.Technique(**options).rewrite(
        to_onnx(source, SIGNATURE), tiny.training
    )
    technique = quantize_aware.Technique(**options, epochs=3, learning_rate=1e-3)
    assert loss(technique.lower([source], tiny.training, fit(tiny))) < loss(rounded)


def test_operators_that_torch_can_t_train_are_named_before_training(tiny: Data) -> None:
    class Odd(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            x = images.flatten(1)[:, :3]
            return x + torch.linalg.det(x[:, :, None] * x[:, None]).reshape(-1, 1)

    def called(*_: Any, **__: Any) -> Any:
        raise AssertionError("it was trained")

    untouched: Any = called
    with pytest.raises(JobFailed, match=r"node '\S+' is Det; known: Abs, "):
        quantize_aware.Technique(epochs=1).lower([Odd()], tiny.training, untouched)


class Everything(nn.Module):
    """Batch norm, a residual sum, poolings of both kinds, padding, and activations."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv2d(1, 4, 3, 2, 1, bias=False), nn.BatchNorm2d(4)
        self.second, self.last = nn.Conv2d(4, 4, 3, padding=1, groups=2), nn.Linear(4, 3)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = nn.functional.relu6(self.norm(self.first(images)))
        x = nn.functional.leaky_relu(x + self.second(x)) * torch.sigmoid(x)
        x = nn.functional.avg_pool2d(nn.functional.max_pool2d(x, 2, padding=1), 2)
        return self.last(nn.functional.hardswish(x.mean((2, 3))).tanh())


def test_a_net_of_many_operators_is_trained_as_its_file_computes(tiny: Data) -> None:
    torch.manual_seed(0)
    model = Everything()
    model(torch.randn(32, *SIGNATURE.image))  # statistics of the batch norm
    technique = quantize_aware.Technique(epochs=1)
    file = technique.lower([model.eval()], tiny.training, fit(tiny))
    found = parity(net_outputs(model, tiny), file_outputs(file, tiny))
    assert found.max_abs_difference < 0.1


def test_what_is_trained_into_a_file_keeps_its_history_and_no_checkpoint(
    tiny: Data, tmp_path: Path, write_suite: Callable[[str], Path]
) -> None:
    path = write_suite(
        '[variants.teacher]\ntechnique = "train"\nepochs = 1\n'
        'model = { name = "cnn", channels = [4, 8], hidden = 16 }\n'
        '[variants.aware]\ntechnique = "quantize_aware"\nparent = "teacher"\nepochs = 2\n'
    )
    loaded, store = read.load(path), Store(tmp_path)
    store.root.mkdir()
    root, artifacts = loaded.variants["teacher"].root_model, {}
    jobs = plan.plan(loaded, "d")
    for job in jobs:
        parents = [make_job.Parent(artifacts[key], root) for key in job.parent_keys]
        manifest, files = make_job.make(job, parents, tiny, lambda epoch, total: None)
        artifacts[job.key] = store.put(manifest, files)
    made = artifacts[jobs[-1].key]
    assert set(made.manifest.files) == {MODEL, HISTORY}
    assert len(json.loads(made.read(HISTORY))) == 2
    assert made.manifest.samples_seen == 2 * len(tiny.training.train)
    assert made.manifest.chosen_epoch in (1, 2)
    assert made.manifest.versions.keys() >= {"torch", "onnxruntime"}
    assert not jobs[-1].variant.is_torch
    assert set(matrices(made.read(MODEL))) == {TensorProto.INT8}


@pytest.mark.parametrize("per_channel", [True, False])
def test_a_weight_that_is_looked_up_and_multiplied_with_has_one_scale(
    per_channel: bool, tiny: Data
) -> None:
    """Rows that are looked up have no scale of the weight's channels: the file could not be run."""
    torch.manual_seed(0)
    net = NETS["embedded"]().eval()
    made = quantize_static.Technique(per_channel=per_channel).rewrite(
        to_onnx(net, tiny.signature), tiny.training
    )
    assert file_outputs(made, tiny).shape == net_outputs(net, tiny).shape
    scales = {w.name: [*w.dims] for w in onnx.load_model_from_string(made).graph.initializer}
    assert scales["back.weight_scale"] == []
    assert scales["head.weight_scale"] == ([3] if per_channel else [])


@pytest.mark.parametrize("calibration", ["minmax", "percentile"])
def test_samples_are_counted_by_parts_so_that_memory_does_not_grow_with_them(
    calibration: Any, tiny: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts: list[int] = []

    def ranges(most: int) -> dict[str, Any]:
        with monkeypatch.context() as patch:
            patch.setattr(quantizer, "_MOST_KEPT_BYTES", most)
            patch.setattr(quantizer, "_BATCH", 4)
            found = quantizer.calibrated(model, tiny.training, options)
        return {name: np.stack(each.range_value) for name, each in found.items()}

    def collected(self: Any, reader: Any) -> None:
        given = [*iter(reader.get_next, None)]
        parts.append(len(given))
        reader.left = iter(given)
        working(self, reader)

    model = quantizer.prepared(parent())
    options = quantize_static.Technique(calibration=calibration, calibration_samples=24)
    methods = {"minmax": "MinMaxCalibrater", "percentile": "PercentileCalibrater"}
    kind = getattr(calibrate, methods[calibration])
    working = kind.collect_data
    monkeypatch.setattr(kind, "collect_data", collected)
    whole, by_parts = ranges(10**9), ranges(1)
    assert parts == [6, 1, 1, 1, 1, 1, 1]
    assert whole.keys() == by_parts.keys()
    for name, found in by_parts.items():
        spread = np.ptp(whole[name])
        assert np.allclose(found, whole[name], atol=0 if calibration == "minmax" else spread / 20)


class Hiding(nn.Module):
    """Attention that may not look ahead, by a mask of `hidden`, added before or after scaling."""

    def __init__(self, hidden: float, scaled_after: bool):
        super().__init__()
        self.first, self.out = nn.Linear(12, 12), nn.Linear(12, 3)
        self.scale, self.scaled_after = 12**-0.5, scaled_after
        self.register_buffer("mask", torch.full((12, 12), hidden).triu(1))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        x = self.first(pixels.squeeze(1))
        scores = x @ x.transpose(1, 2)
        if self.scaled_after:
            scores = (scores + self.mask) * self.scale
        else:
            scores = scores * self.scale + self.mask
        return self.out(scores.softmax(-1) @ x).mean(1)


@pytest.mark.parametrize("scaled_after", [False, True])
@pytest.mark.parametrize("hidden", [-1e4, -1e9, -torch.inf, torch.finfo(torch.float32).min])
def test_what_attention_hides_with_stays_in_floats(
    hidden: float, scaled_after: bool, tiny: Data
) -> None:
    """Each score would have the same 8 bits as all others, which lie so near beside the mask."""
    torch.manual_seed(0)
    net = Hiding(hidden, scaled_after).eval()
    float_file = to_onnx(net, SIGNATURE)
    file = quantize_static.Technique().rewrite(float_file, tiny.training)
    wanted, found = file_outputs(float_file, tiny), file_outputs(file, tiny)
    assert np.abs(found - wanted).max() < 0.1 * wanted.std()
    nodes = onnx.load_model_from_string(file).graph.node
    (softmax,) = (node for node in nodes if node.op_type == "Softmax")
    made_by = {output: node.op_type for node in nodes for output in node.output}
    assert made_by[softmax.input[0]] in ("Add", "Mul")
    assert "QuantizeLinear" in made_by.values()
