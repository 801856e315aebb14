"""The training options shared by techniques, and the training loop as a technique sees it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from compbench.contracts.options import Options

if TYPE_CHECKING:
    from torch import Tensor, nn

    from compbench.contracts.data import Split


class Recipe(Options):
    """How the training loop trains: the fields are options of every technique that trains."""

    epochs: int = Field(
        default=10,
        ge=0,
        description="passes over the training split; the weights are those of the epoch that is "
        "best on the validation split",
    )
    batch_size: int = Field(
        default=128,
        ge=1,
        description="samples in one optimiser step; an epoch's last step has those that are left",
    )
    optimizer: Literal["adamw", "sgd"] = Field(
        default="adamw",
        description="AdamW (Loshchilov & Hutter 2019), or SGD with Nesterov's momentum; beta1 or "
        "momentum is 0.9 where the schedule does not move it",
    )
    learning_rate: float = Field(
        default=2e-3, gt=0, description="peak learning rate of the schedule"
    )
    weight_decay: float = Field(
        default=1e-2,
        ge=0,
        description="decay of weights with two or more axes: times the learning rate in AdamW, "
        "added to the gradient in SGD",
    )
    schedule: Literal["one_cycle", "cosine", "constant"] = Field(
        default="one_cycle",
        description="learning rate by step. one_cycle (Smith & Topin 2018): up from 1/25 of the "
        "peak in the first 30 % of the steps, down to 1/250,000 of it in the others, while beta1 "
        "or momentum goes from 0.95 to 0.85 and back. cosine: from the peak to 0. Both along half "
        "cosines. constant: the peak",
    )
    gradient_norm: float = Field(
        default=5.0,
        ge=0,
        description="where the norm of all gradients of a step is larger, they are scaled down to "
        "it; 0: never",
    )
    shift_pixels: int = Field(
        default=0,
        ge=0,
        le=8,
        description="augmentation: in each epoch each image is moved by up to this many pixels "
        "along both axes, at random, its border value moving in",
    )


class Teaching(Recipe):
    """A recipe whose loss may also listen to a teacher's outputs (`training.losses.taught`).

    loss = soft_weight · T² · KL(softmax(z_teacher / T) ‖ softmax(z / T))
         + hard_weight · CE(z, label)
    """

    temperature: float = Field(default=4.0, gt=0, description="T, which softens both distributions")
    soft_weight: float = Field(default=0.7, ge=0, description="weight of the parent's outputs")
    hard_weight: float = Field(default=0.3, ge=0, description="weight of the labels")

    @model_validator(mode="after")
    def _something_to_learn(self) -> Teaching:
        if self.soft_weight == 0 and self.hard_weight == 0:
            raise ValueError("soft_weight and hard_weight are both 0: there is nothing to learn")
        return self


class FineTuning(Teaching):
    """What follows a compression: on the labels, or also on the uncompressed parent's outputs."""

    epochs: int = Field(default=4, ge=0, description="epochs of fine-tuning")
    soft_weight: float = Field(default=0.0, ge=0, description="weight of the parent's outputs")
    hard_weight: float = Field(default=1.0, ge=0, description="weight of the labels")


Loss = Callable[["Tensor", "Batch"], "Tensor"]  # a model's outputs, the batch -> a scalar
AfterStep = Callable[[float], bool]  # the share of steps done -> has the model its final form?


class Trainer(ABC):
    """The training loop as a technique sees it; `training.loop.Fit` is the one there is."""

    @abstractmethod
    def __call__(
        self,
        model: nn.Module,
        recipe: Recipe,
        loss: Loss | None = None,
        after_step: AfterStep | None = None,
    ) -> nn.Module:
        """Train `model` in place by `recipe`; the task's own loss where none is given.

        `after_step` is called after each optimiser step with the share of steps done (0 to 1], and
        says whether the model has its final form by then (all its zeros, say): only epochs that end
        so can be the best one. The last step must say yes.
        """

    @abstractmethod
    def outputs(self, model: nn.Module, samples: Split | Batch) -> Tensor:
        """What a model gives for a split, or a batch, in evaluation mode, without gradients."""

    @abstractmethod
    def example(self, model: nn.Module, count: int = 2) -> tuple[Tensor, ...]:
        """The first training samples, prepared, on the CPU, as the arguments of a model."""

    @abstractmethod
    def arguments(self, model: nn.Module, batch: Batch) -> tuple[Tensor, ...]:
        """The inputs of a batch that a model takes, in the order of its parameters."""

    @abstractmethod
    def note(self, text: str) -> None:
        """Say what the user must know of this job, such as the layers left as they were, and why.

        It is told while the job is made, and kept in the artifact's manifest.
        """


@dataclass(frozen=True)
class Batch:
    """What a loss may look at: prepared inputs (B, …), targets (B, …), indices in the split (B,).

    Indices are empty where a batch is of no split.
    """

    inputs: Mapping[str, Tensor]
    targets: Tensor
    indices: Tensor


@dataclass(frozen=True)
class Epoch:
    """One epoch: its mean training loss, and the headline metric on the validation split."""

    epoch: int
    train_loss: float
    validation: float
