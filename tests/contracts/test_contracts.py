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
    DatasetSource,
    ModelFamily,
    Split,
    TechniqueBase,
    TrainingData,
)
from compbench.contracts.inputs import PIXELS
from compbench.data.splits import Data
from compbench.doctor import datasets, nets, techniques
from compbench.doctor.subject import Subject
from compbench.errors import UserError
from compbench.models import cnn
from compbench.onnxfile import size
from compbench.registry import registry
from compbench.tasks import classification
from tests.nets import file_outputs, image_signature

TECHNIQUES = registry.names("technique")
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
    family: Any = registry.find("model", name)
    if any(field.is_required() for field in family.model_fields.values()):
        pytest.skip(f"{name} needs options: tests/models")
    images = np.random.default_rng(0).integers(0, 256, (30, 1, 28, 28), np.uint8)
    split = Split({PIXELS: images}, np.arange(30) % 10)
    training = TrainingData(split, split, classification.Task(), image_signature(1, 28, 28, 10))
    data = Data(training, split)
    tried = Subject(
        lambda: family().build(data.signature), data, lambda file: file_outputs(file, data)
    )
    for check in nets.CHECKS.values():
        check(tried)
    counted = size.measure(tried.file).parameters
    every = sum(p.numel() for p in tried.net.parameters())
    norms = [m for m in tried.net.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    # the exporter folds a batch normalization's two parameters of each channel into a convolution
    folded = 2 * sum(norm.num_features for norm in norms)
    assert counted is not None
    assert every - folded <= counted <= every


@pytest.mark.parametrize("name", TECHNIQUES)
def test_the_null_case_does_nothing(name: str, tiny: Data) -> None:
    techniques.null_case(registry.find("technique", name), subject(tiny), "mlp")


@pytest.mark.parametrize("name", TECHNIQUES)
def test_a_technique_repeats_itself_and_leaves_its_parent_alone(name: str, tiny: Data) -> None:
    techniques.repeats(registry.find("technique", name), subject(tiny), "mlp")


@pytest.mark.parametrize("name", TECHNIQUES)
def test_what_a_technique_makes_survives_export_and_checkpoint(name: str, tiny: Data) -> None:
    techniques.survives(registry.find("technique", name), subject(tiny), "mlp")


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
