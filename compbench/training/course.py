"""How far one training has come: all that its next epoch depends on, and its way to disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from math import isfinite
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from compbench.contracts import Recipe, Resumable
from compbench.training import randomness, unfinished
from compbench.training.average import Average
from compbench.training.optimizer import Optimizer
from compbench.training.precision import Precision
from compbench.training.schedule import schedule
from compbench.training.unfinished import Saved
from compbench.training.weights import (
    copied,
    has_hidden_state,
    held,
    plain_attributes,
    put_back,
)

if TYPE_CHECKING:
    from compbench.contracts import AfterStep, Loss
    from compbench.headline import Headline


class Course:
    """A net in training by a recipe, and what is remembered from epoch to epoch."""

    def __init__(
        self, model: nn.Module, recipe: Recipe, samples: int, seed: int, loss: Loss | None = None
    ):
        """`samples` are those of an epoch; a loss with weights of its own learns them meanwhile."""
        self.model, self.recipe = model, recipe
        self.beside = loss if isinstance(loss, nn.Module) else nn.Module()
        self.steps = recipe.epochs * -(-samples // recipe.batch_size)  # of the whole training
        self.device = next((p.device for p in model.parameters()), torch.device("cpu"))
        self.precision = Precision(recipe.autocast, self.device)
        learnt = (*model.parameters(), *self.beside.parameters())
        self.optimizer = Optimizer(learnt, recipe)
        self.average = Average(model, recipe.ema_decay) if recipe.ema_decay else None
        self.shuffle = torch.Generator().manual_seed(seed)
        self.micro_batch = recipe.batch_size
        self.rows: Tensor | None = None  # the samples that it sees, where these are not all
        self.inputs: tuple[str, ...] = ()  # those that the net takes, in its order
        self.epochs = self.step = self.waited = 0
        self.best: float | None = None
        self.best_epoch: int | None = None  # as the history counts
        self.best_state: dict[str, Tensor] | None = None

    @property
    def is_over(self) -> bool:
        """Whether there is nothing left to train."""
        if self.epochs >= self.recipe.epochs:
            return True
        return bool(self.recipe.patience) and self.waited >= self.recipe.patience

    def pace(self) -> Iterator[tuple[float, float]]:
        """The learning rate and momentum of each step that is left."""
        return schedule(self.recipe, self.steps, self.step)

    def move(self, learning_rate: float, momentum: float) -> None:
        """One optimiser step by the gradients that are there."""
        self.step += 1
        if self.precision.unscaled(self.optimizer.parameters):
            self.optimizer.step(learning_rate, momentum)

    def average_up(self) -> None:
        """After a step, when the weights are as they stay."""
        if self.average:
            self.average.update(self.model, self.step)

    def as_kept(self) -> AbstractContextManager[None]:
        """The weights that are validated and kept."""
        return self.average.in_place(self.model) if self.average else nullcontext()

    def judge(self, epoch: int, value: float, is_final: bool, headline: Headline) -> None:
        """After an epoch: keep its weights where it is the best one so far."""
        self.epochs += 1
        if is_final and _is_better(value, self.best, headline):
            self.best, self.best_epoch, self.waited = value, epoch, 0
            self.best_state = copied(held(self.model))
        elif self.best_state is not None:
            self.waited += 1

    def finish(self) -> None:
        """The model ends with the weights of the best epoch, and no gradients."""
        if self.best_state is not None:
            put_back(self.model, self.best_state)
        self.optimizer.zero_grad()

    def saved(self, loss: Loss | None, after_step: AfterStep, more: dict[str, Any]) -> Saved:
        """All of it, the random states and what `loss` and `after_step` remember."""
        states = randomness.states()
        tensors = {"shuffle": self.shuffle.get_state()}
        parts: dict[str, Mapping[str, Tensor]] = {
            "model": held(self.model),
            "optimizer": self.optimizer.state(),
            "average": self.average.values if self.average else {},
            "best": self.best_state or {},
            "loss": remembered(loss),
            "after_step": remembered(after_step),
            "random": states.tensors,
        }
        for part, found in parts.items():
            tensors |= {f"{part}/{name}": tensor for name, tensor in found.items()}
        plain = {name: getattr(self, name) for name in _PLAIN}
        scale = self.precision.scale, self.precision.good_steps
        return Saved(tensors, {**plain, **more, "random": states.plain, "scale": scale})

    def restore(self, saved: Saved, loss: Loss | None, after_step: AfterStep) -> None:
        """Be what it was when it was saved; the random states are, too."""
        parts: dict[str, dict[str, Tensor]] = {}
        for name, tensor in saved.tensors.items():
            part, _, inner = name.partition("/")
            parts.setdefault(part, {})[inner] = tensor
        self.shuffle.set_state(saved.tensors["shuffle"])
        put_back(self.model, parts["model"])
        _fill(self.optimizer.state(), parts.get("optimizer", {}))
        if self.average:
            _fill(self.average.values, parts["average"])
        for name in _PLAIN:
            setattr(self, name, saved.plain[name])
        if self.best_epoch is not None:
            self.best_state = copied(held(self.model))
            _fill(self.best_state, parts["best"])
        self.precision.scale, self.precision.good_steps = saved.plain["scale"]
        for name, function in (("loss", loss), ("after_step", after_step)):
            if isinstance(function, Resumable):
                function.load_state_dict(parts.get(name, {}))
        randomness.restore(randomness.States(parts["random"], saved.plain["random"]))

    def digest(self, samples: Mapping[str, Tensor] | None = None) -> str:
        """Of the beginning: two trainings with the same one end with the same weights.

        `samples` are what is learnt from, where it is not the training split.
        """
        states = randomness.states()
        tensors = {**held(self.model), **{f"random {n}": t for n, t in states.tensors.items()}}
        tensors |= {f"loss {name}": tensor for name, tensor in held(self.beside).items()}
        tensors |= {f"samples {name}": tensor for name, tensor in (samples or {}).items()}
        is_gpu = self.device.type == "cuda"
        return unfinished.digest(
            tensors,
            {name: getattr(self.recipe, name) for name in Recipe.model_fields},
            self.steps,
            torch.cuda.get_device_name(self.device) if is_gpu else "cpu",
            states.plain,
            self.shuffle.initial_seed(),
            plain_attributes(self.model),
        )


_PLAIN = ("epochs", "step", "waited", "best", "best_epoch", "micro_batch")


def remembered(function: Loss | AfterStep | None) -> Mapping[str, Tensor]:
    """What a loss or `after_step` says that it remembers."""
    return function.state_dict() if isinstance(function, Resumable) else {}


def can_be_saved(model: nn.Module, loss: Loss | None, after_step: AfterStep | None) -> bool:
    """Whether all that a training remembers is known, and is of types that files hold."""
    functions = all(f is None or isinstance(f, Resumable) for f in (loss, after_step))
    kinds = all(tensor.dtype in unfinished.STORABLE for tensor in held(model).values())
    extra = any(
        type(module).get_extra_state is not nn.Module.get_extra_state for module in model.modules()
    )
    return functions and kinds and not extra and not has_hidden_state(model)


def _fill(tensors: Mapping[str, Tensor], values: Mapping[str, Tensor]) -> None:
    with torch.no_grad():
        for name, tensor in tensors.items():
            tensor.copy_(values[name])


def _is_better(value: float, best: float | None, headline: Headline) -> bool:
    """A value that is no number is worse than every other."""
    if best is None or not isfinite(best):
        return best is None or isfinite(value)
    return headline.gain(value - best) > 0
