"""The teacher's outputs, by their direction alone."""

from __future__ import annotations

from compbench.contracts import LossBase


class Loss(LossBase):
    """1 - the cosine between what teacher and student give, the mean over samples.

    A student whose outputs are twice the teacher's has nothing to learn. Nothing published.
    """

    def begin(self, first, nets, data):
        """The same for all nets and tasks."""
        return _compare


def _compare(seen):
    from torch.nn.functional import cosine_similarity

    return 1 - cosine_similarity(seen.teacher.flatten(1), seen.student.flatten(1)).mean()
