"""Where the teacher looks: the strength of its layers at each place of an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from compbench.toolkit.layer_pairs import Measure, PairLoss

if TYPE_CHECKING:
    from torch import Tensor


class Loss(PairLoss):
    """The mean squared difference of both nets' attention maps, and the mean over pairs of layers.

    A map is the sum of a layer's squared channels at each place (H·W), divided by its norm. Numbers
    of channels may differ, sizes of images may not. Source: Zagoruyko & Komodakis, "Paying More
    Attention to Attention", arXiv:1612.03928, section 3.1; its code takes means over places and
    batch with the weight 1000, and sums over pairs.
    """

    weight: float = Field(default=1000.0, gt=0, description="what its value is multiplied with")

    def measure(self, teacher: Tensor, student: Tensor) -> Measure:
        """Raises ValueError where a layer gives no images, or images of other sizes."""
        if min(teacher.ndim, student.ndim) < 4:
            raise ValueError("a layer gives no images, so that it looks nowhere")
        if teacher.shape[2:] != student.shape[2:]:
            sizes = [tuple(x.shape[2:]) for x in (teacher, student)]
            raise ValueError(f"images of {sizes[0]} and of {sizes[1]} have no places in common")
        return _compare


def _compare(wanted: Tensor, given: Tensor) -> Tensor:
    return (_map(given) - _map(wanted)).pow(2).mean()


def _map(layer: Tensor) -> Tensor:
    from torch.nn.functional import normalize

    return normalize(layer.pow(2).sum(1).flatten(1))
