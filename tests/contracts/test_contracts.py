"""Every technique, model and dataset, found by its file: a new one is tested without a new line."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from compbench.contracts import (
    DatasetSource,
    Input,
    LoweringTechnique,
    ModelFamily,
    Normalisation,
    OnnxTechnique,
    RootTechnique,
    Signature,
    TechniqueBase,
    TorchTechnique,
    TrainingData,
)
from compbench.contracts.inputs import MASK, TOKENS, WAVEFORM
from compbench.data.splits import Data
from compbench.make import checkpoint
from compbench.models import cnn
from compbench.onnxfile import size
from compbench.onnxfile.export import to_onnx
from compbench.registry import registry
from compbench.runtime import inference
from compbench.training.loop import Fit
from tests.fakes import cpu_session
from tests.nets import file_outputs, image_signature, net_outputs, parity

TECHNIQUES = [  # that change a model: one that brings its own has tests of its own
    name
    for name in registry.names("technique")
    if not issubclass(registry.find("technique", name), RootTechnique)
]
MODELS = registry.names("model")
SIGNATURE = image_signature(1, 12, 12)


def parent() -> nn.Module:
    """A net whose layers have weights of one size, as no layer of a trained net is all small."""
    torch.manual_seed(7)
    model = cnn.Model(channels=(8, 16), hidden=16).build(SIGNATURE).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(0.1 / weight.std())
    return model


@cache
def parent_file() -> bytes:
    return to_onnx(parent(), SIGNATURE)


def options(plugin: type[TechniqueBase], wanted: dict) -> dict:
    """What a technique needs to run, at least: a model where it has to be named.

    One that does not train has no epochs, so none are wanted of it.
    """
    needs_model = "model" in plugin.model_fields and plugin.parents[0] == 1
    asked = {n: v for n, v in wanted.items() if n != "epochs" or n in plugin.model_fields}
    return ({"model": "mlp"} if needs_model else {}) | asked


def build(plugin: type[TorchTechnique], wanted: dict, parents: list[nn.Module], data: TrainingData):
    torch.manual_seed(3)
    fit = Fit(data, 3, lambda epoch, total: None)
    return plugin(**options(plugin, wanted)).build(parents, data, fit)


def onnx_file(plugin: type[TechniqueBase], wanted: dict, source: nn.Module, data: TrainingData):
    """What a technique that ends in a file makes of the parent."""
    technique = plugin(**wanted)
    if isinstance(technique, OnnxTechnique):
        return technique.rewrite(parent_file(), data)
    assert isinstance(technique, LoweringTechnique)
    torch.manual_seed(3)
    return technique.lower([source], data, Fit(data, 3, lambda epoch, total: None))


def state(model: nn.Module) -> list[bytes]:
    return [value.detach().numpy().tobytes() for value in model.state_dict().values()]


@pytest.mark.parametrize("kind", ["technique", "model", "dataset"])
def test_plugins_import_without_torch_and_document_themselves(kind: registry.Kind) -> None:
    bases = {"technique": TechniqueBase, "model": ModelFamily, "dataset": DatasetSource}
    for name in registry.names(kind):
        plugin = registry.find(kind, name)
        assert issubclass(plugin, bases[kind])
        assert plugin.__doc__
        for field_name, field in plugin.model_fields.items():
            assert field.description, f"{name}.{field_name} has no description"
    code = (
        "import sys; from compbench.registry import registry\n"
        f"for name in registry.names('{kind}'): registry.find('{kind}', name)\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", MODELS)
def test_models_give_logits_export_and_come_back_from_a_checkpoint(
    name: str, tmp_path: Path
) -> None:
    family = registry.find("model", name)()
    signature = taken_by(family)
    torch.manual_seed(0)
    model = family.build(signature).eval()
    raw = samples(signature)

    def outputs(net: nn.Module) -> np.ndarray:
        prepared = signature.prepared({name: raw[name] for name in signature.taken_by(net)})
        with torch.no_grad():
            return net(*map(torch.from_numpy, prepared.values())).numpy()

    logits = outputs(model)
    assert (len(logits), logits.shape[-1]) == (3, signature.outputs)
    file = to_onnx(model, signature)
    assert file == to_onnx(model, signature), "the same module should give the same bytes"
    assert parity(logits, inference.outputs(cpu_session(file), raw)).agreement == 1
    counted = size.measure(file).parameters
    every = sum(p.numel() for p in model.parameters())
    norms = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    # the exporter folds a batch normalization's two parameters of each channel into a convolution
    folded = 2 * sum(norm.num_features for norm in norms)
    # places of a text are no weight of a layer; what is not learnt: cosines, a mask
    fixed = sum(buffer.numel() for buffer in model.buffers() if buffer.is_floating_point())
    assert counted is not None
    places = sum(p.numel() for name, p in model.named_parameters() if name == "places")
    assert every - folded - places <= counted <= every + fixed
    (tmp_path / "c").write_bytes(checkpoint.to_bytes(model))
    loaded = checkpoint.load(str(tmp_path / "c"), family.build(signature))
    assert np.array_equal(outputs(loaded), logits)


KINDS_OF_INPUTS = (  # a model takes one of them
    image_signature(1, 28, 28, classes=10),
    Signature({one: Input("int64", (16,), values=50) for one in (TOKENS, MASK)}, 10),
    Signature({WAVEFORM: Input("int16", (4000,), Normalisation((0.0,), (1e3,)), rate=8000)}, 10),
)


def taken_by(family: ModelFamily) -> Signature:
    """The first kind of inputs that a model takes."""
    problems = []
    for signature in KINDS_OF_INPUTS:
        try:
            signature.taken_by(family.build(signature))
            return signature
        except ValueError as error:
            problems.append(str(error))
    raise AssertionError(f"no inputs of these tests are taken: {problems}")


def samples(signature: Signature) -> dict[str, np.ndarray]:
    """Three samples of each input: integers of all its range; a mask lets all be seen."""
    random = np.random.default_rng(0)
    high = {"uint8": 256, "int64": 50, "int16": 1000}
    found = {
        name: random.integers(0, high[one.dtype], (3, *one.shape)).astype(one.dtype)
        for name, one in signature.inputs.items()
    }
    if MASK in found:
        found[MASK][:] = 1
    return found


@pytest.mark.parametrize("name", TECHNIQUES)
def test_the_null_case_does_nothing(name: str, tiny: Data) -> None:
    plugin = registry.find("technique", name)
    null = plugin.null_case
    reference = net_outputs(parent(), tiny)
    if not issubclass(plugin, TorchTechnique):
        file = onnx_file(plugin, null.options, parent(), tiny.training)
        if null.equals == "parent":
            result = file_outputs(file, tiny)
            assert parity(reference, result).max_abs_difference <= 1e-4
        else:
            other = registry.find("technique", null.equals)
            assert file == onnx_file(other, null.like or {}, parent(), tiny.training)
    elif null.equals == "parent":
        result = net_outputs(build(plugin, null.options, [parent()], tiny.training), tiny)
        assert parity(reference, result).max_abs_difference <= 1e-4
    else:
        other = registry.find("technique", null.equals)
        model = build(plugin, null.options, [parent()], tiny.training)
        assert state(model) == state(build(other, null.like or {}, [], tiny.training))


@pytest.mark.parametrize("name", TECHNIQUES)
def test_a_technique_repeats_itself_and_leaves_its_parent_alone(name: str, tiny: Data) -> None:
    plugin = registry.find("technique", name)
    source = parent()
    before = copy.deepcopy(source)
    if not issubclass(plugin, TorchTechnique):
        wanted = {"epochs": 1} if issubclass(plugin, LoweringTechnique) else {}
        first, again = (onnx_file(plugin, wanted, source, tiny.training) for _ in range(2))
        assert first == again
        assert first != parent_file()
        assert state(source) == state(before)
        return
    first, again = (build(plugin, {"epochs": 1}, [source], tiny.training) for _ in range(2))
    assert state(first) == state(again)
    assert state(source) == state(before)
    assert [type(m) for m in source.modules()] == [type(m) for m in before.modules()]
    assert state(first) != state(before)


@pytest.mark.parametrize("name", TECHNIQUES)
def test_what_a_torch_technique_makes_survives_export_and_checkpoint(
    name: str, tiny: Data, tmp_path: Path
) -> None:
    plugin = registry.find("technique", name)
    if not issubclass(plugin, TorchTechnique):
        pytest.skip("no torch module stands behind the file")
    model = build(plugin, {"epochs": 1}, [parent()], tiny.training)
    reference = net_outputs(model, tiny)
    exported = file_outputs(to_onnx(model, SIGNATURE), tiny)
    assert parity(reference, exported).max_abs_difference <= 1e-4
    (tmp_path / "c").write_bytes(checkpoint.to_bytes(model))
    new = copy.deepcopy(model) if "model" in options(plugin, {}) else parent()
    for parameter in new.parameters():
        nn.init.zeros_(parameter)
    loaded = checkpoint.load(str(tmp_path / "c"), new)
    assert np.array_equal(net_outputs(loaded, tiny), reference)


@pytest.mark.parametrize("name", registry.names("dataset"))
def test_a_dataset_that_is_here_loads_the_same_twice(name: str) -> None:
    plugin = registry.find("dataset", name)
    needed = [option for option, field in plugin.model_fields.items() if field.is_required()]
    if needed:
        pytest.skip(f"{name} needs {', '.join(needed)}")
    source = plugin()
    folder = Path(os.environ.get("COMPBENCH_DATA", "data"))
    fingerprint = source.fingerprint(folder)
    if fingerprint is None:
        pytest.skip(f"{name} is not in {folder}")
    assert fingerprint == source.fingerprint(folder)
    samples = source.load(folder)
    assert len(samples.train)
    again = source.load(folder)
    for split, other in ((samples.train, again.train), (samples.test, again.test)):
        if split is not None and other is not None:
            assert split.kinds == other.kinds
            assert np.array_equal(split.targets, other.targets)
