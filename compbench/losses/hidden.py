"""What the teacher's transformer knows of each token, block by block."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compbench.toolkit.layer_pairs import Measure, PairLoss

if TYPE_CHECKING:
    from torch import Tensor


class Loss(PairLoss):
    """The mean squared difference of hidden states (B, L, W), and the mean over pairs of blocks.

    Without `layers` the student's blocks are spread evenly over the teacher's, the last with the
    last. Where widths differ, a linear map of the student's to the teacher's is learnt, and thrown
    away. Source: Jiao et al., "TinyBERT: Distilling BERT for Natural Language Understanding",
    arXiv:1909.10351, section 3.1, equation 8, which sums over blocks.
    """

    def measure(self, teacher: Tensor, student: Tensor) -> Measure:
        """Raises ValueError where a layer gives no sequences, or sequences of other lengths."""
        from torch.nn.functional import mse_loss

        from compbench.toolkit.projection import projected

        if teacher.ndim != 3 or student.ndim != 3:
            raise ValueError("a layer gives no sequences (B, L, W), as a transformer's blocks do")
        return projected(mse_loss, teacher, student)
