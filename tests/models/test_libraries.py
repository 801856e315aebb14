"""Nets of torchvision, timm and transformers by their names there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from compbench.contracts import Input, ModelFamily, Signature, describe_model
from compbench.contracts.inputs import MASK, TOKENS
from compbench.contracts.model import made_model
from compbench.data.torchvision import torchvision
from compbench.errors import UserError
from compbench.registry import registry
from compbench.suite import plan, read
from compbench.toolkit.stem import small_stem
from tests.nets import image_signature

GREY, COLOUR = image_signature(1, 32, 32, 7), image_signature(3, 32, 32, 7)


def built(table: str | dict[str, Any], signature: Signature = GREY) -> nn.Module:
    torch.manual_seed(0)
    return made_model(table).build(signature).eval()


def halvings(net: nn.Module) -> float:
    """How much smaller the first pictures that a second convolution gets are."""
    sizes: list[int] = []
    handles = [
        m.register_forward_pre_hook(lambda _, given: sizes.append(given[0].shape[-1]))
        for m in net.modules()
        if isinstance(m, nn.Conv2d)
    ]
    net(torch.zeros(1, 1, 32, 32))
    for handle in handles:
        handle.remove()
    return 32 / sizes[1]


@pytest.mark.parametrize(
    "net", ["resnet18", "mobilenet_v3_small", "shufflenet_v2_x0_5", "densenet121", "squeezenet1_1"]
)
def test_a_small_stem_keeps_the_size_of_the_image(net: str) -> None:
    published, small = (
        built({"name": f"torchvision:{net}", "stem": stem}) for stem in ("as_published", "small")
    )
    assert halvings(published) >= 2 and halvings(small) == 1
    assert small(torch.zeros(2, 1, 32, 32)).shape == (2, 7)


def test_a_small_resnet_begins_as_those_for_cifar_do() -> None:
    net: Any = built({"name": "torchvision:resnet18", "stem": "small"}, COLOUR)
    assert (net.conv1.kernel_size, net.conv1.stride, net.conv1.padding) == ((3, 3), (1, 1), (1, 1))
    assert isinstance(net.maxpool, nn.Identity)


def test_without_options_it_is_torchvision_s_own() -> None:
    torch.manual_seed(0)
    own = torchvision("models").mobilenet_v3_small(num_classes=7)
    found = built("torchvision:mobilenet_v3_small", COLOUR)
    for (name, one), (other_name, other) in zip(
        own.state_dict().items(), found.state_dict().items(), strict=True
    ):
        assert name == other_name and torch.equal(one, other)


def test_a_transformer_takes_the_size_of_the_images() -> None:
    assert built("torchvision:vit_b_32", COLOUR)(torch.zeros(2, 3, 32, 32)).shape == (2, 7)


MISTAKES = {
    "torchvision:resnet19": "torchvision has no net 'resnet19'; did you mean 'resnet18'?",
    "torchvision": "needs 'net'",
    "torchvision:": "torchvision has no net ''",
    "torchvision:fasterrcnn_resnet50_fpn": "torchvision has no net",
}


@pytest.mark.parametrize(("name", "message"), MISTAKES.items())
def test_a_wrong_name_is_one_line(name: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        made_model(name)
    assert message in str(error.value)


def test_a_net_is_named_once() -> None:
    with pytest.raises(UserError, match="names the net already"):
        made_model({"name": "torchvision:resnet18", "net": "resnet34"})
    with pytest.raises(UserError, match="no option 'stm'; did you mean 'stem'"):
        made_model({"name": "torchvision:resnet18", "stm": "small"})


@pytest.mark.parametrize("net", ["vit_b_16", "convnext_tiny"])
def test_patches_have_no_small_stem(net: str) -> None:
    with pytest.raises(ValueError, match="begins with patches of"):
        built({"name": f"torchvision:{net}", "stem": "small"}, COLOUR)


def test_what_changes_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="has a small stem as it is published"):
        small_stem(nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3), nn.MaxPool2d(2)), "it")


def test_both_ways_to_write_it_are_one(write_suite: Callable[[str], Path]) -> None:
    whole = made_model({"name": "torchvision", "net": "resnet18"})
    assert made_model("torchvision:resnet18") == whole
    assert made_model(describe_model(whole)) == whole
    text = '[variants.a]\ntechnique = "train"\nmodel = "torchvision:resnet18"\n'
    (job,) = plan.plan(read.load(write_suite(text)), "d")
    assert job.parts["model"] == describe_model(whole)
    assert "torchvision" in job.parts["libraries"]
    assert "compbench.toolkit.stem" in job.parts["code"]


@pytest.mark.parametrize("name", ["timm", "transformers"])
def test_a_missing_library_names_the_extra(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "versions", lambda libraries: {"torch": "2"})
    with pytest.raises(UserError, match=rf"needs {name}, .*: pip install 'compbench\[{name}\]'"):
        made_model(f"{name}:x")


def test_timm_s_nets_take_channels_and_sizes() -> None:
    torchvision("models")
    pytest.importorskip("timm")
    for name in ("mobilenetv3_small_050", "vit_tiny_patch16_224"):
        assert built(f"timm:{name}")(torch.zeros(2, 1, 32, 32)).shape == (2, 7)
    small = built({"name": "timm:mobilenetv3_small_050", "stem": "small"})
    assert halvings(small) == 1
    with pytest.raises(UserError, match="timm has no net 'mobilenetv3_smal_050'; did you mean"):
        made_model("timm:mobilenetv3_smal_050")


TEXTS = Signature({TOKENS: Input("int64", (8,)), MASK: Input("int64", (8,))}, 3)


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    """A very small BERT as its library saves it."""
    torchvision("models")
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(1)
    config = transformers.BertConfig(
        vocab_size=30,
        hidden_size=8,
        num_hidden_layers=4,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=16,
    )
    transformers.BertModel(config).save_pretrained(tmp_path / "bert")
    return tmp_path / "bert"


def test_an_encoder_comes_with_its_weights_and_a_new_head(encoder: Path) -> None:
    net: Any = built(f"transformers:{encoder}", TEXTS)
    tokens = torch.from_numpy(np.random.default_rng(0).integers(0, 30, (5, 8)))
    mask = torch.ones_like(tokens)
    mask[:, 6:] = 0
    given = net(tokens, mask)
    assert given.shape == (5, 3)
    assert torch.equal(given, net(tokens * mask, mask)), "what is masked does not count"
    assert TEXTS.taken_by(net) == (TOKENS, MASK)
    assert len(net.encoder.bert.encoder.layer) == 4
    again = built(f"transformers:{encoder}", TEXTS)
    assert torch.equal(given, again(tokens, mask))
    half: Any = built({"name": f"transformers:{encoder}", "layers": [1, 3]}, TEXTS)
    for kept, layer in zip((1, 3), half.encoder.bert.encoder.layer, strict=True):
        whole = net.encoder.bert.encoder.layer[kept].state_dict()
        assert all(torch.equal(whole[name], t) for name, t in layer.state_dict().items())
    with pytest.raises(ValueError, match=r"layers = \[4\]: .* has 4 blocks .* counted from 0"):
        built({"name": f"transformers:{encoder}", "layers": [4]}, TEXTS)
    with pytest.raises(ValueError, match="it takes tokens"):
        built(f"transformers:{encoder}", GREY)


def test_other_weights_are_another_model(encoder: Path) -> None:
    before = made_model(f"transformers:{encoder}")
    config = encoder / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"hidden_act": "relu"}))
    after = made_model(f"transformers:{encoder}")
    assert describe_model(before) != describe_model(after)
    with pytest.raises(UserError, match="has the digest"):
        made_model(describe_model(before))
    (encoder / "model.safetensors").unlink()
    with pytest.raises(UserError, match="has no weights as safetensors"):
        made_model(f"transformers:{encoder}")


def test_every_model_file_is_a_family() -> None:
    for name in ("torchvision", "timm", "transformers"):
        assert name in registry.names("model")
    family = registry.find("model", "torchvision")
    assert issubclass(family, ModelFamily) and family.takes_names
