"""Every technique, model and dataset, found by its file: a new one is tested without a new line."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from compbench.contracts import (
    ChoosingTechnique,
    DatasetSource,
    Input,
    ModelFamily,
    Normalisation,
    RootTechnique,
    Signature,
    Split,
    TechniqueBase,
    TrainingData,
)
from compbench.contracts.inputs import MASK, TOKENS, WAVEFORM
from compbench.data.splits import Data
from compbench.doctor import datasets, nets, techniques
from compbench.doctor.subject import Subject
from compbench.errors import UserError
from compbench.models import cnn, gpt
from compbench.onnxfile import size
from compbench.registry import registry
from compbench.tasks import classification, next_token
from tests import texts
from tests.nets import file_outputs, image_signature

TECHNIQUES = [  # that change a model: those that bring or take one have tests of their own
    name
    for name in registry.names("technique")
    if not issubclass(registry.find("technique", name), (RootTechnique, ChoosingTechnique))
]
MODELS = registry.names("model")
SIGNATURE = image_signature(1, 12, 12)


def parent() -> nn.Module:
    """A net whose layers have weights of one size, as no layer of a trained net is all small.

    Two of them are alike, one after the other.
    """
    torch.manual_seed(7)
    model = cnn.Model(channels=(16, 16, 16), hidden=16).build(SIGNATURE).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(0.1 / weight.std())
    return model


def subject(data: Data, net: Callable[[], nn.Module] | None = None) -> Subject:
    """The parent on the tiny dataset, or another net, as `compbench doctor` tries it."""
    return _Parent(net or parent, data, lambda file: file_outputs(file, data))


class _Parent(Subject):
    """A subject whose net is just what `build` makes."""

    @cached_property
    def net(self) -> nn.Module:
        return self.build()


def installed(kind: registry.Kind) -> list[str]:
    """The names of a kind whose libraries are here."""
    return [name for name in registry.names(kind) if is_installed(kind, name)]


def is_installed(kind: registry.Kind, name: str) -> bool:
    try:
        return bool(registry.find(kind, name))
    except UserError as error:
        if "which is not installed" in str(error):
            return False
        raise


def tried_on(name: str, images: Data) -> tuple[Subject, Any]:
    """What a technique is tried on, and a net it may make: images, or a text where it needs one."""
    plugin = registry.find("technique", name)
    technique = plugin(**techniques.options(plugin, "mlp", {}))
    if technique.problem_on(images.training.task) is None:
        return subject(images), "mlp"
    small = {"name": "gpt", "width": 8, "heads": 2, "layers": 1}
    data = texts.data()
    family = gpt.Model(width=16, heads=2, layers=2)
    return Subject(
        lambda: family.build(data.signature), data, lambda file: file_outputs(file, data)
    ), small


@pytest.mark.parametrize("kind", ["technique", "model", "dataset"])
def test_plugins_import_without_torch_and_document_themselves(kind: registry.Kind) -> None:
    bases = {"technique": TechniqueBase, "model": ModelFamily, "dataset": DatasetSource}
    for name in installed(kind):
        plugin = registry.find(kind, name)
        assert issubclass(plugin, bases[kind])
        assert plugin.__doc__
        for field_name, field in plugin.model_fields.items():
            assert field.description, f"{name}.{field_name} has no description"
    code = (
        "import sys; from compbench.registry import registry\n"
        f"for name in {installed(kind)}: registry.find('{kind}', name)\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", MODELS)
def test_models_give_logits_export_and_come_back_from_a_checkpoint(name: str) -> None:
    if not is_installed("model", name):
        pytest.skip(f"the library of {name} is not installed")
    plugin: Any = registry.find("model", name)
    if any(field.is_required() for field in plugin.model_fields.values()):
        pytest.skip(f"{name} needs options: tests/models")
    family = plugin()
    tried = on_noise(family, taken_by(family))
    for check in nets.CHECKS.values():
        check(tried)
    model = tried.net
    counted = size.measure(tried.file).parameters
    every = sum(p.numel() for p in model.parameters())
    norms = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    # the exporter folds a batch normalization's two parameters of each channel into a convolution
    folded = 2 * sum(norm.num_features for norm in norms)
    # ones and zeros of a norm that has learnt nothing are no weights, nor are places of a text
    plain = [m for m in model.modules() if isinstance(m, nn.LayerNorm)]
    unlearnt = sum(p.numel() for norm in plain for p in norm.parameters())
    assert counted is not None
    places = sum(p.numel() for name, p in model.named_parameters() if name == "places")
    assert every - folded - unlearnt - places <= counted <= every


def on_noise(family: ModelFamily, signature: Signature) -> Subject:
    """A net on samples of noise, with a target for each place of its outputs."""
    raw = samples(signature)
    net = family.build(signature).eval()
    prepared = signature.prepared({one: raw[one] for one in signature.taken_by(net)})
    with torch.no_grad():
        shape = net(*map(torch.from_numpy, prepared.values())).shape
    task = next_token.Task() if len(shape) == 3 else classification.Task()
    targets = np.arange(np.prod(shape[:-1])).reshape(shape[:-1]) % signature.outputs
    split = Split(raw, targets)
    data = Data(TrainingData(split, split, task, signature), split)
    return Subject(lambda: family.build(signature), data, lambda file: file_outputs(file, data))


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
    """Thirty samples of each input: integers of all its range; a mask lets all be seen."""
    random = np.random.default_rng(0)
    high = {"uint8": 256, "int64": 50, "int16": 1000}
    found = {
        name: random.integers(0, high[one.dtype], (30, *one.shape)).astype(one.dtype)
        for name, one in signature.inputs.items()
    }
    if MASK in found:
        found[MASK][:] = 1
    return found


@pytest.mark.parametrize("name", TECHNIQUES)
def test_the_null_case_does_nothing(name: str, tiny: Data) -> None:
    techniques.null_case(registry.find("technique", name), *tried_on(name, tiny))


@pytest.mark.parametrize("name", TECHNIQUES)
def test_a_technique_repeats_itself_and_leaves_its_parent_alone(name: str, tiny: Data) -> None:
    techniques.repeats(registry.find("technique", name), *tried_on(name, tiny))


@pytest.mark.parametrize("name", TECHNIQUES)
def test_what_a_technique_makes_survives_export_and_checkpoint(name: str, tiny: Data) -> None:
    techniques.survives(registry.find("technique", name), *tried_on(name, tiny))


@pytest.mark.parametrize("name", registry.names("dataset"))
def test_a_dataset_that_is_here_loads_the_same_twice(name: str) -> None:
    plugin = registry.find("dataset", name)
    needed = [option for option, field in plugin.model_fields.items() if field.is_required()]
    if needed:
        pytest.skip(f"{name} needs {', '.join(needed)}")
    source = plugin()
    folder = Path(os.environ.get("COMPBENCH_DATA", "data"))
    if source.fingerprint(folder) is None:
        pytest.skip(f"{name} is not in {folder}")
    for check in datasets.CHECKS.values():
        check(source, folder)
