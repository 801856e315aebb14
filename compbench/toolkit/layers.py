"""Finding a net's layers by what they do, for techniques that replace or shrink them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from compbench.errors import JobFailed, nearest

if TYPE_CHECKING:
    from torch import nn


def output_layer(model: nn.Module) -> tuple[str, nn.Linear]:
    """The last linear layer, which gives the logits: its path in the module, and the layer.

    Compression leaves it as it is: its width is the number of classes.
    """
    from torch import nn

    linear = [(path, m) for path, m in model.named_modules() if isinstance(m, nn.Linear)]
    if not linear:
        raise JobFailed("the net has no linear layer that could give its logits")
    return linear[-1]


def prunable(model: nn.Module, keep: Iterable[str] = ()) -> dict[str, nn.Parameter]:
    """The weights of linear and convolutional layers by the layer's path, but for `keep`.

    Raises JobFailed where `keep` names no such layer.
    """
    from torch import nn

    found = {
        path: layer.get_parameter("weight")
        for path, layer in model.named_modules()
        if isinstance(layer, nn.Linear | nn.Conv2d)
    }
    for path in keep:
        if path not in found:
            raise JobFailed(f"keep: there is no layer '{path}'{nearest(path, found)}")
    return {path: weight for path, weight in found.items() if path not in set(keep)}
