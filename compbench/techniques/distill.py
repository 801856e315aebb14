"""Knowledge distillation; a distill of a distill is teacher-assistant distillation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, field_validator, model_validator

from compbench.contracts import ModelOption, NullCase, TorchTechnique, Trainer, TrainingData
from compbench.recipe import Recipe

if TYPE_CHECKING:
    from torch import Tensor, nn

    from compbench.contracts import Loss
    from compbench.fit import Batch

_STUDENT = {"model": "mlp", "epochs": 1}


class Technique(Recipe, TorchTechnique):
    """Train a new `model` on the parent's softened outputs and on the labels.

    loss = soft_weight · T² · KL(softmax(z_parent / T) ‖ softmax(z / T))
         + hard_weight · CE(z, label)

    T² keeps the size of the soft gradients independent of the temperature T. Source: Hinton,
    Vinyals, Dean, "Distilling the Knowledge in a Neural Network", arXiv:1503.02531, section 2. With
    a distilled parent: Mirzadeh et al., "Improved Knowledge Distillation via Teacher Assistant",
    arXiv:1902.03393.
    """

    null_case: ClassVar[NullCase] = NullCase(
        {**_STUDENT, "soft_weight": 0.0, "hard_weight": 1.0}, equals="train", like=_STUDENT
    )

    model: ModelOption = Field(..., description="the student")
    temperature: float = Field(default=4.0, gt=0, description="T, which softens both distributions")
    soft_weight: float = Field(default=0.7, ge=0, description="weight of the parent's outputs")
    hard_weight: float = Field(default=0.3, ge=0, description="weight of the labels")

    @field_validator("model")
    @classmethod
    def _needs_a_student(cls, model: Any) -> Any:
        if model is None:
            raise ValueError("the student must be named")
        return model

    @model_validator(mode="after")
    def _something_to_learn(self) -> Technique:
        if self.soft_weight == 0 and self.hard_weight == 0:
            raise ValueError("soft_weight and hard_weight are both 0: there is nothing to learn")
        return self

    def build(self, parents: Sequence[nn.Module], data: TrainingData, fit: Trainer) -> nn.Module:
        """The trained student: images (N, C, H, W) -> logits (N, K)."""
        student = self.model.build(data.shape, data.classes)
        return fit(student, self, self._loss(parents[0], data, fit))

    def _loss(self, teacher: nn.Module, data: TrainingData, fit: Trainer) -> Loss | None:
        from torch import from_numpy
        from torch.nn.functional import cross_entropy

        if self.soft_weight == 0:
            return None if self.hard_weight == 1 else self._hard_loss
        fixed = None
        if self.shift_pixels == 0:  # the teacher sees the same images every epoch: ask it once
            fixed = fit.outputs(teacher, from_numpy(data.train.images))

        def loss(logits: Tensor, batch: Batch) -> Tensor:
            if fixed is None:
                target = fit.outputs(teacher, batch.images)
            else:
                target = fixed[batch.indices]
            soft = softened_divergence(target, logits, self.temperature)
            return self.soft_weight * soft + self.hard_weight * cross_entropy(logits, batch.labels)

        return loss

    def _hard_loss(self, logits: Tensor, batch: Batch) -> Tensor:
        from torch.nn.functional import cross_entropy

        return self.hard_weight * cross_entropy(logits, batch.labels)


def softened_divergence(target: Tensor, logits: Tensor, temperature: float) -> Tensor:
    """T² · KL(softmax(target / T) ‖ softmax(logits / T)), mean over the batch, in nats.

    Both arguments are logits (B, K). Zero where the distributions are the same, else positive.
    """
    from torch.nn.functional import kl_div, log_softmax

    wanted = log_softmax(target / temperature, dim=1)
    given = log_softmax(logits / temperature, dim=1)
    return temperature**2 * kl_div(given, wanted, reduction="batchmean", log_target=True)
