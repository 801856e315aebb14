"""Weights in a file of any training script -> a net of the same architecture."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compbench.errors import first_line, one_line

if TYPE_CHECKING:
    from torch import Tensor, nn

# what training scripts keep a state dict under, and what wrappers put before the names in it
_PLACES = ("state_dict", "model_state_dict", "model", "net", "network", "module", "weights", "ema")
_PREFIXES = ("module.", "_orig_mod.", "model.", "net.", "network.", "backbone.", "encoder.")
_UNUSED = "num_batches_tracked"  # batch norms count with it in training; old files lack it


def read(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file or a saved state dict, by name; no code of it is run.

    Raises ValueError.
    """
    import torch
    from safetensors.torch import load_file

    if path.suffix == ".safetensors":
        try:
            return load_file(path)
        except Exception as error:  # safetensors' own
            raise ValueError(f"{path.name} is no safetensors file: {first_line(error)}") from error
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # pickle's and torch's own, of many kinds
        if "weights_only" in str(error) or "Unsupported" in str(error):
            raise ValueError(
                f"{path.name} holds more than tensors, which could run code when it is read: "
                "refused; save model.state_dict() instead"
            ) from error
        raise ValueError(
            f"{path.name} is no file of torch.save: {one_line(first_line(error))}"
        ) from error
    return _state_dict(found, path)


def fill(
    model: nn.Module, weights: Mapping[str, Tensor], file: str, kept: Collection[str] = ()
) -> None:
    """Give a net these weights, but those that are to be `kept` as they are.

    Raises ValueError with the first names that do not fit.
    """
    import torch

    own = {name: tensor for name, tensor in model.state_dict().items() if name not in kept}
    found = {n: t for n, t in _renamed(weights, own).items() if n not in kept}
    missing = [name for name in own if name not in found and not name.endswith(_UNUSED)]
    unexpected = [name for name in found if name not in own]
    if missing or unexpected:
        parts = [f"it lacks {_first(missing)}"] if missing else []
        parts += [f"the net has no {_first(unexpected)}"] if unexpected else []
        raise ValueError(f"{file} has weights of another architecture: {'; '.join(parts)}")
    for name, tensor in found.items():
        if tensor.shape != own[name].shape:
            raise ValueError(
                f"{file} has weights of another architecture: {name} is {_shape(tensor)}, "
                f"the net's {_shape(own[name])}"
            )
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise ValueError(f"{file}: {name} holds values that are no finite numbers")
    model.load_state_dict(dict(found), strict=False)


def _state_dict(found: Any, path: Path) -> dict[str, Tensor]:
    """The tensors of what was saved, also where they stand beside an optimiser's."""
    import torch

    if isinstance(found, dict):
        tensors = {n: v for n, v in found.items() if isinstance(v, torch.Tensor)}
        if tensors and len(tensors) == len(found):
            return tensors
        for place in _PLACES:
            if isinstance(found.get(place), dict):
                return _state_dict(found[place], path)
        if tensors:
            return tensors
    what = f"a table of {', '.join(map(str, list(found)[:5]))}" if isinstance(found, dict) else ""
    raise ValueError(f"{path.name} holds no state dict, but {what or type(found).__name__}")


def _renamed(weights: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights without what a wrapper put before each of their names."""
    found = dict(weights)
    while found and not {*found} & {*own}:
        prefix = next((p for p in _PREFIXES if all(name.startswith(p) for name in found)), None)
        if prefix is None:
            return dict(weights)
        found = {name.removeprefix(prefix): tensor for name, tensor in found.items()}
    return found


def _first(names: list[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:3])
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown


def _shape(tensor: Tensor) -> tuple[int, ...]:
    return tuple(tensor.shape)
