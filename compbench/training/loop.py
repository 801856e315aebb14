"""The only training loop. It is given a loss function, and knows nothing of techniques."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from compbench.contracts import (
    Batch,
    Epoch,
    Recipe,
    Resumable,
    Split,
    Trainer,
    TrainingData,
    stateless,
)
from compbench.contracts.arguments import arguments
from compbench.errors import JobFailed
from compbench.training import allocator, randomness, unfinished
from compbench.training.activation_order import pooled_first
from compbench.training.augment import Augmented
from compbench.training.course import Course, can_be_saved, remembered
from compbench.training.device import fastest_here
from compbench.training.layout import moved, working
from compbench.training.micro_batch import Mixed, largest, sizes
from compbench.training.share import rows
from compbench.training.stored import Preparation, Stored
from compbench.training.strides import skipped_first
from compbench.training.unfinished import Saved, Unfinished
from compbench.training.weights import copied, plain_attributes
from compbench.units import seconds_text

if TYPE_CHECKING:
    from compbench.contracts import AfterStep, Loss

ASKED = 256  # samples of a pass without gradients: larger batches leave the caches
_PART_S = 2.0  # how often a long epoch tells how far it is


@stateless
def _always_final(share_done: float) -> bool:
    return True


class Fit(Trainer):
    """Trains for one job: same data, seed and threads give the same weights, bit for bit.

    `history` holds every epoch trained so far; `chosen_epoch` is the best by the metric on the
    validation split, the earliest of equals, whose weights the model ends with. States of what is
    under way are kept in the folder `unfinished`, if there is one; from there it goes on. `latency`
    measures one net's as a share of another's. `on_part` is told how many epochs are done, parts of
    one included, and of how many, every two seconds of a long one; `on_news` what a technique says
    of work of its own, and the share of it that is done.
    """

    def __init__(
        self,
        data: TrainingData,
        seed: int,
        on_epoch: Callable[[Epoch, int], None],
        unfinished: Path | None = None,
        latency: Callable[[nn.Module, nn.Module], float] | None = None,
        on_part: Callable[[float, int], None] | None = None,
        on_news: Callable[[str, float | None], None] | None = None,
    ):
        self.device = fastest_here()
        self.data = data
        self.train, self.validation = (
            Stored(split, self.device) for split in (data.train, data.validation)
        )
        self._prepared = Preparation(data.signature, self.device)
        self.seed = seed
        self.on_epoch, self._on_part, self._on_news = on_epoch, on_part, on_news
        self.history: list[Epoch] = []
        self.notes: list[str] = []
        self.chosen_epoch: int | None = None
        self.samples_seen = 0
        self._at_once = ASKED
        self.seconds = 0.0  # of all calls, those before a stop included
        self.earlier_seconds = 0.0  # of epochs that were trained before a stop
        self.asking_seconds: float | None = None  # None where no teacher was asked
        self._calls = 0
        self._own: dict[str, Tensor] = {}  # samples of a call that are not the training split's
        self._latency = latency
        self._shares: dict[str, float] = {}
        self._unfinished = Unfinished(unfinished) if unfinished else None

    def __call__(
        self,
        model: nn.Module,
        recipe: Recipe,
        loss: Loss | None = None,
        after_step: AfterStep | None = None,
        samples: Split | None = None,
    ) -> nn.Module:
        """Train `model` in place; without epochs it is returned as it came."""
        started = time.perf_counter()
        self._calls += 1
        example = self.example(model)
        _give_shapes(model, example)
        with allocator.kept(), pooled_first(model), skipped_first(model), self._from(samples):
            layout = working(model, example, self.device)
            if recipe.epochs:
                self._train(model, recipe, loss, after_step, layout)
        self.seconds += time.perf_counter() - started
        return moved(model, torch.device("cpu"), torch.contiguous_format).eval()

    @contextmanager
    def _from(self, samples: Split | None) -> Iterator[None]:
        """Within it these are the training split."""
        before = self.data, self.train
        if samples is not None:
            self.data = replace(self.data, train=samples)
            self.train = Stored(samples, self.device)
            assert self.train.inputs is not None, "samples that are learnt from are in memory"
            self._own = {**self.train.inputs, "targets": self.train.targets}
        try:
            yield
        finally:
            self.data, self.train = before
            self._own = {}

    def _train(
        self,
        model: nn.Module,
        recipe: Recipe,
        loss: Loss | None,
        after_step: AfterStep | None,
        layout: torch.memory_format,
    ) -> None:
        """All epochs that are left; the model ends with the weights of the best one."""
        augmented = Augmented(self.train, self.data.signature, recipe, layout)
        if isinstance(loss, nn.Module):
            loss.to(self.device)
        here = rows(self.data, recipe)
        samples = len(self.data.train) if here is None else len(here)
        course = Course(model, recipe, samples, self.seed, loss)
        course.rows = here
        course.inputs = self.data.signature.taken_by(model)
        keep = self._keeper(course, loss, after_step or _always_final)
        loss, after_step = loss or self._task_loss, after_step or _always_final
        total = len(self.history) - course.epochs + recipe.epochs
        if course.step == 0 and recipe.micro_batch is not None:
            course.micro_batch = self._micro_batch(course, loss)
        is_parted = course.micro_batch < min(recipe.batch_size, samples)
        self._at_once = min(ASKED, course.micro_batch) if is_parted else ASKED
        if recipe.micro_batch == "auto" and is_parted:
            self.note(f'micro_batch = "auto": {course.micro_batch} samples at once fit into memory')
        while not course.is_over:
            train_loss, is_final = self._epoch(course, augmented, loss, after_step, total)
            with course.as_kept():
                epoch = self._finish_epoch(model, train_loss)
                course.judge(epoch.epoch, epoch.validation, is_final, self.data.task.headline)
            keep()
            self.on_epoch(epoch, total)
        course.finish()
        self.chosen_epoch = course.best_epoch or self.chosen_epoch

    def _epoch(
        self, course: Course, augmented: Augmented, loss: Loss, after_step: AfterStep, total: int
    ) -> tuple[float, bool]:
        """One pass over the training split: its mean loss; has the model its final form?"""
        course.model.train()
        is_new = course.step == 0
        losses, sizes, is_final = [], [], True
        pace, told = course.pace(), time.perf_counter()
        for batch in self._batches(augmented, course):
            course.optimizer.zero_grad()
            losses.append(self._gradients(course, batch, loss))
            course.move(*next(pace))
            is_final = after_step(course.step / course.steps)
            course.average_up()
            sizes.append(len(batch))
            if self._on_part and time.perf_counter() - told > _PART_S:
                told = time.perf_counter()
                left = course.recipe.epochs * (course.steps - course.step) / course.steps
                self._on_part(total - left, total)
        if is_new and not isfinite(losses[0]):
            raise JobFailed(
                f"the loss is {float(losses[0])} before anything was learnt: what the net gives "
                "is no finite number, or what its loss makes of it"
            )
        each = torch.stack(losses) * torch.tensor(sizes, device=self.device)
        self.samples_seen += sum(sizes)
        return float(each.sum()) / sum(sizes), is_final

    def _gradients(self, course: Course, batch: Mixed, loss: Loss) -> Tensor:
        """Add a batch's gradients up, part by part; its loss."""
        values = []
        for share, part in batch.parts(course.micro_batch):
            with course.precision.context():
                outputs = course.model(*[part.inputs[name] for name in course.inputs])
            value = part.loss(loss, course.precision.plain(outputs))
            value = value if share == 1 else value * share
            course.precision.backward(value)
            values.append(value.detach())
        return values[0] if len(values) == 1 else torch.stack(values).sum()

    def _micro_batch(self, course: Course, loss: Loss) -> int:
        """How many samples go through the net at once, as the recipe says or memory allows."""
        asked = course.recipe.micro_batch
        if isinstance(asked, int):
            return min(asked, course.recipe.batch_size)
        there = torch.arange(len(self.data.train)) if course.rows is None else course.rows
        first = there[: course.recipe.batch_size].to(self.device)
        size = len(first)
        inputs = self._prepared(self.train.take(first))
        batch = Mixed(inputs, self.train.targets[first], first)
        course.model.train()

        def attempt(count: int) -> None:
            course.micro_batch = count
            self._gradients(course, batch.first(count), loss)

        remembers = copied(remembered(loss))
        found = largest(size, course.model, attempt)
        if isinstance(loss, Resumable):
            loss.load_state_dict(remembers)
        return found

    def _task_loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        return self.data.task.loss(outputs, batch.targets)

    def _batches(self, augmented: Augmented, course: Course) -> Iterator[Mixed]:
        """An epoch's batches, in an order of their own."""
        if course.rows is None:
            order = torch.randperm(len(self.data.train), generator=course.shuffle)
        else:
            order = course.rows[torch.randperm(len(course.rows), generator=course.shuffle)]
        indices = order.to(self.device)
        targets = self.train.targets.index_select(0, indices)
        counts = sizes(len(indices), course.recipe.batch_size)
        parts = indices.split(counts)
        found = augmented.batches(parts, course.shuffle)
        wanted_parts = targets.split(counts)
        for raw, wanted, part in zip(found, wanted_parts, parts, strict=True):
            inputs = self._prepared(raw.inputs)
            if raw.mix is None:
                yield Mixed(inputs, wanted, part)
            else:
                mixed = {name: raw.mix.of(array) for name, array in inputs.items()}
                yield Mixed(mixed, wanted, part, raw.mix)

    def _keeper(
        self, course: Course, loss: Loss | None, after_step: AfterStep
    ) -> Callable[[], None]:
        """Go on from the state that this call was stopped in; gives what writes it now and then."""
        files, call = self._unfinished, self._calls
        if files is None or not can_be_saved(course.model, loss, after_step):
            return lambda: None
        digest, attributes = course.digest(self._own), plain_attributes(course.model)
        began, spent = time.perf_counter(), 0.0
        saved = files.read(call, digest)
        if saved:
            course.restore(saved, loss, after_step)
            self.history = [Epoch(**epoch) for epoch in saved.plain["history"]]
            self.samples_seen = saved.plain["samples_seen"]
            spent = saved.plain["seconds"]
            self.earlier_seconds += spent
            self.seconds += spent

        def keep() -> None:
            if not files.is_due or plain_attributes(course.model) != attributes:
                return
            told: dict[str, Any] = {
                "history": [asdict(epoch) for epoch in self.history],
                "samples_seen": self.samples_seen,
                "seconds": spent + time.perf_counter() - began,
            }
            files.write(call, digest, course.saved(loss, after_step, told))

        return keep

    def outputs(self, model: nn.Module, samples: Split | Batch) -> Tensor:
        """What a model gives on this fit's device, in evaluation mode, without gradients."""
        if isinstance(samples, Batch):
            with torch.no_grad():
                return model.to(self.device).eval()(*self.arguments(model, samples))
        return torch.cat([*self._outputs(model, self._stored(samples))])

    def asked(self, seconds: float) -> None:
        """Add up what teachers took."""
        self.asking_seconds = (self.asking_seconds or 0.0) + seconds

    def example(self, model: nn.Module, count: int = 2) -> tuple[Tensor, ...]:
        """The first training samples, prepared, on the CPU, as the arguments of a model."""
        return arguments(model, self.data, self.data.train.first(count))

    def arguments(self, model: nn.Module, batch: Batch) -> tuple[Tensor, ...]:
        """The inputs of a batch that a model takes, in the order of its parameters."""
        return tuple(batch.inputs[name] for name in self.data.signature.taken_by(model))

    def _stored(self, split: Split) -> Stored:
        known = {id(one.split): one for one in (self.train, self.validation)}
        return known.get(id(split)) or Stored(split, self.device)

    def _outputs(self, model: nn.Module, stored: Stored) -> Iterator[Tensor]:
        """Batch by batch."""
        model = model.to(self.device).eval()
        names = self.data.signature.taken_by(model)
        for raw in stored.batches(self._at_once):
            inputs = self._prepared(raw)
            with torch.no_grad():
                yield model(*[inputs[name] for name in names])

    def latency_share(self, model: nn.Module, whole: nn.Module) -> float:
        """What `latency` gave for two nets of these shapes, also before a job was killed."""
        what = f"latency of {_shapes(model)} beside {_shapes(whole)}"
        if what not in self._shares:
            if self._latency is None:
                raise JobFailed("nothing measures latencies here")
            files, measure = self._unfinished, partial(self._latency, model, whole)
            with torch.random.fork_rng(devices=[]):  # measured or remembered, the same goes on
                self._shares[what] = files.number(what, measure) if files else measure()
        return self._shares[what]

    def in_parts(self, what: str, count: int, find: Callable[[int], Tensor]) -> list[Tensor]:
        """Part by part; what is found is kept now and then, and all of it at the end."""
        files, began = self._unfinished, time.perf_counter()
        digest = unfinished.digest(randomness.states().tensors, what, count)
        saved = files.read(what, digest) if files else None
        found = [saved.tensors[str(n)] for n in range(len(saved.tensors))] if saved else []
        earlier_s, before = float(saved.plain["seconds"]) if saved else 0.0, len(found)
        self.earlier_seconds += earlier_s
        for number in range(before, count):
            with torch.random.fork_rng(devices=[]):  # found or remembered, the same goes on
                found.append(find(number))
            spent_s = time.perf_counter() - began
            left_s = spent_s / (number + 1 - before) * (count - number - 1)
            self.tell(f"{what} {number + 1}/{count}, {seconds_text(left_s)} s of it left")
            if files and (files.is_due or number + 1 == count):
                tensors = {str(n): part for n, part in enumerate(found)}
                files.write(what, digest, Saved(tensors, {"seconds": earlier_s + spent_s}))
        return found

    def tell(self, text: str, share: float | None = None) -> None:
        """Hand on how far a technique is with work of its own."""
        if self._on_news:
            self._on_news(text, share)

    def note(self, text: str) -> None:
        """Keep what the technique says, once."""
        if text not in self.notes:
            self.notes.append(text)

    def _finish_epoch(self, model: nn.Module, train_loss: float) -> Epoch:
        number = len(self.history) + 1
        if not isfinite(train_loss):
            raise JobFailed(f"the loss is {train_loss} in epoch {number}: lower learning_rate")
        given = (part.cpu().numpy() for part in self._outputs(model, self.validation))
        scores, done = [], 0
        for outputs in given:
            targets = self.data.validation.targets[done : done + len(outputs)]
            scores.append(self.data.task.scores(outputs, targets))
            done += len(outputs)
        epoch = Epoch(number, train_loss, self.data.task.headline.value(np.concatenate(scores)))
        self.history.append(epoch)
        return epoch


def _shapes(model: nn.Module) -> list[tuple[int, ...]]:
    return [tuple(parameter.shape) for parameter in model.parameters()]


def _give_shapes(model: nn.Module, example: tuple[Tensor, ...]) -> None:
    """Run a net with lazy layers once: they take their shapes from what they see."""
    if any(map(nn.parameter.is_lazy, (*model.parameters(), *model.buffers()))):
        with torch.no_grad():
            model.cpu().eval()(*example)
