"""Two parts of some samples with every class represented alike, the same on every machine.

The same indices as scikit-learn's `train_test_split(stratify=…)` gives, whose import takes longer
than the splitting of any dataset; they can't change with its version.
"""

from __future__ import annotations

from math import ceil

import numpy as np
from numpy.typing import NDArray

from compbench.errors import UserError

Indices = NDArray[np.int64]


def divided(
    count: int, share: float, seed: int, labels: NDArray[np.int64] | None
) -> tuple[Indices, Indices]:
    """Indices of the rest and of a share of so many samples, each in random order.

    Where there are labels, each class is in both parts alike. Raises UserError where it can't be.
    """
    if labels is None:
        rest, part = shuffled(count, share, seed)
        why = ""
    else:
        rest, part = stratified(labels, share, seed)
        names, counts = np.unique(labels, return_counts=True)
        why = (
            f" with every class in each part: class {names[counts.argmin()]} has {counts.min()}, "
            f"and about {ceil(1 / share)} are needed"
        )
        if min(len(np.unique(labels[own])) for own in (rest, part)) < len(names):
            rest = part = np.arange(0)
    if not len(rest) or not len(part):
        raise UserError(f"{count:,} samples can't be divided by a share of {share:g}{why}")
    return rest, part


def stratified(labels: NDArray[np.int64], share: float, seed: int) -> tuple[Indices, Indices]:
    """Indices of the rest and of a share of the samples, each in random order.

    Both are empty where a class has one sample, or a part would have fewer samples than classes.
    """
    _, classes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    taken = ceil(share * len(labels))
    if counts.min() < 2 or min(taken, len(labels) - taken) < len(counts):
        return np.arange(0), np.arange(0)
    random = np.random.RandomState(seed)  # its streams never change, by numpy's policy
    of_class = np.split(np.argsort(classes, kind="stable"), np.cumsum(counts)[:-1])
    rests = _shared_out(len(labels) - taken, counts, random)
    parts = _shared_out(taken, counts - rests, random)
    rest, part = [], []
    for indices, first, second in zip(of_class, rests, parts, strict=True):
        shuffled = indices[random.permutation(len(indices))]
        rest.append(shuffled[:first])
        part.append(shuffled[first : first + second])
    return random.permutation(np.concatenate(rest)), random.permutation(np.concatenate(part))


def shuffled(count: int, share: float, seed: int) -> tuple[Indices, Indices]:
    """Indices of the rest and of a share of so many samples, each in random order."""
    order = np.random.RandomState(seed).permutation(count)
    taken = ceil(share * count)
    return order[taken:], order[:taken]


def _shared_out(
    number: int, counts: NDArray[np.int64], random: np.random.RandomState
) -> NDArray[np.int64]:
    """How many of each class, in proportion; what rounding leaves goes to the largest remainders.

    Equal remainders are drawn from.
    """
    wanted = counts / counts.sum() * number
    whole = np.floor(wanted)
    left, remainders = int(number - whole.sum()), wanted - whole
    for remainder in np.unique(remainders)[::-1]:
        if left <= 0:
            break
        equal = np.flatnonzero(remainders == remainder)
        chosen = random.choice(equal, size=min(len(equal), left), replace=False)
        whole[chosen] += 1
        left -= len(chosen)
    return whole.astype(np.int64)
