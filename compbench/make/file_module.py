"""An ONNX file as a torch module without gradients: a teacher that is only run."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from compbench.contracts import TrainingData
from compbench.onnxfile import metadata
from compbench.runtime import inference
from compbench.runtime.session import OrtSession
from compbench.runtime.target import Target

_LEAST = 1e-7  # probabilities below it count as this: no logit is infinite


class FileModule(nn.Module):
    """Prepared inputs (N, …) -> what the file gives, on the CPU by ONNX Runtime.

    The file is fed raw inputs, so what batches were prepared with is taken back first. Outputs that
    are probabilities become their logarithms, of which the softmax gives them again.
    """

    def __init__(self, file: bytes, data: TrainingData):
        super().__init__()
        self._data = data
        self._session = OrtSession(file, Target(threads=torch.get_num_threads()))
        self._is_log = metadata.read(file).get(metadata.OUTPUT_IS) == metadata.PROBABILITIES
        feeds = metadata.feeds(file)
        sources = dict.fromkeys(feed.source for feed in feeds) or dict.fromkeys(
            data.signature.inputs
        )
        self._names = tuple(name for name in data.signature.inputs if name in sources)
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        parameters = [inspect.Parameter(name, kind) for name in self._names]
        self.forward = _signed(self._run, inspect.Signature(parameters))

    def __deepcopy__(self, memo: dict[int, Any]) -> FileModule:
        return self  # it has no weights that a copy could change

    def _run(self, *prepared: Tensor) -> Tensor:
        given = zip(self._names, prepared, strict=True)
        raw = {name: self._raw(name, array) for name, array in given}
        found = inference.outputs(self._session, raw)
        if self._is_log:
            found = np.log(np.maximum(found, _LEAST))
        return torch.from_numpy(found).to(prepared[0].device)

    def _raw(self, name: str, prepared: Tensor) -> np.ndarray:
        one = self._data.signature.inputs[name]
        array = prepared.detach().cpu().contiguous().numpy()
        if one.normalisation is not None:
            array = one.normalisation.undone(array)
        dtype = np.dtype(one.dtype)
        if dtype.kind in "iu" and array.dtype.kind == "f":
            limits = np.iinfo(dtype)
            array = np.rint(array).clip(limits.min, limits.max)
        return array.astype(dtype)


def _signed(function: Any, signature: inspect.Signature) -> Any:
    """The function with the inputs' names as its parameters."""

    def forward(*prepared: Tensor) -> Tensor:
        return function(*prepared)

    forward.__signature__ = signature  # pyright: ignore[reportFunctionMemberAccess]
    return forward
