"""Nets for texts and sounds: what is filled up, what comes later, and free lengths in files."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from compbench.contracts import Input, ModelFamily, Normalisation, Signature
from compbench.make import checkpoint
from compbench.models import gpt, keyword_cnn, m5, text_cnn, transformer
from compbench.onnxfile.export import to_onnx
from compbench.registry import registry
from tests.fakes import cpu_session
from tests.nets import image_signature

LENGTH = 12
TEXTS = Signature(
    {
        "tokens": Input("int64", (LENGTH,), free_axes=(0,), values=30),
        "mask": Input("int64", (LENGTH,), free_axes=(0,), values=2),
    },
    3,
)
TEXT = Signature({"tokens": Input("int64", (LENGTH,), free_axes=(0,), values=30)}, 30)
SOUNDS = Signature(
    {"waveform": Input("int16", (4000,), Normalisation((0.0,), (1000.0,)), rate=8000)}, 3
)

FAMILIES: list[tuple[ModelFamily, Signature]] = [
    (text_cnn.Model(embedding=8, channels=6), TEXTS),
    (transformer.Model(width=16, heads=2), TEXTS),
    (gpt.Model(width=16, heads=2, layers=2), TEXT),
    (gpt.Model(width=16, heads=2, layers=1, tied=True), TEXT),
    (keyword_cnn.Model(channels=(4, 8, 8)), SOUNDS),
    (keyword_cnn.Model(channels=(4, 8), depthwise=True), SOUNDS),
    (m5.Model(channels=(4, 4, 8)), SOUNDS),
]
NAMES = ["text_cnn", "transformer", "gpt", "gpt_tied", "keyword_cnn", "keyword_cnn_depthwise", "m5"]
READERS = FAMILIES[:2]


def built(family: ModelFamily, signature: Signature) -> nn.Module:
    torch.manual_seed(0)
    return family.build(signature).eval()


def raw(signature: Signature, count: int = 5, length: int = LENGTH) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    if "waveform" in signature.inputs:
        return {"waveform": random.normal(0, 1000, (count, 4000)).astype(np.int16)}
    mask = (np.arange(length) < random.integers(2, length + 1, (count, 1))).astype(np.int64)
    tokens = random.integers(1, 30, (count, length)) * mask
    return {"tokens": tokens, "mask": mask} if "mask" in signature.inputs else {"tokens": tokens}


def of_net(net: nn.Module, signature: Signature, inputs: dict[str, np.ndarray]) -> np.ndarray:
    with torch.no_grad():
        return net(*map(torch.from_numpy, signature.prepared(inputs).values())).numpy()


@pytest.mark.parametrize(("family", "signature"), FAMILIES, ids=NAMES)
def test_files_and_checkpoints_give_the_same(family: ModelFamily, signature: Signature) -> None:
    net, inputs = built(family, signature), raw(signature)
    wanted = of_net(net, signature, inputs)
    assert wanted.shape[-1] == signature.outputs
    session = cpu_session(to_onnx(net, signature))
    session.bind(inputs)
    session.run()
    np.testing.assert_allclose(session.outputs(), wanted, atol=1e-4)
    loaded = checkpoint.from_bytes(checkpoint.to_bytes(net), family.build(signature))
    assert np.array_equal(of_net(loaded, signature, inputs), wanted)


@pytest.mark.parametrize(("family", "signature"), FAMILIES[:3], ids=NAMES[:3])
def test_files_take_texts_of_any_length(family: ModelFamily, signature: Signature) -> None:
    net, inputs = built(family, signature), raw(signature, length=5)
    session = cpu_session(to_onnx(net, signature))
    session.bind(inputs)
    session.run()
    np.testing.assert_allclose(session.outputs(), of_net(net, signature, inputs), atol=1e-4)


@pytest.mark.parametrize(("family", "signature"), READERS, ids=NAMES[:2])
def test_what_is_filled_up_changes_nothing(family: ModelFamily, signature: Signature) -> None:
    net, inputs = built(family, signature), raw(signature, length=6)
    longer = {name: np.pad(array, ((0, 0), (0, 6))) for name, array in inputs.items()}
    longer["tokens"][:, 6:] = 7  # whatever stands there
    np.testing.assert_allclose(
        of_net(net, signature, longer), of_net(net, signature, inputs), atol=1e-5
    )


def test_no_token_sees_those_after_it() -> None:
    net, inputs = built(FAMILIES[2][0], TEXT), raw(TEXT)
    changed = {"tokens": inputs["tokens"].copy()}
    changed["tokens"][:, 7:] = 3
    before, after = of_net(net, TEXT, inputs), of_net(net, TEXT, changed)
    np.testing.assert_allclose(after[:, :7], before[:, :7], atol=1e-5)
    assert not np.allclose(after[:, 7:], before[:, 7:], atol=1e-3)


@pytest.mark.parametrize("name", ["text_cnn", "transformer", "gpt", "keyword_cnn", "m5"])
def test_other_inputs_are_refused_by_name(name: str) -> None:
    family = registry.find("model", name)()
    with pytest.raises(ValueError, match=r"it takes (tokens|waveform).*pixels uint8"):
        family.build(image_signature(1, 28, 28))


def test_a_sound_that_is_too_short_is_refused() -> None:
    short = Signature({"waveform": Input("float32", (300,), rate=8000)}, 3)
    with pytest.raises(ValueError, match="leave nothing of 1 frames"):
        keyword_cnn.Model().build(short)
    with pytest.raises(ValueError, match="leave nothing of 56 places in 300 samples"):
        m5.Model().build(short)


def test_options_that_do_not_go_together() -> None:
    with pytest.raises(ValueError, match="no multiple of heads"):
        transformer.Model(width=10, heads=4)
    with pytest.raises(ValueError, match="should be odd numbers"):
        text_cnn.Model(widths=(2,))
