from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from compbench.contracts import Net
from compbench.contracts.arguments import embedded
from compbench.contracts.inputs import MASK, TOKENS, Input, Signature
from compbench.models import cnn, mlp, resnet8, transformer
from compbench.toolkit.layer_pairs import by_depth, corresponding, embeddings
from tests.nets import image_signature

IMAGES = image_signature(1, 12, 12)
TEXTS = Signature({one: Input("int64", (6,), values=50) for one in (TOKENS, MASK)}, 3)


def images(family: Any, size: int = 12) -> Net:
    signature = image_signature(1, size, size)
    return Net(family.build(signature).eval(), (torch.randn(2, 1, size, size),))


def texts(layers: int, width: int) -> Net:
    net = transformer.Model(layers=layers, width=width, heads=2).build(TEXTS).eval()
    given = {TOKENS: torch.randint(50, (2, 6)), MASK: torch.ones(2, 6, dtype=torch.int64)}
    return Net(net, tuple(given[name] for name in TEXTS.taken_by(net)))


def gives(net: Net, name: str) -> tuple[int, ...]:
    found: list[tuple[int, ...]] = []
    layer = net.module.get_submodule(name)
    hook = layer.register_forward_hook(lambda _, __, out: found.append(tuple(out.shape[1:])))
    net.module(*net.example)
    hook.remove()
    return found[-1]


def test_nets_of_images_are_paired_by_their_sizes() -> None:
    wide, narrow = (images(cnn.Model(channels=c)) for c in ((8, 16), (4, 4)))
    found = corresponding(wide, narrow)
    assert found == [("1", "1"), ("4", "4"), ("5", "5")]
    assert [gives(wide, one)[1:] for one, _ in found] == [gives(narrow, o)[1:] for _, o in found]


def test_a_residual_net_is_paired_where_its_stages_end() -> None:
    teacher, student = images(resnet8.Model()), images(cnn.Model(channels=(4, 4)))
    for one, other in corresponding(teacher, student):
        assert gives(teacher, one)[1:] == gives(student, other)[1:]


def test_images_of_other_sizes_are_paired_by_depth() -> None:
    def net(*strides: int) -> Net:
        layers = [nn.Conv2d(1, 1, 3, stride) for stride in strides]
        return Net(nn.Sequential(*layers, nn.Flatten()), (torch.randn(2, 1, 40, 40),))

    assert corresponding(net(2, 1, 2, 1), net(3, 3)) == [("1", "0"), ("3", "1")]


def test_blocks_of_transformers_are_paired_by_depth() -> None:
    found = corresponding(texts(6, 8), texts(3, 4))
    assert [one.rpartition(".")[2] for one, _ in found] == ["1", "3", "5"]
    assert [other.rpartition(".")[2] for _, other in found] == ["0", "1", "2"]


def test_layers_of_vectors_are_paired_by_depth() -> None:
    deep, flat = images(mlp.Model(hidden=(8, 8, 6))), images(mlp.Model(hidden=(4,)))
    ((one, other),) = corresponding(deep, flat)
    assert gives(deep, one) == (6,)
    assert gives(flat, other) == (4,)


def test_nets_without_a_kind_of_layer_alike_are_refused() -> None:
    with pytest.raises(ValueError, match="no layers of the two nets are found to correspond"):
        corresponding(texts(2, 8), images(cnn.Model(channels=(4, 4))))


@pytest.mark.parametrize(
    ("teacher", "student", "expected"),
    [
        ("abcd", "xy", [("b", "x"), ("d", "y")]),
        ("abc", "xyz", [("a", "x"), ("b", "y"), ("c", "z")]),
        ("abc", "xy", [("b", "x"), ("c", "y")]),
        ("ab", "wxyz", [("a", "x"), ("b", "z")]),
        ("a", "xyz", [("a", "z")]),
    ],
)
def test_by_depth_the_last_are_paired(
    teacher: str, student: str, expected: list[tuple[str, str]]
) -> None:
    assert by_depth([*teacher], [*student]) == expected


@pytest.mark.parametrize("family", [cnn.Model(channels=(4, 8)), mlp.Model(hidden=(9,))])
def test_an_embedding_is_what_the_last_layer_gets(family: Any) -> None:
    net = images(family)
    ((name, _),) = embeddings(net, net)
    last = [m for m in net.module.modules() if isinstance(m, nn.Linear)][-1]
    assert gives(net, name) == (last.in_features,)


def test_a_net_of_one_layer_has_no_embedding() -> None:
    net = Net(nn.Sequential(nn.Linear(3, 2)), (torch.randn(2, 3),))
    with pytest.raises(ValueError, match="the teacher has no layer before its last one"):
        embeddings(net, net)


def test_what_layers_give_becomes_vectors() -> None:
    assert embedded(torch.ones(2, 3, 4, 5)).shape == (2, 3)
    assert embedded(torch.ones(2, 7, 5)).shape == (2, 5)
    assert embedded(torch.ones(2, 6)).shape == (2, 6)
