"""Knowledge distillation; a distill of a distill is teacher-assistant distillation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, field_validator

from compbench.contracts import (
    ModelOption,
    NullCase,
    Teaching,
    TorchTechnique,
    Trainer,
    TrainingData,
)
from compbench.training.losses import taught

if TYPE_CHECKING:
    from torch import nn

_STUDENT = {"model": "mlp", "epochs": 1}


class Technique(Teaching, TorchTechnique):
    """Train a new `model` on the parent's outputs and on the targets.

    loss = soft_weight · T² · KL(softmax(z_parent / T) ‖ softmax(z / T))
         + hard_weight · CE(z, label)

    These are the losses of classes and of tokens; of several labels they are those of each, yes or
    no; of numbers both are squared errors, which have no temperature. T² keeps the size of the soft
    gradients independent of the temperature T. Source: Hinton, Vinyals, Dean, "Distilling the
    Knowledge in a Neural Network", arXiv:1503.02531, section 2. With a distilled parent: Mirzadeh
    et al., "Improved Knowledge Distillation via Teacher Assistant", arXiv:1902.03393.
    """

    family: ClassVar[str] = "distilled"
    teaches: ClassVar[bool] = True
    null_case: ClassVar[NullCase] = NullCase(
        {**_STUDENT, "soft_weight": 0.0, "hard_weight": 1.0}, equals="train", like=_STUDENT
    )

    model: ModelOption = Field(..., description="the student")

    @field_validator("model")
    @classmethod
    def _needs_a_student(cls, model: Any) -> Any:
        if model is None:
            raise ValueError("the student must be named")
        return model

    def build(self, parents: Sequence[nn.Module], data: TrainingData, fit: Trainer) -> nn.Module:
        """The trained student."""
        student = self.model.build(data.signature)
        return fit(student, self, taught(parents[0], self, data, fit))
