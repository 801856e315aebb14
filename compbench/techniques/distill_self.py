"""Self-distillation: a net's earlier layers learn from its own outputs."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from compbench.contracts import (
    ModelOption,
    Net,
    NullCase,
    Recipe,
    TorchTechnique,
    Trainer,
    TrainingData,
    net_or_parent,
)
from compbench.toolkit.layer_pairs import before_last, stage_ends
from compbench.toolkit.masks import keeping_zeros

if TYPE_CHECKING:
    from torch import nn


class Technique(Recipe, TorchTechnique):
    """Train a net whose exits, classifiers on earlier layers, learn from its own last outputs.

    loss = task's own + sum over exits of (hard_weight · task's own of the exit
         + soft_weight · T² · KL(softmax(z / T) ‖ softmax(z_exit / T))
         + hint_weight · mean squared difference of the exit's features and the net's last ones)

    The last outputs and features are taken as they are: no gradient flows to them from an exit.
    Exits are trained with the net and thrown away; the file has the net alone. Without a parent it
    trains `model` from scratch, with one it fine-tunes that parent's weights. Source: Zhang et al.,
    "Be Your Own Teacher", arXiv:1905.08094, section 3.1, whose weights are 0.7, 0.3 and 0.03 at
    T = 3; its exits begin with convolutions, these with the mean over places and a linear layer
    as wide as the net's last features.
    """

    family: ClassVar[str] = "self-distilled"
    taught_by: ClassVar[str] = "itself"
    parents: ClassVar[tuple[int, int]] = (0, 1)
    undoes: ClassVar[tuple[str, ...]] = ("shared weights",)
    null_case: ClassVar[NullCase] = NullCase({"epochs": 0})

    model: ModelOption = Field(default=None, description="the net to train; without a parent only")
    exits: tuple[str, ...] | None = Field(
        default=None,
        min_length=1,
        description="layers that exits stand on, by their names in the net; without it those that "
        "end its stages, but for the last one, and told",
    )
    temperature: float = Field(
        default=3.0, gt=0, description="T, which softens both distributions; numbers have none"
    )
    soft_weight: float = Field(default=0.3, ge=0, description="weight of the net's last outputs")
    hard_weight: float = Field(default=0.7, ge=0, description="weight of the targets in an exit")
    hint_weight: float = Field(default=0.03, ge=0, description="weight of the net's last features")

    def problem(self, parent_count: int) -> str | None:
        """Either a model or a parent, never both."""
        return net_or_parent(self.model, parent_count) or super().problem(parent_count)

    def build(self, parents: Sequence[nn.Module], data: TrainingData, fit: Trainer) -> nn.Module:
        """The trained module, without exits."""
        from compbench.training.exits import Weights, learning_itself
        from compbench.training.weights import undone

        net = copy.deepcopy(parents[0]) if parents else self.model.build(data.signature)
        kept = keeping_zeros(net) if parents else None
        weights = Weights(self.hard_weight, self.soft_weight, self.hint_weight, self.temperature)
        if not weights.are_any:
            return fit(net, self, after_step=kept)
        with undone(net):
            places = self._places(Net(net.eval(), fit.example(net)), fit)
        with learning_itself(net, *places, weights, data, fit) as loss:
            return fit(net, self, loss, kept)

    def _places(self, net: Net, fit: Trainer) -> tuple[Sequence[str], str]:
        """The layers that exits stand on, and the one whose features they learn."""
        last = before_last(net, "net")
        if self.exits is not None:
            return self.exits, last
        found = [name for name in stage_ends(net)[:-1] if name != last]
        if not found:
            raise ValueError(
                "no stages are found where exits could stand: name layers, exits = [...]"
            )
        fit.note("exits stand on " + ", ".join(f"'{name}'" for name in found))
        return found, last
