"""Where a net of a library takes an image in: made for other channels, or for small images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

if TYPE_CHECKING:
    from torch import nn


Stem = Annotated[
    Literal["as_published", "small"],
    Field(
        description="small, for images of about 32×32: the first convolution has stride 1, is 3×3 "
        "where it was larger, and no max pooling stands before the second"
    ),
]


def for_channels(model: nn.Module, channels: int) -> None:
    """Make the first convolution one of so many input channels, where it has others."""
    name, first = _first_convolution(model)
    if first.in_channels != channels:
        _replace(model, name, _like(first, in_channels=channels))


def small_stem(model: nn.Module, net: str) -> None:
    """Take the first halvings out: see the option `stem`. Raises ValueError where there are none.

    The first convolution gets stride 1, and 3×3 weights where they were larger; max poolings before
    the second one become identities.
    """
    from torch import nn

    name, first = _first_convolution(model)
    size, stride = first.kernel_size, first.stride
    if size == stride and size != (1, 1):
        raise ValueError(
            f"{net} begins with patches of {size[0]}×{size[1]} pixels ('{name}'): stem = 'small' "
            "is for nets that begin with a convolution that overlaps"
        )
    changed = False
    if stride != (1, 1) or max(size) > 3:
        kernel = min(size[0], 3)
        _replace(model, name, _like(first, kernel_size=kernel, stride=1, padding=kernel // 2))
        changed = True
    passed = False
    for path, module in list(model.named_modules()):
        if isinstance(module, nn.Conv2d):
            if passed:
                break
            passed = True
        elif isinstance(module, nn.MaxPool2d) and passed:
            _replace(model, path, nn.Identity())
            changed = True
    if not changed:
        raise ValueError(f"{net} has a small stem as it is published: leave out the option 'stem'")


def _first_convolution(model: nn.Module) -> tuple[str, nn.Conv2d]:
    from torch import nn

    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d):
            return name, module
    raise ValueError("it has no convolution that could take images of these channels")


def _like(layer: nn.Conv2d, **changes: object) -> nn.Conv2d:
    """A new convolution as this one is, but for the changes; its weights are new."""
    from torch import nn

    if layer.groups != 1:
        raise ValueError("its first convolution has groups")
    settings: dict = {
        "in_channels": layer.in_channels,
        "out_channels": layer.out_channels,
        "kernel_size": layer.kernel_size,
        "stride": layer.stride,
        "padding": layer.padding,
        "bias": layer.bias is not None,
    }
    return nn.Conv2d(**{**settings, **changes})


def _replace(model: nn.Module, path: str, new: nn.Module) -> None:
    above, _, last = path.rpartition(".")
    setattr(model.get_submodule(above), last, new)
