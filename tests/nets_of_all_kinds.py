"""One small net for every kind of torch module that makes sense for images of (1, 12, 12)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from compbench.contracts import ModelFamily, Signature

CLASSES = 3


def net(*layers: nn.Module) -> nn.Module:
    """These layers, and a linear one that gives the logits."""
    body = nn.Sequential(*layers, nn.Flatten())
    with torch.no_grad():
        width = body.eval()(torch.zeros(1, 1, 12, 12)).shape[1]
    return nn.Sequential(body, nn.Linear(width, CLASSES))


class Apply(nn.Module):
    """A function of the images as a layer."""

    def __init__(self, what: str, *arguments: int):
        super().__init__()
        self.what, self.arguments = what, arguments

    def forward(self, x: Tensor) -> Tensor:
        return getattr(x, self.what)(*self.arguments)


class First(nn.Module):
    """The first of what a recurrent or attention layer gives."""

    def __init__(self, layer: nn.Module, times: int = 1):
        super().__init__()
        self.layer, self.times = layer, times

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(*[x] * self.times)[0]


class HeadFirst(nn.Module):
    """The layer that gives the logits is defined before the others."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(32, CLASSES)
        self.conv = nn.Conv2d(1, 8, 3, stride=4, padding_mode="reflect", padding=1)
        self.hidden = nn.Linear(72, 32)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.hidden(self.conv(x).relu().flatten(1)).relu()) * 2


class Own(nn.Module):
    """Weights, a list of them, an unsaved buffer, plain attributes and a tensor that is none."""

    def __init__(self) -> None:
        super().__init__()
        self.scale, self.sizes, self.names = 0.5, (2, [3.0, None]), {"a": torch.float32}
        self.hidden = nn.Linear(144, 16)
        self.mix = nn.Parameter(torch.randn(16, 16))
        self.bias = nn.ParameterList(torch.randn(16) for _ in range(2))
        self.by_name = nn.ParameterDict({"gain": torch.randn(16)})
        self.register_buffer("shift", torch.randn(16), persistent=False)
        self.register_buffer("absent", None)
        self.noise = torch.randn(16)
        self.head = nn.Linear(16, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.hidden(x.flatten(1)).relu() @ self.mix * self.scale + self.bias[0] + self.bias[1]
        return self.head(x * self.by_name["gain"] + self.shift + self.noise)


class RawHead(nn.Module):
    """The weights that give the logits are no layer's, but the net's own."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(16, CLASSES))
        self.hidden = nn.Linear(144, 16)

    def forward(self, x: Tensor) -> Tensor:
        return self.hidden(x.flatten(1)).relu() @ self.weight


class Tied(nn.Module):
    """Two layers with one weight, and one layer that stands in two places."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(144, 16)
        self.one, self.other = nn.Linear(16, 16), nn.Linear(16, 16)
        self.other.weight = self.one.weight
        self.again = self.first
        self.twice = nn.ModuleList([nn.Linear(16, 16)] * 2)
        self.head = nn.Linear(16, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.other(self.one(self.again(x.flatten(1)).relu()).relu()).relu()
        return self.head(self.twice[1](self.twice[0](x).relu()).relu())


class Embedded(nn.Module):
    """Pixels as tokens, whose embedding is also a layer's weight."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(8, 16)
        self.back = nn.Linear(16, 8, bias=False)
        self.back.weight = self.embedding.weight
        self.head = nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        tokens = (x.flatten(1) * 2 + 4).long().clamp(0, 7)
        return self.head(self.back(self.embedding(tokens).mean(1)).relu())


class Convolutional(nn.Module):
    """A convolution gives the logits."""

    def __init__(self) -> None:
        super().__init__()
        self.classify = nn.Conv2d(8, CLASSES, 1)
        self.features = nn.Conv2d(1, 8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.classify(self.features(x).relu()).mean((2, 3))


def frozen() -> nn.Module:
    model = net(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3))
    model[0][0].requires_grad_(False)  # type: ignore[index]
    return model


def lazy() -> nn.Module:
    return nn.Sequential(nn.LazyConv2d(8, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(3))


def old_weight_norm() -> nn.Module:
    return net(nn.utils.spectral_norm(nn.Conv2d(1, 8, 3)), nn.ReLU(), nn.Conv2d(8, 8, 3))


def weight_norm() -> nn.Module:
    layer = parametrizations.weight_norm(nn.Linear(144, 16))
    return net(nn.Flatten(), layer, nn.ReLU(), nn.Linear(16, 16))


def encoder(**settings) -> nn.Module:
    layer = nn.TransformerEncoderLayer(12, 2, 16, batch_first=True, **settings)
    return net(Apply("squeeze", 1), layer, nn.Linear(12, 12))


def conv(**settings) -> nn.Module:
    layers = (nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Conv2d(8, 16, 3, **settings), nn.ReLU())
    return net(*layers, nn.Conv2d(16, 8, 3, padding="same", **_mode(settings)))


def _mode(settings: dict) -> dict:
    return {"padding_mode": settings["padding_mode"]} if "padding_mode" in settings else {}


def normed(*norms: nn.Module) -> nn.Module:
    between = [part for norm in norms for part in (norm, nn.ReLU(), nn.Conv2d(8, 8, 3))]
    return net(nn.Conv2d(1, 8, 3), *between)


def flat(*layers: nn.Module) -> nn.Module:
    return net(nn.Flatten(), nn.Linear(144, 16), *layers, nn.ReLU(), nn.Linear(16, 16))


MODES = ("zeros", "reflect", "replicate", "circular")
NETS: dict[str, Callable[[], nn.Module]] = {
    f"conv-{mode}-dilation{dilation}-groups{groups}": lambda m=mode, d=dilation, g=groups: conv(
        padding=2, padding_mode=m, dilation=d, groups=g
    )
    for mode, (dilation, groups) in product(MODES, ((1, 1), (2, 1), (2, 4), (1, 8)))
}
NETS |= {
    "conv-strided": lambda: conv(stride=(2, 1), padding=(1, 0), bias=False),
    "conv1d": lambda: net(
        Apply("flatten", 2), nn.Conv1d(1, 8, 5, 2), nn.ReLU(), nn.Conv1d(8, 4, 3)
    ),
    "conv3d": lambda: net(
        Apply("unsqueeze", 1), nn.Conv3d(1, 4, (1, 3, 3)), nn.ReLU(), nn.Conv3d(4, 4, (1, 3, 3))
    ),
    "conv-transpose": lambda: net(
        nn.Conv2d(1, 8, 3),
        nn.ConvTranspose2d(8, 8, 3, stride=2, padding=1, output_padding=1, groups=2, dilation=2),
        nn.ReLU(),
        nn.Conv2d(8, 4, 3),
    ),
    "batch-norm-1d": lambda: flat(nn.BatchNorm1d(16)),
    "batch-norm-without-affine": lambda: normed(nn.BatchNorm2d(8, affine=False)),
    "batch-norm-without-statistics": lambda: normed(nn.BatchNorm2d(8, track_running_stats=False)),
    "batch-norm": lambda: normed(nn.BatchNorm2d(8, eps=1e-2, momentum=None)),
    "group-norm": lambda: normed(nn.GroupNorm(4, 8)),
    "group-norm-without-affine": lambda: normed(nn.GroupNorm(2, 8, affine=False)),
    "layer-norm": lambda: flat(nn.LayerNorm(16)),
    "layer-norm-of-pictures": lambda: normed(nn.LayerNorm([8, 10, 10])),
    "rms-norm": lambda: flat(nn.RMSNorm(16)),
    "instance-norm": lambda: normed(
        nn.InstanceNorm2d(8), nn.InstanceNorm2d(8, affine=True, track_running_stats=True)
    ),
    "local-response-norm": lambda: normed(nn.LocalResponseNorm(3, alpha=0.1)),
    "prelu": lambda: normed(nn.PReLU(8), nn.PReLU()),
    "activations": lambda: flat(nn.GELU("tanh"), nn.LeakyReLU(0.3), nn.Hardtanh(-2, 3), nn.SiLU()),
    "pools": lambda: net(
        nn.Conv2d(1, 8, 3), nn.AvgPool2d(3, 2, 1, ceil_mode=True), nn.AdaptiveMaxPool2d((3, 2))
    ),
    "pads": lambda: net(
        nn.ReflectionPad2d((1, 2, 0, 1)), nn.Conv2d(1, 8, 3), nn.ConstantPad2d(1, 2.0)
    ),
    "upsample": lambda: net(
        nn.Conv2d(1, 4, 3),
        nn.Upsample(scale_factor=2, mode="bilinear"),
        nn.PixelShuffle(2),
        nn.Unfold(5, stride=4),
    ),
    "lstm": lambda: net(Apply("squeeze", 1), First(nn.LSTM(12, 8, 2, bidirectional=True))),
    "lstm-projected": lambda: net(Apply("squeeze", 1), First(nn.LSTM(12, 8, proj_size=4))),
    "gru": lambda: net(Apply("squeeze", 1), First(nn.GRU(12, 8, bias=False, batch_first=True))),
    "attention": lambda: net(
        Apply("squeeze", 1), First(nn.MultiheadAttention(12, 3, batch_first=True), 3)
    ),
    "encoder": encoder,
    "encoder-norm-first": lambda: encoder(norm_first=True, activation="gelu"),
    "bilinear": lambda: net(nn.Flatten(), nn.Linear(144, 8), Twice(nn.Bilinear(8, 8, 8))),
    "head-first": HeadFirst,
    "own": Own,
    "raw-head": RawHead,
    "tied": Tied,
    "embedded": Embedded,
    "convolutional": Convolutional,
    "frozen": frozen,
    "lazy": lazy,
    "weight-norm": weight_norm,
    "spectral-norm": old_weight_norm,
    "nothing-to-learn": lambda: flat(nn.Sequential(), nn.Identity(), nn.Dropout(0.3)),
}


class Twice(nn.Module):
    """A layer of two inputs, given the same."""

    def __init__(self, layer: nn.Module):
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x, x)


class Kind(ModelFamily):
    """One of these nets, as a suite names it."""

    kind: str

    def build(self, signature: Signature) -> nn.Module:
        """Images (N, 1, 12, 12) -> logits (N, 3)."""
        return NETS[self.kind]()
