"""What layers of the teacher give, itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compbench.toolkit.layer_pairs import Measure, PairLoss

if TYPE_CHECKING:
    from torch import Tensor


class Loss(PairLoss):
    """½ · the mean squared difference of what the layers of a pair give, and the mean over pairs.

    Where the student's layer is narrower or wider, a linear map of its channels to the teacher's is
    learnt with it (of images a 1×1 convolution), and thrown away. Source: Romero et al., "FitNets:
    Hints for Thin Deep Nets", arXiv:1412.6550, section 2.2, where one pair is learnt before
    the outputs; here all are learnt together with the other losses.
    """

    def measure(self, teacher: Tensor, student: Tensor) -> Measure:
        """Raises ValueError where images or sequences differ in size."""
        from compbench.toolkit.projection import projected

        return projected(_compare, teacher, student)


def _compare(wanted: Tensor, given: Tensor) -> Tensor:
    from torch.nn.functional import mse_loss

    return mse_loss(given, wanted) / 2
