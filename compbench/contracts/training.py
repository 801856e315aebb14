"""The training options shared by techniques, and the training loop as a technique sees it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal, Protocol, TypeVar, runtime_checkable

from pydantic import Field, model_validator

from compbench.contracts.options import Options

if TYPE_CHECKING:
    from torch import Tensor, nn

    from compbench.contracts.data import Split


class LoopOptions(Options):
    """How the training loop goes: its epochs, optimiser, schedule and augmentation."""

    epochs: int = Field(
        default=10,
        ge=0,
        description="passes over the training split; the weights are those of the epoch that is "
        "best on the validation split",
    )
    batch_size: int = Field(
        default=128,
        ge=1,
        description="samples in one optimiser step; an epoch's last step has those that are left, "
        "but no single one",
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
    crop_pixels: int = Field(
        default=0,
        ge=0,
        le=32,
        description="augmentation: each image is padded by this many pixels of value 0 on each "
        "side, and cut to its size at a random place (He et al., arXiv:1512.03385, section 4.2)",
    )
    flip: bool = Field(
        default=False,
        description="augmentation: each image is mirrored, left for right, with probability 1/2",
    )
    erase: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="augmentation: the probability that a random rectangle of an image, 2 to 40 % "
        "of it and 0.3 to 3.3 times as high as wide, gets the training split's mean (Zhong et al. "
        "2017, arXiv:1708.04896)",
    )
    mixup: float = Field(
        default=0.0,
        ge=0,
        description="augmentation: α of Beta(α, α), from which each batch draws the share λ that "
        "its samples keep of themselves; the rest is another sample of the batch, and losses are "
        "mixed alike (Zhang et al., arXiv:1710.09412); 0: never",
    )
    micro_batch: Annotated[int, Field(ge=1, strict=True)] | Literal["auto"] | None = Field(
        default=None,
        description="samples that go through the net at once, where a whole batch needs too much "
        'memory: the gradients of a step\'s parts are added up. "auto": the batch size, halved '
        "until it fits; statistics of batch norms are of the parts",
    )
    autocast: Literal["off", "bfloat16", "float16"] = Field(
        default="off",
        description="number format of the products while training (Micikevicius et al., "
        "arXiv:1710.03740), where the hardware has it; weights, validation and files are float32",
    )
    patience: int = Field(
        default=0,
        ge=0,
        description="training ends when so many epochs in a row were not better on the validation "
        "split than the best before; 0: never",
    )
    ema_decay: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="weights that are validated and kept are averages over the steps, which keep "
        "this share of themselves in each, and (1 + n) / (10 + n) in step n while that is less; "
        "0: the weights themselves",
    )

    @model_validator(mode="after")
    def _one_way_of_moving(self) -> LoopOptions:
        if self.shift_pixels and self.crop_pixels:
            raise ValueError("shift_pixels and crop_pixels both move images: keep one")
        return self

    @property
    def changes_images(self) -> bool:
        """Whether images are moved, mirrored or erased at random."""
        return bool(self.shift_pixels or self.crop_pixels or self.flip or self.erase)

    @property
    def augments(self) -> bool:
        """Whether a sample looks otherwise in each epoch."""
        return self.changes_images or bool(self.mixup)


class SampleShare(Options):
    """Which samples of the training split are learnt from (`training.share`)."""

    data_share: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description="the part of the training split that is trained on, of each class alike: the "
        "same samples for all who ask for the same share, and among those of a larger one. The "
        "validation split stays whole",
    )
    without_classes: tuple[str | int, ...] = Field(
        default=(),
        description="classes, by name or number, of which the training sees no sample",
    )


class Recipe(SampleShare, LoopOptions):
    """How the training loop trains: the fields are options of every technique that trains."""


class Listening(Options):
    """How much is learnt from a parent's outputs, and how much from the targets."""

    temperature: float = Field(
        default=4.0, gt=0, description="T, which softens both distributions; numbers have none"
    )
    soft_weight: float = Field(default=0.7, ge=0, description="weight of the parent's outputs")
    hard_weight: float = Field(default=0.3, ge=0, description="weight of the targets")
    label_share: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description="the part of the training split whose targets are known, chosen as by "
        "`data_share`: of the other samples only the parent's outputs are learnt",
    )

    @model_validator(mode="after")
    def _something_to_learn(self) -> Listening:
        if self.soft_weight == 0 and self.hard_weight == 0:
            raise ValueError("soft_weight and hard_weight are both 0: there is nothing to learn")
        usual = type(self).model_fields["temperature"].default
        if self.soft_weight == 0 and self.temperature != usual:
            raise ValueError("temperature is for what a parent says: soft_weight is 0")
        if self.soft_weight == 0 and self.label_share < 1:
            raise ValueError(
                "label_share leaves samples to what a parent says, and soft_weight is 0: "
                "data_share leaves them out"
            )
        return self


class Teaching(Listening, Recipe):
    """A recipe whose loss may also listen to a teacher's outputs (`training.losses.taught`).

    loss = soft_weight · T² · KL(softmax(z_teacher / T) ‖ softmax(z / T))
         + hard_weight · CE(z, label)

    where there are classes; else the task's losses, `TaskBase.imitation` and `TaskBase.loss`.
    """


class FineTuning(Teaching):
    """What follows a compression: on the labels, or also on the uncompressed parent's outputs."""

    epochs: int = Field(default=4, ge=0, description="epochs of fine-tuning")
    soft_weight: float = Field(default=0.0, ge=0, description="weight of the parent's outputs")
    hard_weight: float = Field(default=1.0, ge=0, description="weight of the labels")


Loss = Callable[["Tensor", "Batch"], "Tensor"]  # a model's outputs, the batch -> a scalar
AfterStep = Callable[[float], bool]  # the share of steps done -> has the model its final form?
Function = TypeVar("Function", bound=Callable[..., object])


@runtime_checkable
class Resumable(Protocol):
    """A loss or `after_step` that says what it remembers from step to step, as tensors by name."""

    def state_dict(self) -> Mapping[str, Tensor]:
        """What it remembers now."""
        ...

    def load_state_dict(self, state: Mapping[str, Tensor], /) -> object:
        """Remember this; the model has the weights of that moment already."""
        ...


def stateless(function: Function) -> Function:
    """Say of a loss or `after_step` that it remembers nothing: it is `Resumable`."""
    setattr(function, "state_dict", dict)  # noqa: B010
    setattr(function, "load_state_dict", _remember_nothing)  # noqa: B010
    return function


def _remember_nothing(state: Mapping[str, Tensor], /) -> None:
    assert not state


class Trainer(ABC):
    """The training loop as a technique sees it; `training.loop.Fit` is the one there is."""

    @abstractmethod
    def __call__(
        self,
        model: nn.Module,
        recipe: Recipe,
        loss: Loss | None = None,
        after_step: AfterStep | None = None,
        samples: Split | None = None,
    ) -> nn.Module:
        """Train `model` in place by `recipe`; the task's own loss where none is given.

        A loss that is a torch module learns its own weights meanwhile. With `samples`,
        which are in memory, it learns from them in place of the training split: the indices of
        batches are places among them.

        `after_step` is called after each optimiser step with the share of steps done (0 to 1], and
        says whether the model has its final form by then (all its zeros, say): only epochs that end
        so can be the best one. The last step must say yes.

        A training that was killed goes on from an epoch that it had finished, and ends with the
        same weights. For that the technique runs again up to this call, must come here with the
        same model and random states (which is checked), and `loss` and `after_step` must be
        `Resumable`; else the training starts again from its first epoch. With `recipe.mixup` the
        loss is asked for each batch twice, with the same inputs and other targets.
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
    def latency_share(self, model: nn.Module, whole: nn.Module) -> float:
        """The latency of a module / another's, as files on this machine, one sample at a time.

        It is measured once for nets of the same shapes, also where a killed job goes on.
        """

    @abstractmethod
    def in_parts(self, what: str, count: int, find: Callable[[int], Tensor]) -> list[Tensor]:
        """What `find` gives for 0 to `count` - 1.

        How far it is, is told as `what`. Parts that were found before a job was killed are not
        found again: each must depend on its number and on what the job's key holds alone, and
        leaves the random states of torch as they were.
        """

    @abstractmethod
    def tell(self, text: str, share: float | None = None) -> None:
        """Say how far a work is that the training loop knows nothing of, and the job's share done.

        It is shown while the job is made, with the time that is left; nothing of it is kept.
        """

    @abstractmethod
    def asked(self, seconds: float) -> None:
        """Say what asking a teacher once for all samples took; 0 where each batch asks it anew."""

    @abstractmethod
    def note(self, text: str) -> None:
        """Say what the user must know of this job, such as the layers left as they were, and why.

        It is told while the job is made, and kept in the artifact's manifest.
        """


@dataclass(frozen=True)
class Batch:
    """What a loss may look at: prepared inputs (B, …), targets (B, …), indices in the split (B,).

    Indices are empty where a batch is of no split. Where the recipe augments, the inputs are not
    those that the split has at the indices.
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
