"""Nets of a user's own that know nothing of compbench: a class of modules, or a function."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from compbench.cli import listing
from compbench.contracts import describe_model, own_model
from compbench.errors import UserError
from compbench.registry import import_path
from compbench.suite import plan, read
from tests.nets import image_signature

NETS = """
import functools
import torch
from torch import nn
from own_parts import body

class Net(nn.Module):
    def __init__(self, num_classes, width: int = 8, sizes: tuple[int, ...] = (1, 2),
                 norm=nn.BatchNorm2d, dropout: float = 0.0, name="x"):
        super().__init__()
        self.sizes = sizes
        self.body = body(width)
        self.head = nn.Linear(width, num_classes)

    def forward(self, x):
        return self.head(self.body(x).mean((2, 3)))

def made(outputs, signature, width=4):
    assert signature.outputs == outputs
    return Net(outputs, width)

def of_classes(classes, **more):
    return Net(classes, **more)

def of_many(n_classes=10, width: "int | None" = None):
    return Net(n_classes, width or 3)

def needs(width, outputs):
    return Net(outputs, width)

def needs_name(name, outputs):
    return Net(outputs)

def not_a_net(outputs):
    return outputs

def raises(outputs):
    raise ZeroDivisionError("oh")

partial = functools.partial(Net, width=5)
number = 3
"""
PARTS = """
from torch import nn

def body(width):
    return nn.Sequential(nn.Conv2d(1, width, 3), nn.ReLU())
"""
SUITE = '[variants.mine]\ntechnique = "train"\nmodel = {0}\nepochs = 1\n'


pytestmark = pytest.mark.usefixtures("own_modules_forgotten")


@pytest.fixture
def load(tmp_path: Path, write_suite: Callable[[str], Path]) -> Callable[[str], read.Suite]:
    """A suite with a net of its own, in its file beside the suite."""
    (tmp_path / "own_nets.py").write_text(NETS)
    (tmp_path / "own_parts.py").write_text(PARTS)
    return lambda model: read.load(write_suite(SUITE.format(model)))


def built(suite: read.Suite) -> nn.Module:
    model = own_model(suite.variants["mine"].technique)
    assert model is not None
    return model.build(image_signature(1, 12, 12, classes=7))


WORKS = {
    "a class": ('"own_nets:Net"', 8),
    "its options": ('{ name = "own_nets:Net", width = 6, sizes = [3], dropout = 0.5 }', 6),
    "a function": ('"own_nets:made"', 4),
    "a function's options": ('{ name = "own_nets:made", width = 5 }', 5),
    "any option": ('{ name = "own_nets:of_classes", width = 5 }', 5),
    "a default of classes": ('"own_nets:of_many"', 3),
    "a required option": ('{ name = "own_nets:needs", width = 2 }', 2),
    "a partial": ('"own_nets:partial"', 5),
}


@pytest.mark.parametrize(("model", "width"), WORKS.values(), ids=WORKS)
def test_a_net_is_built_with_its_options_and_as_many_outputs_as_the_data_has(
    load: Callable[[str], read.Suite], model: str, width: int
) -> None:
    suite = load(model)
    net: Any = built(suite)
    assert net.head.weight.shape == (7, width)
    assert net(torch.zeros(2, 1, 12, 12)).shape == (2, 7)
    family: Any = suite.variants["mine"].root_model
    described = describe_model(family)
    again: Any = type(suite.variants["mine"].technique).model_validate({"model": described})
    assert again.model == suite.variants["mine"].root_model, "as a fresh process reads it"
    assert json.loads(json.dumps(described)) == described
    assert described["name"] == model.strip('"').partition('name = "')[2].partition('"')[0] or (
        described["name"] == model.strip('"')
    )


def test_options_come_in_their_types(load: Callable[[str], read.Suite]) -> None:
    net: Any = built(load('{ name = "own_nets:Net", sizes = [3, 4] }'))
    assert net.sizes == (3, 4)


REFUSED = {
    "a wrong option": (
        '{ name = "own_nets:Net", widht = 6 }',
        "no option 'widht'; did you mean 'w",
    ),
    "a wrong type": ('{ name = "own_nets:Net", width = "6" }', "'6' should be a number"),
    "one that no file can write": ('{ name = "own_nets:Net", norm = "x" }', "no option 'norm'"),
    "one that is missing": ('"own_nets:needs"', "needs 'width'"),
    "a word with a meaning": ('"own_nets:needs_name"', "needs an argument 'name', a word with a"),
    "a wrong name": ('"own_nets:Nett"', "has no class or function 'Nett'; did you mean 'Net'?"),
    "a wrong function": ('"own_nets:mades"', "did you mean 'made'?"),
    "a number": ('"own_nets:number"', "has no class or function 'number'"),
}


@pytest.mark.parametrize(("model", "message"), REFUSED.values(), ids=REFUSED)
def test_a_mistake_is_one_line(load: Callable[[str], read.Suite], model: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        load(model)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("file", ["own_nets.py", "own_parts.py"])
def test_its_code_and_its_helpers_are_part_of_the_key(
    load: Callable[[str], read.Suite], tmp_path: Path, file: str
) -> None:
    suite = load('"own_nets:made"')
    (before,) = plan.plan(suite, "d")
    assert {"own_nets", "own_parts"} <= {*before.parts["code"]}
    assert before.parts["model"] == {"name": "own_nets:made", "outputs": None, "width": 4}
    path = tmp_path / file
    path.write_text(path.read_text() + "\nmore = 1\n")
    (after,) = plan.plan(suite, "d")
    assert before.key != after.key


def test_it_can_be_described(load: Callable[[str], read.Suite], tmp_path: Path) -> None:
    load('"own_nets:Net"')
    with import_path.inside(str(tmp_path)):
        found = listing.entry("models", "own_nets:Net")
    assert [one.name for one in found.options] == ["num_classes", "width", "sizes", "dropout"]


def test_a_suite_without_such_a_net_imports_no_torch(write_suite: Callable[[str], Path]) -> None:
    path = write_suite('[variants.a]\ntechnique = "train"\nmodel = "mlp"\n')
    code = (
        "import sys\nfrom pathlib import Path\nfrom compbench.suite import read\n"
        f"read.load(Path({str(path)!r}))\n"
        "print(sorted({'torch', 'torchvision'} & {*sys.modules}))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "[]", result.stderr
