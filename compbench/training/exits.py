"""Exits: classifiers on a net's layers that learn from its last outputs while it is trained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from compbench.contracts import Batch, TaskBase, Trainer, TrainingData
from compbench.contracts.arguments import embedded
from compbench.errors import JobFailed
from compbench.training.taps import Taps
from compbench.training.weights import undone


class Weights(NamedTuple):
    """Of an exit's losses: on targets, on the last outputs, softened, and on the last features."""

    hard: float
    soft: float
    hint: float
    temperature: float

    @property
    def are_any(self) -> bool:
        """Whether anything is learnt by exits."""
        return max(self.hard, self.soft, self.hint) > 0


class Exit(nn.Module):
    """What a layer gives (B, …) -> features as wide as the net's last ones, and outputs of them.

    Of images and of sequences the mean over places, where the net gives one output a sample.
    """

    def __init__(self, given: Tensor, features: Tensor, outputs: Tensor):
        """Of two samples each: what its layer gives, the last features, the last outputs."""
        super().__init__()
        self._is_by_place = outputs.ndim == 3
        self.widen = nn.Linear(self._seen(given).shape[-1], self._seen(features).shape[-1])
        self.answer = nn.Linear(self._seen(features).shape[-1], outputs.shape[-1])

    def forward(self, given: Tensor) -> tuple[Tensor, Tensor]:
        """Features and outputs."""
        features = self.widen(self._seen(given))
        return features, self.answer(torch.relu(features))

    def hint(self, features: Tensor, wanted: Tensor) -> Tensor:
        """How far its features are from the net's last ones, which are taken as they are."""
        return mse_loss(features, self._seen(wanted).detach())

    def _seen(self, given: Tensor) -> Tensor:
        if self._is_by_place and given.ndim == 3:  # (B, L, W), as the outputs are (B, L, V)
            return given
        return embedded(given)


class Exits(nn.Module):
    """A net's loss and those of its exits; their own weights are learnt beside the net's.

    As a loss of the training loop: the net's outputs (B, …) and the batch -> a scalar.
    """

    def __init__(self, exits: Mapping[str, Exit], last: str, weights: Weights, task: TaskBase):
        """An exit for each layer, by its name, and the name of the one with the last features."""
        super().__init__()
        self._places, self._last = [*exits], last
        self._weights, self._task = weights, task
        self.learnt = nn.ModuleList(exits.values())
        self.taps: Taps | None = None

    def forward(self, outputs: Tensor, batch: Batch) -> Tensor:
        """A scalar."""
        assert self.taps is not None
        seen = {name: given.float() for name, given in self.taps.seen().items()}
        total, weights = self._task.loss(outputs, batch.targets), self._weights
        for place, leave in zip(self._places, self.learnt, strict=True):
            assert isinstance(leave, Exit)
            features, answers = leave(seen[place])
            if weights.hard:
                total = total + weights.hard * self._task.loss(answers, batch.targets)
            if weights.soft:
                soft = self._task.imitation(outputs.detach(), answers, weights.temperature)
                total = total + weights.soft * soft
            if weights.hint:
                total = total + weights.hint * leave.hint(features, seen[self._last])
        return total


@contextmanager
def learning_itself(
    net: nn.Module,
    places: Sequence[str],
    last: str,
    weights: Weights,
    data: TrainingData,
    fit: Trainer,
) -> Iterator[Exits]:
    """The loss of a net with exits on these layers, tapped within the block.

    Raises JobFailed where there is no such layer, or it does not run.
    """
    try:
        taps = Taps(net, {*places, last})
    except ValueError as error:
        raise JobFailed(f"exits: {error}") from error
    with undone(net), taps, torch.no_grad():
        outputs = net.eval()(*fit.example(net))
        seen = taps.seen()
    for place in places:
        if place not in seen or seen[place].ndim < 2 or not seen[place].is_floating_point():
            raise JobFailed(f"exits: the layer '{place}' does not run, or gives no features")
    exits = {place: Exit(seen[place], seen[last], outputs) for place in places}
    found = Exits(exits, last, weights, data.task)
    with taps:
        found.taps = taps
        yield found
