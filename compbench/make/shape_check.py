"""What models give, held to what the task asks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from compbench.data.splits import Data
from compbench.errors import JobFailed


def refuse_misshapen(shape: Sequence[int], targets: NDArray[Any], data: Data, what: str) -> None:
    """Raises JobFailed where outputs for samples of these targets have another shape."""
    wanted = data.task.output_shape(targets, data.signature.outputs)
    if tuple(shape) != wanted:
        raise JobFailed(
            f"{what} gives outputs of shape {tuple(shape)} for {len(targets)} samples, not "
            f"{wanted}, the {data.task.output} of {data.signature.outputs} "
            + ("classes" if data.task.has_classes else "values each")
        )
