"""Finding a net's layers by what they do, for techniques that replace or shrink them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compbench.errors import JobFailed

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
