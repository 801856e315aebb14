"""How far a student's softened distribution is from its teacher's."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def softened_divergence(target: Tensor, logits: Tensor, temperature: float) -> Tensor:
    """T² · KL(softmax(target / T) ‖ softmax(logits / T)), mean over all but the last axis, in nats.

    Both arguments are logits (…, K). Zero where the distributions are the same, else positive. T²
    keeps the size of the gradients independent of T (Hinton et al., arXiv:1503.02531, section 2).
    """
    from torch.nn.functional import kl_div, log_softmax

    classes = logits.shape[-1]
    wanted = log_softmax(target / temperature, dim=-1).reshape(-1, classes)
    given = log_softmax(logits / temperature, dim=-1).reshape(-1, classes)
    return temperature**2 * kl_div(given, wanted, reduction="batchmean", log_target=True)


def softened_label_divergence(target: Tensor, logits: Tensor, temperature: float) -> Tensor:
    """The same of labels that are each true or not: mean over samples and labels, in nats.

    Both arguments are logits (…, K), each of a distribution over two outcomes.
    """
    from torch import stack, zeros_like

    wanted, given = (stack([x, zeros_like(x)], dim=-1) for x in (target, logits))
    return softened_divergence(wanted, given, temperature)
