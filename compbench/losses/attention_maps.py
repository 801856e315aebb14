"""What the teacher's transformer attends to."""

from __future__ import annotations

from collections.abc import Sequence

from compbench.contracts import Compared, Glimpse, LossBase, Net, TrainingData
from compbench.toolkit import attention_scores
from compbench.toolkit.layer_pairs import by_depth


class Loss(LossBase):
    """The mean squared difference of the scores of attention before the softmax, over all pairs.

    Scores (B, heads, L, L) are computed from what the layers of queries and keys give; those of
    filled-up places, where the data has a mask, count for nothing. The student's blocks are spread
    evenly over the teacher's, the last with the last; where numbers of heads differ, means over
    heads are compared. Source: Jiao et al., "TinyBERT: Distilling BERT for Natural Language
    Understanding", arXiv:1909.10351, section 3.1, equation 7, which sums over blocks.
    """

    def pairs(self, teacher: Net, student: Net) -> Sequence[tuple[str, str]]:
        """Queries with queries and keys with keys, block by block.

        Raises ValueError where a net has no attention whose queries and keys are layers.
        """
        found = []
        for which, net in (("teacher", teacher), ("student", student)):
            layers = attention_scores.layers(net.module)
            if not layers:
                raise ValueError(
                    f"the {which} has no attention with layers for its queries and its keys"
                )
            found.append({one.queries: one for one in layers})
        pairs = by_depth(*map(list, found))
        return [
            pair
            for one, other in pairs
            for pair in ((one, other), (found[0][one].keys, found[1][other].keys))
        ]

    def begin(self, first: Glimpse, nets: tuple[Net, Net], data: TrainingData) -> Compared:
        """Raises ValueError where the two read sequences of other lengths."""
        queries = self.pairs(*nets)[::2]
        heads = [
            {one.queries: one.heads for one in attention_scores.layers(net.module)} for net in nets
        ]
        counts = [(heads[0][one], heads[1][other]) for one, other in queries]
        lengths = {tuple(x.shape[1:2]) for pair in first.layers for x in pair}
        if len(lengths) != 1:
            raise ValueError("the two nets read sequences of other lengths")
        return attention_scores.Difference(counts)
