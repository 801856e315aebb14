"""What a task is: what outputs mean, how they are learnt and judged."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from compbench.contracts.options import Options
from compbench.headline import Headline

if TYPE_CHECKING:
    from torch import Tensor


Means = Literal["", "distribution", "labels", "values"]


class TaskBase(Options, ABC):
    """Base of the class `Task` in every file of `tasks/`: all that depends on what outputs mean.

    `output` is the name of an ONNX file's output. `has_classes` says that outputs are logits of
    classes of which one is right: then there are confusions, soft labels and shares by class.
    `has_distribution` says that the last axis of outputs has the logits of one distribution.
    `has_temperature` says that `imitation` softens what a teacher says by one. `has_next_tokens`
    says that outputs are at each place the logits of the token after it: a net can write with them.
    `means` says what the mean of `numbers` over samples is, for models that tell means, as trees
    do: the distribution of one class, the share of each label, or values; nothing where there is no
    such mean.
    """

    libraries: ClassVar[tuple[str, ...]] = ()
    output: ClassVar[str] = "output"
    has_classes: ClassVar[bool] = False
    has_distribution: ClassVar[bool] = False
    has_temperature: ClassVar[bool] = True
    has_next_tokens: ClassVar[bool] = False
    means: ClassVar[Means] = ""

    @property
    @abstractmethod
    def headline(self) -> Headline:
        """The metric that reports, gates and choices are about."""

    @abstractmethod
    def wrong_targets(self, targets: NDArray[Any], outputs: int) -> str | None:
        """What is wrong with a split's targets, in a few words; None where nothing is."""

    @abstractmethod
    def output_shape(self, targets: NDArray[Any], outputs: int) -> tuple[int, ...]:
        """The shape of what a model must give for samples of these targets (N, …)."""

    @abstractmethod
    def scores(self, outputs: NDArray[np.float32], targets: NDArray[Any]) -> NDArray[Any]:
        """One score a sample (N,): uint8 where it is right or wrong, else float64."""

    @abstractmethod
    def agreement(
        self, reference: NDArray[np.float32], outputs: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """How far two computations come to the same answer, a share a sample (N,): parity."""

    @abstractmethod
    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The loss on targets, a scalar: the mean over the batch."""

    @abstractmethod
    def imitation(self, teacher: Tensor, outputs: Tensor, temperature: float) -> Tensor:
        """The loss on a teacher's outputs, a scalar; 0 where they are equal, else positive."""

    def numbers(self, targets: NDArray[Any], outputs: int) -> NDArray[np.float64]:
        """Targets as numbers (N, outputs), of which there are `means`."""
        return np.asarray(targets, np.float64).reshape(len(targets), outputs)

    def blind_scores(self, targets: NDArray[Any], outputs: int) -> NDArray[Any] | None:
        """The scores (N,) of the best answer that looks at no input: what chance gives.

        None where there is no such answer.
        """
        return None

    def further_scores(
        self, outputs: NDArray[np.float32], targets: NDArray[Any]
    ) -> Mapping[str, float]:
        """Other figures of the test split, by the name of their metric: R², say."""
        return {}

    def says(self) -> dict[str, Any]:
        """What a run records of it, so that a report needs no task."""
        return {"headline": self.headline.model_dump(), "has_classes": self.has_classes}
