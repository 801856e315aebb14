"""The only door to torchvision.

A CUDA build of torchvision over a CPU build of torch fails to import with `operator
torchvision::nms does not exist`: its compiled library does not load, but `import torchvision`
registers shapes for two operators of that library. Declaring the two operators first lets datasets,
models and transforms import; calling `nms` itself would still fail, and compbench never does.
Where torchvision is whole this does nothing.
See https://github.com/pytorch/vision/issues/8626.
"""

from __future__ import annotations

import importlib
from typing import Any

_MISSING = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}
_declared: list[Any] = []  # a torch.library.Library undoes its definitions when it is collected


def torchvision(part: str) -> Any:
    """The module `torchvision.<part>`, for instance "datasets"."""
    try:
        return importlib.import_module(f"torchvision.{part}")
    except RuntimeError as error:
        if "torchvision::nms does not exist" not in str(error):
            raise
    _declare_missing_operators()
    return importlib.import_module(f"torchvision.{part}")


def _declare_missing_operators() -> None:
    import torch

    library = torch.library.Library("torchvision", "FRAGMENT")
    for name, schema in _MISSING.items():
        if not hasattr(torch.ops.torchvision, name):
            library.define(schema)
    _declared.append(library)
