"""One small net for every kind of torch module that makes sense for images of (1, 12, 12)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrizations

from compbench.contracts import ModelFamily, Signature
from compbench.data.torchvision import torchvision

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


class Gain(nn.Module):
    """An own layer with a parameter for each channel."""

    def __init__(self, channels: int):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gain


class Standardised(nn.Conv2d):
    """A convolution whose weights are standardised over its inputs when it runs."""

    def forward(self, input: Tensor) -> Tensor:
        axes = (1, 2, 3)
        weight = self.weight - self.weight.mean(axes, keepdim=True)
        weight = weight / (weight.std(axes, keepdim=True) + 1e-5)
        return functional.conv2d(input, weight, self.bias, self.stride, self.padding)


class LayerScale(nn.Module):
    """A residual net whose branch is scaled by a parameter of the net, flat or (C, 1, 1)."""

    def __init__(self, flat: bool):
        super().__init__()
        self.stem, self.branch = nn.Conv2d(1, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)
        self.gamma = nn.Parameter(torch.full((8,) if flat else (8, 1, 1), 0.5))
        self.head = nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x).relu()
        x = x + self.gamma.view(1, -1, 1, 1) * self.branch(x).relu()
        return self.head(x.mean((2, 3)))


class Squeeze(nn.Module):
    """Squeeze-and-excite, of 1×1 convolutions or of linear layers."""

    def __init__(self, channels: int, linear: bool):
        super().__init__()
        made = nn.Linear if linear else lambda a, b: nn.Conv2d(a, b, 1)
        self.linear, self.down, self.up = linear, made(channels, 4), made(4, channels)

    def forward(self, x: Tensor) -> Tensor:
        y = x.mean((2, 3), keepdim=not self.linear)
        y = torch.sigmoid(self.up(functional.relu(self.down(y))))
        return x * (y[:, :, None, None] if self.linear else y)


class Functional(nn.Module):
    """Functions in place of layers, and the reshaping that all write, or one of a fixed size."""

    def __init__(self, fixed: bool = False):
        super().__init__()
        self.fixed = fixed
        self.one, self.two = nn.Conv2d(1, 8, 3, 2, 1), nn.Conv2d(8, 16, 3, 2, 1)
        self.hidden, self.head = nn.Linear(144, 32), nn.Linear(32, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.two(functional.relu(self.one(x))))
        x = x.contiguous().view(-1, 144) if self.fixed else x.reshape(x.size(0), -1)
        return self.head(functional.dropout(functional.relu(self.hidden(x)), 0.5, self.training))


class Viewing(Functional):
    """With `view`, which needs the layout that it was written for."""

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.two(functional.relu(self.one(x))))
        return self.head(functional.relu(self.hidden(x.view(x.size(0), -1))))


class Concatenated(nn.Module):
    """Two branches side by side, as in a dense net, with a norm over both."""

    def __init__(self, norm: nn.Module):
        super().__init__()
        self.one, self.two = nn.Conv2d(1, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)
        self.norm, self.mix, self.head = norm, nn.Conv2d(16, 8, 1), nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.one(x).relu()
        x = self.norm(torch.cat([x, self.two(x)], 1))
        return self.head(self.mix(x).relu().mean((2, 3)))


class Shuffled(nn.Module):
    """Half of the channels goes through a layer, and then all are mixed, as in a ShuffleNet."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.part = nn.Conv2d(1, 8, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.head = nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        one, two = self.stem(x).relu().chunk(2, 1)
        x = torch.cat([one, self.part(two).relu()], 1)
        n, c, h, w = x.shape
        x = x.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)
        return self.head(x.amax((2, 3)))


class OwnAttention(nn.Module):
    """Attention as most write it: one linear layer for all, and heads by reshaping."""

    def __init__(self, size: int = 16, heads: int = 2):
        super().__init__()
        self.heads, self.qkv, self.out = heads, nn.Linear(size, 3 * size), nn.Linear(size, size)

    def forward(self, x: Tensor) -> Tensor:
        n, length, size = x.shape
        qkv = self.qkv(x).reshape(n, length, 3, self.heads, size // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        y = functional.scaled_dot_product_attention(q, k, v)
        return self.out(y.transpose(1, 2).reshape(n, length, size))


class TorchAttention(nn.MultiheadAttention):
    """Torch's, of one tensor."""

    def __init__(self, size: int = 16, heads: int = 2):
        super().__init__(size, heads, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        return super().forward(x, x, x, need_weights=False)[0]


class Block(nn.Module):
    """A pre-norm block of a transformer."""

    def __init__(self, attention: nn.Module):
        super().__init__()
        self.attention, self.before, self.between = attention, nn.LayerNorm(16), nn.LayerNorm(16)
        self.mlp = nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 16))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.before(x))
        return x + self.mlp(self.between(x))


class Vit(nn.Module):
    """Patches, a class token, learnt places, two blocks."""

    def __init__(self, block: Callable[[], nn.Module]):
        super().__init__()
        self.patches = nn.Conv2d(1, 16, 4, 4)
        self.token = nn.Parameter(torch.zeros(1, 1, 16))
        self.places = nn.Parameter(torch.randn(1, 10, 16))
        self.blocks = nn.Sequential(block(), block())
        self.norm, self.head = nn.LayerNorm(16), nn.Linear(16, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.places
        return self.head(self.norm(self.blocks(x))[:, 0])


def encoder_layer() -> nn.Module:
    return nn.TransformerEncoderLayer(16, 2, 32, batch_first=True, norm_first=True)


def pooled(*layers: nn.Module, channels: int = 16) -> nn.Module:
    """A convolution of 16 channels, these layers, mean pooling, a linear layer."""
    end = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, CLASSES))
    return nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), *layers, nn.ReLU(), *end)


def headed(*head: nn.Module) -> nn.Module:
    """A net whose head is these layers."""
    body = (nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Conv2d(8, 16, 3, 2), nn.ReLU())
    return nn.Sequential(*body, *head, nn.Flatten())


def separable(inputs: int, outputs: int, stride: int) -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs), nn.BatchNorm2d(inputs)),
        *(nn.ReLU(), nn.Conv2d(inputs, outputs, 1), nn.BatchNorm2d(outputs)),
    )


def resnet8() -> nn.Module:
    from compbench.models.resnet8 import _block

    return nn.Sequential(
        *(nn.Conv2d(1, 8, 3, padding=1), _block(8, 8, 1), _block(8, 16, 2), _block(16, 32, 2)),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, CLASSES)),
    )


def resnet18() -> nn.Module:
    model = torchvision("models").resnet18(num_classes=CLASSES)
    model.conv1, model.maxpool = nn.Conv2d(1, 64, 3, 1, 1, bias=False), nn.Identity()
    return model


def mobilenet_v3_small() -> nn.Module:
    model = torchvision("models").mobilenet_v3_small(num_classes=CLASSES)
    model.features[0][0] = nn.Conv2d(1, 16, 3, 1, 1, bias=False)
    return model


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
    "lstm": lambda: net(
        Apply("squeeze", 1), First(nn.LSTM(12, 8, 2, bidirectional=True, batch_first=True))
    ),
    "lstm-projected": lambda: net(
        Apply("squeeze", 1), First(nn.LSTM(12, 8, proj_size=4, batch_first=True))
    ),
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
    "gain": lambda: pooled(Gain(16), nn.Conv2d(16, 16, 3)),
    "standardised": lambda: pooled(Standardised(16, 16, 3, padding=1)),
    "layer-scale": lambda: LayerScale(flat=True),
    "layer-scale-shaped": lambda: LayerScale(flat=False),
    "squeeze-excite": lambda: pooled(Squeeze(16, linear=False), nn.Conv2d(16, 16, 3)),
    "squeeze-excite-linear": lambda: pooled(
        Squeeze(16, linear=True), nn.GroupNorm(4, 16), nn.Conv2d(16, 16, 3)
    ),
    "grouped": lambda: pooled(
        nn.Conv2d(16, 16, 3, groups=4, bias=False), nn.BatchNorm2d(16), nn.Conv2d(16, 16, 1)
    ),
    "grouped-and-normed": lambda: pooled(
        nn.Conv2d(16, 24, 3, groups=4), nn.GroupNorm(6, 24), nn.Conv2d(24, 16, 1)
    ),
    "normed-by-channel": lambda: pooled(nn.GroupNorm(16, 16), nn.Conv2d(16, 16, 3)),
    "depthwise": lambda: pooled(separable(16, 16, 2), nn.ReLU(), separable(16, 16, 1)),
    "depthwise-multiplied": lambda: pooled(
        nn.Conv2d(16, 32, 3, groups=16), nn.ReLU(), nn.Conv2d(32, 16, 1)
    ),
    "head-1x1": lambda: headed(nn.Conv2d(16, CLASSES, 1), nn.AdaptiveAvgPool2d(1)),
    "head-of-one-place": lambda: headed(nn.Conv2d(16, CLASSES, 4)),
    "head-normed": lambda: headed(
        nn.Conv2d(16, CLASSES, 1), nn.BatchNorm2d(CLASSES), nn.AdaptiveAvgPool2d(1)
    ),
    "functional": Functional,
    "functional-of-fixed-size": lambda: Functional(fixed=True),
    "viewing": Viewing,
    "concatenated": lambda: Concatenated(nn.BatchNorm2d(16)),
    "concatenated-group-norm": lambda: Concatenated(nn.GroupNorm(4, 16)),
    "shuffled": Shuffled,
    "vit": lambda: Vit(lambda: Block(TorchAttention())),
    "vit-own-attention": lambda: Vit(lambda: Block(OwnAttention())),
    "vit-encoder": lambda: Vit(encoder_layer),
    "resnet8": resnet8,
}
LARGE: dict[str, Callable[[], nn.Module]] = {  # real ones, with a stem for small images
    "resnet18": resnet18,
    "mobilenet-v3-small": mobilenet_v3_small,
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
