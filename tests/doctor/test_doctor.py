"""`compbench doctor` on nets, techniques and datasets of a user's own: what works, what fails."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from compbench.cli import main
from compbench.contracts import NullCase, OnnxTechnique, TechniqueBase, TorchTechnique, kinds
from compbench.data.splits import Data
from compbench.doctor import examination, techniques
from compbench.doctor.subject import few, refuse_difference
from compbench.doctor.techniques import Attempt
from compbench.errors import JobFailed, UserError
from compbench.tasks import classification
from tests.contracts import test_contracts as contracts

NETS = """
from torch import nn

class Net(nn.Module):
    def __init__(self, outputs, width: int = 4):
        super().__init__()
        self.hidden, self.head = nn.Linear(784, width), nn.Linear(width, outputs)

    def forward(self, x):
        return self.head(self.hidden(x.flatten(1)).relu())

class Wide(Net):
    def forward(self, x):
        return self.hidden(x.flatten(1))

class Random(Net):
    def __init__(self, outputs):
        import os
        super().__init__(outputs)
        self.hidden.bias.data += int.from_bytes(os.urandom(2), "big")

class Branches(Net):
    def forward(self, x):
        if x.sum() > 0:
            x = x * 2
        return super().forward(x)
"""
DATASET = """
from pathlib import Path
import numpy as np
from compbench.contracts import DatasetSource, Samples

class Dataset(DatasetSource):
    classes = 2

    def fingerprint(self, data_dir):
        return "mine"

    def load(self, data_dir):
        images = np.random.default_rng(SEED).integers(0, 256, (80, 1, 28, 28), np.uint8)
        return Samples.of_images(images, np.arange(80) % 2)
"""
TASK = """
from compbench.tasks import classification

class Task(classification.Task):
    def loss(self, outputs, targets):
        raise ValueError("of the suite's own task")
"""
SUITE = 'dataset = "own_data:Dataset"\n[variants.a]\ntechnique = "train"\nmodel = "own_net:Net"\n'
Doctor = Callable[..., tuple[dict[str, dict[str, str]], Any]]


pytestmark = pytest.mark.usefixtures("own_modules_forgotten")


@pytest.fixture
def doctor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Doctor:
    """What the command says by check, and its exit code; only two techniques are tried."""
    (tmp_path / "own_net.py").write_text(NETS)
    (tmp_path / "own_data.py").write_text(DATASET.replace("SEED", "0"))
    (tmp_path / "own_noise.py").write_text(DATASET.replace("SEED", ""))
    (tmp_path / "mine.toml").write_text(SUITE)
    known = examination.registry.names
    few_of = {"technique": ("load", "prune_weights", "quantize_dynamic", "train")}
    monkeypatch.setattr(examination.registry, "names", lambda kind: few_of.get(kind) or known(kind))

    def call(*arguments: str) -> tuple[dict[str, dict[str, str]], Any]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["compbench", "doctor", *arguments, "--json"])
        code: Any = 0
        try:
            main.main()
        except SystemExit as stopped:
            code = stopped.code
        said = capsys.readouterr()
        found = json.loads(said.out) if said.out else []
        return {one["check"]: one for one in found}, said.err if code == 2 else code or 0

    return call


def test_a_net_that_works(doctor: Doctor) -> None:
    found, code = doctor('{ name = "own_net:Net", width = 5 }', "--dataset", "digits")
    assert {one["status"] for one in found.values()} == {"works"}, found
    assert {"trains", "prune_weights", "quantize_dynamic", "train"} < {*found}
    assert code == 0


def test_a_suite_s_task_is_what_a_net_is_tried_with(doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / "own_task.py").write_text(TASK)
    (tmp_path / "mine.toml").write_text(f'task = "own_task:Task"\n{SUITE}')
    found, code = doctor("own_net:Net", "--suite", "mine.toml")
    assert "of the suite's own task" in found["trains"]["said"]
    assert code == 1


FAULTS = {
    "Wide": ("takes the inputs and gives the outputs", "logits are (2, 4), not (2, 2)"),
    "Random": ("is the same for the same seed", "built twice with one seed"),
    "Branches": ("exports, with the same outputs", ""),
}


@pytest.mark.parametrize(("name", "check", "reason"), [(n, *f) for n, f in FAULTS.items()])
def test_a_net_that_does_not(doctor: Doctor, name: str, check: str, reason: str) -> None:
    found, code = doctor(f"own_net:{name}", "--suite", "mine.toml")
    assert found[check]["status"] == "fails"
    assert reason in found[check]["said"] and "\n" not in found[check]["said"]
    assert code == 1


@pytest.mark.parametrize(("name", "code"), [("own_data:Dataset", 0), ("own_noise:Dataset", 1)])
def test_a_dataset(doctor: Doctor, name: str, code: int) -> None:
    found, ended = doctor(name)
    assert ended == code
    assert found["loads the same twice"]["status"] == ("fails" if code else "works")


def test_a_technique(doctor: Doctor) -> None:
    found, code = doctor("examples.adding.technique:Technique", "--model", "own_net:Net")
    assert code == 0 and {one["status"] for one in found.values()} == {"works"}


MISTAKES = {
    "load": "'load' brings a model of its own, which only a suite can name",
    "mpl": "there is no model, technique or dataset 'mpl'; did you mean 'mlp'?",
    "own_net:Nett": "has no class or function 'Nett'; did you mean 'Net'?",
    '{ name = "own_net:Net", widht = 3 }': "has no option 'widht'; did you mean 'width'?",
    "{ width = 3 }": "has no name",
    "{ width = ": "is no table of TOML",
}


@pytest.mark.parametrize(("name", "message"), MISTAKES.items())
def test_a_mistake_is_one_line(doctor: Doctor, name: str, message: str) -> None:
    _, said = doctor(name)
    assert message in said and said.count("\n") == 1


class Nothing(TorchTechnique):
    null_case = NullCase({})

    def build(self, parents, data, fit):
        import copy

        return copy.deepcopy(parents[0])


class Spoils(TorchTechnique):
    null_case = NullCase({})

    def build(self, parents, data, fit):
        with torch.no_grad():
            next(parents[0].parameters()).mul_(2)
        return parents[0]


class Stops(TorchTechnique):
    null_case = NullCase({})

    def build(self, parents, data, fit):
        raise ValueError("the layer '0' is not for me")


class Breaks(OnnxTechnique):
    null_case = NullCase({})

    def rewrite(self, parent, data):
        raise ZeroDivisionError


class SaysSo(Nothing):
    def build(self, parents, data, fit):
        fit.note("no layer is large enough")
        return super().build(parents, data, fit)


class Warns(OnnxTechnique):
    """Writes the same graph again, with other metadata and names, and warns of something."""

    null_case = NullCase({})

    def rewrite(self, parent, data):
        warnings.warn("the file is old", stacklevel=1)
        model = onnx.load_from_string(parent)
        model.producer_name = "another"
        model.graph.node[0].name = "first"
        return model.SerializeToString()


class Blurs(OnnxTechnique):
    """Weights with noise of so many times their own size."""

    null_case = NullCase({})
    noise: float = 0.0

    def rewrite(self, parent, data):
        model = onnx.load_from_string(parent)
        random = np.random.default_rng(0)
        for weight in model.graph.initializer:
            if weight.data_type == onnx.TensorProto.FLOAT:
                array = numpy_helper.to_array(weight)
                noise = random.normal(0, 1, array.shape) * np.abs(array).mean()
                changed = (array + self.noise * noise).astype(np.float32)
                weight.CopyFrom(numpy_helper.from_array(changed, weight.name))
        return model.SerializeToString()


class Zeroes(OnnxTechnique):
    """As a broken exporter might."""

    null_case = NullCase({})

    def rewrite(self, parent, data):
        model = onnx.load_from_string(parent)
        weight = max(model.graph.initializer, key=lambda one: int(np.prod(one.dims)))
        zeros = np.zeros_like(numpy_helper.to_array(weight))
        weight.CopyFrom(numpy_helper.from_array(zeros, weight.name))
        return model.SerializeToString()


ATTEMPTS = {
    Nothing: ("fails", "it changes nothing, and does not say so"),
    SaysSo: ("changed nothing", "no layer is large enough"),
    Warns: ("changed nothing", "the file is old"),
    partial(Blurs, noise=1e-2): ("works", ""),
    partial(Blurs, noise=2.0): ("deviates", "of their spread from its parent's"),
    Zeroes: ("deviates", "of their spread from its parent's"),
    Spoils: ("fails", "it changes its parent"),
    Stops: ("refuses", "the layer '0' is not for me"),
    Breaks: ("fails", "ZeroDivisionError"),
}


@pytest.mark.parametrize(("plugin", "found"), ATTEMPTS.items())
def test_what_came_of_a_technique(
    plugin: Callable[[], TechniqueBase], found: tuple[str, str], tiny: Data
) -> None:
    attempt = techniques.attempt(plugin(), contracts.subject(tiny))
    assert attempt.status == found[0] and found[1] in attempt.said
    assert attempt.said or attempt.status == "works"


@pytest.mark.filterwarnings("ignore:the file is old")
@pytest.mark.parametrize("plugin", [Nothing, SaysSo, Warns])
def test_a_technique_must_change_something(plugin: type[TechniqueBase], tiny: Data) -> None:
    with pytest.raises(JobFailed, match="it changes nothing"):
        techniques.repeats(plugin, contracts.subject(tiny), "mlp")


@pytest.mark.parametrize(("share", "is_refused"), [(1e-4, False), (0.1, True)])
@pytest.mark.parametrize("scale", [1e-10, 1e-5])
def test_a_file_of_tiny_outputs_is_its_module_s_too(
    scale: float, share: float, is_refused: bool
) -> None:
    """An absolute limit would let any file pass for a net whose outputs are smaller than it."""
    reference = np.random.default_rng(0).normal(0, scale, (60, 3)).astype(np.float32)
    found = (reference * (1 + share)).astype(np.float32)
    with pytest.raises(JobFailed, match="from torch's") if is_refused else nullcontext():
        refuse_difference(reference, found, classification.Task())


def test_what_says_that_it_changed_nothing_is_no_failure(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(techniques, "attempt", lambda *_: Attempt("changed nothing", "as it was"))
    found, code = doctor("own_net:Net", "--suite", "mine.toml")
    assert code == 0
    assert found["train"] == {"check": "train", "status": "changed nothing", "said": "as it was"}


def test_few_samples_are_of_all_classes(tiny: Data) -> None:
    order = tiny.training.train.targets.argsort(kind="stable")
    assert len({*order.tolist()}) == 96
    assert {*few(tiny).training.train.targets.tolist()} == {0, 1, 2}


def test_a_name_of_each_kind_is_known() -> None:
    assert [examination.kind_of(n) for n in ("cnn", "train", "digits", "torchvision:resnet18")] == [
        *("model", "technique", "dataset", "model")
    ]
    with pytest.raises(UserError, match="did you mean"):
        examination.kind_of("digit")


def test_every_technique_can_be_tried_on_a_net() -> None:
    """Those that need more than a net are left out, by their parents alone."""
    for name in examination.registry.names("technique"):
        plugin = kinds.technique(name)
        if plugin.parents[1]:
            kinds.made_technique(name, techniques.options(plugin, "mlp", {"epochs": 1}))
