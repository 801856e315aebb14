"""Any chain in a sensible order: its file is valid, and computes what was validated."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from torch import nn

from compbench.contracts import OnnxTechnique, Recipe, TorchTechnique
from compbench.data.splits import Data
from compbench.errors import JobFailed, UserError
from compbench.make import checkpoint
from compbench.models import resnet8
from compbench.onnxfile.export import to_onnx
from compbench.registry import registry
from compbench.suite.variants import Variant, read_variants
from compbench.training.loop import Fit
from tests.nets import file_outputs, image_signature, net_outputs, parity

SIGNATURE = image_signature(1, 12, 12)
STEPS = {
    "train": {"epochs": 1},
    "prune_channels": {"ratio": 0.5, "round_to": 2, "epochs": 1},
    "prune_weights": {"ratio": 0.6, "epochs": 1},
    "low_rank": {"ratio": 0.5, "epochs": 1},
    "cluster_weights": {"bits": 3, "epochs": 1},
}
LAST = ("quantize_static", "quantize_dynamic", "quantize_weights", "float16")
ROOT = {"technique": "train", "model": "resnet8", "epochs": 1}
FAMILY = resnet8.Model(width=8)
ORDERS = list(itertools.permutations(STEPS, 3))


def chain(*steps: str) -> dict[str, Variant]:
    """The variants of a chain from a root. Raises UserError where it makes no sense."""
    tables = {"v0": ROOT}
    for number, step in enumerate(steps):
        options = {"technique": step, "parent": f"v{number}", **STEPS.get(step, {})}
        tables[f"v{number + 1}"] = options
    return read_variants(tables)


def makes_sense(order: tuple[str, ...]) -> bool:
    """Nothing is fitted after weights were shared, no factors are made of zeros."""
    if "cluster_weights" in order[:-1]:
        return False
    pair = ("prune_weights", "low_rank")
    return not (set(pair) <= set(order) and order.index(pair[0]) < order.index(pair[1]))


def follow(module: nn.Module, step: str, data: Data) -> nn.Module:
    technique = registry.find("technique", step)(**STEPS[step])
    assert isinstance(technique, TorchTechnique)
    return technique.build([module], data.training, Fit(data.training, 0, lambda *_: None))


@pytest.fixture(scope="module")
def root(tiny: Data) -> nn.Module:
    torch.manual_seed(0)
    recipe = Recipe(epochs=10, batch_size=16, learning_rate=5e-3)
    return Fit(tiny.training, 0, lambda *_: None)(FAMILY.build(SIGNATURE), recipe)


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
def test_an_order_is_refused_if_it_makes_no_sense(order: tuple[str, ...]) -> None:
    if makes_sense(order):
        assert len(chain(*order)) == 4
        return
    with pytest.raises(UserError, match=r"would undo the (zeros|shared weights) of"):
        chain(*order)


@pytest.mark.slow
@pytest.mark.parametrize("order", [o for o in ORDERS if makes_sense(o)][::2], ids="-".join)
def test_every_chain_gives_files_that_agree_with_their_modules(
    order: tuple[str, ...], root: nn.Module, tiny: Data, tmp_path: Path
) -> None:
    module = root
    for step in order:
        module = follow(module, step, tiny)
        (tmp_path / "c").write_bytes(checkpoint.to_bytes(module))
        module = checkpoint.load(str(tmp_path / "c"), FAMILY.build(SIGNATURE))
    file = to_onnx(module, SIGNATURE)
    onnx.checker.check_model(onnx.load_model_from_string(file), full_check=True)
    reference = net_outputs(module, tiny)
    found = parity(reference, file_outputs(file, tiny))
    assert found.max_abs_difference <= 1e-4
    for step in LAST:
        technique = registry.find("technique", step)()
        assert isinstance(technique, OnnxTechnique)
        if step == "quantize_weights" and "prune_channels" in order:
            with pytest.raises(JobFailed, match="nothing was made smaller"):
                technique.rewrite(file, tiny.training)  # its one linear layer is too small
            continue
        last = technique.rewrite(file, tiny.training)
        onnx.checker.check_model(onnx.load_model_from_string(last), full_check=True)
        rounded = file_outputs(last, tiny)
        assert parity(reference, rounded).agreement >= 0.9, step


def test_zeros_come_through_a_whole_chain(root: nn.Module, tiny: Data) -> None:
    module = root
    for step in ("prune_channels", "prune_weights", "cluster_weights"):
        module = follow(module, step, tiny)
    zeros = {
        name: int((weight == 0).sum())
        for name, weight in module.named_parameters()
        if name.endswith("weight") and weight.ndim > 1
    }
    file = onnx.load_model_from_string(to_onnx(module, SIGNATURE))
    in_file = {
        w.name: int((numpy_helper.to_array(w) == 0).sum())
        for w in file.graph.initializer
        if w.name in zeros
    }
    assert in_file == zeros
    assert sum(zeros.values()) == pytest.approx(
        0.6 * sum(np.prod(p.shape) for n, p in module.named_parameters() if n in zeros), rel=0.02
    )
