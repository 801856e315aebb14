"""Knowledge distillation; a distill of a distill is teacher-assistant distillation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, field_validator, model_validator

from compbench.contracts import (
    LossOption,
    ModelOption,
    NullCase,
    Teaching,
    TorchTechnique,
    Trainer,
    TrainingData,
    describe_loss,
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

    With `losses` the first term is their sum, each by its own weight: `compbench list losses` has
    them. Those that compare layers read what these give in both nets, and change neither.
    """

    family: ClassVar[str] = "distilled"
    teaches: ClassVar[bool] = True
    null_case: ClassVar[NullCase] = NullCase(
        {**_STUDENT, "soft_weight": 0.0, "hard_weight": 1.0}, equals="train", like=_STUDENT
    )

    model: ModelOption = Field(..., description="the student")

    losses: tuple[LossOption, ...] | None = Field(
        default=None,
        min_length=1,
        description="what is learnt from the teacher, in place of `soft_weight` and `temperature`: "
        'names, or tables such as { name = "attention", weight = 1000 }',
    )

    @model_validator(mode="after")
    def _one_way_to_say_it(self) -> Technique:
        for name in ("soft_weight", "temperature") if self.losses else ():
            if getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(f'{name} beside losses: say it there, {{ name = "soft", … }}')
        for loss in self.losses or ():
            if loss.uses_targets and self.label_share < 1:
                name = describe_loss(loss)["name"]
                raise ValueError(f"label_share hides targets, which the loss '{name}' needs")
        return self

    @field_validator("model")
    @classmethod
    def _needs_a_student(cls, model: Any) -> Any:
        if model is None:
            raise ValueError("the student must be named")
        return model

    def build(self, parents: Sequence[nn.Module], data: TrainingData, fit: Trainer) -> nn.Module:
        """The trained student."""
        student = self.model.build(data.signature)
        if self.losses is None:
            return fit(student, self, taught(parents[0], self, data, fit))
        from compbench.training.distillation import learning

        with learning(parents[0], student, self.losses, self, data, fit) as loss:
            return fit(student, self, loss)
