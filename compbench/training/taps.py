"""What layers of a net gave, read while it runs; the net itself is not changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any

from compbench.contracts.arguments import first_tensor
from compbench.errors import nearest

if TYPE_CHECKING:
    from torch import Tensor, nn


class Taps:
    """Layers of a net by their names, looked at within a `with` block.

    What a layer gave last is kept until it is taken, with its gradients' graph; of several tensors
    the first. What the net changes in place afterwards is changed here as well. Raises ValueError
    where there is no layer of a name.
    """

    def __init__(self, net: nn.Module, names: Iterable[str]):
        known = dict(net.named_modules())
        self._layers = {name: _layer(known, name) for name in names}
        self._seen: dict[str, Tensor] = {}
        self._hooks: list[Any] = []

    def __enter__(self) -> Taps:
        """Begin to look."""
        for name, layer in self._layers.items():
            self._hooks.append(layer.register_forward_hook(partial(self._keep, name)))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Look no longer."""
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()
        self._seen.clear()

    def seen(self) -> Mapping[str, Tensor]:
        """What each layer gave last, by its name; a layer that never ran is not there."""
        return dict(self._seen)

    def _keep(self, name: str, layer: nn.Module, inputs: Any, outputs: Any) -> None:
        found = first_tensor(outputs)
        if found is not None:
            self._seen[name] = found


def _layer(known: Mapping[str, nn.Module], name: str) -> nn.Module:
    if name not in known:
        raise ValueError(f"there is no layer '{name}'{nearest(name, filter(None, known))}")
    return known[name]
