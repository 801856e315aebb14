"""Learning rate and momentum of each step; the values are those of torch's schedulers."""

from __future__ import annotations

from collections.abc import Iterator
from math import cos, pi

from compbench.contracts import Recipe

MOMENTUM = 0.9  # SGD's, and AdamW's beta1, where the schedule does not say otherwise
WARM_UP = 0.3  # share of one-cycle's steps in which the rate rises and momentum falls
FIRST_RATE, LAST_RATE = 1 / 25, 1 / 250_000  # of one-cycle, as shares of its peak
MOST_MOMENTUM, LEAST_MOMENTUM = 0.95, 0.85  # of one-cycle, at its ends and at its peak


def schedule(recipe: Recipe, steps: int, done: int = 0) -> Iterator[tuple[float, float]]:
    """(learning rate, momentum) of each of the steps that are left."""
    peak = recipe.learning_rate
    for step in range(done, steps):
        if recipe.schedule == "one_cycle":
            yield _one_cycle(peak, step, steps)
        elif recipe.schedule == "cosine":
            yield _between(peak, 0.0, step / steps), MOMENTUM
        else:
            yield peak, MOMENTUM


def _one_cycle(peak: float, step: int, steps: int) -> tuple[float, float]:
    """Smith & Topin, arXiv:1708.07120, with cosines as in `torch.optim.lr_scheduler.OneCycleLR`."""
    turn, last = WARM_UP * steps - 1, steps - 1
    if step <= turn:
        done = step / turn
        rate = _between(FIRST_RATE * peak, peak, done)
        return rate, _between(MOST_MOMENTUM, LEAST_MOMENTUM, done)
    done = (step - turn) / (last - turn)
    rate = _between(peak, LAST_RATE * peak, done)
    return rate, _between(LEAST_MOMENTUM, MOST_MOMENTUM, done)


def _between(start: float, end: float, done: float) -> float:
    """From start to end along half a cosine, `done` from 0 to 1."""
    return end + (start - end) / 2 * (1 + cos(pi * done))
