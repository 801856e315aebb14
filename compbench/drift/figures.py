"""Two models' outputs of the same samples -> a few numbers a sample; no targets are needed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from compbench.statistics.drift import ANSWERS, CONFIDENCE, DISTANCE, GAP, Numbers

Outputs = NDArray[np.float32]
_ROUNDING = 1e-12  # bits: distributions that only roundings tell apart
_LEAST = -700.0  # nats: so that 0 has a logarithm


@dataclass(frozen=True)
class Comparison:
    """How outputs are compared.

    `has_distribution` says that their last axis is of one distribution: its logits, or for either
    model its `probabilities`. Else they are numbers, each compared by its `spread`.
    """

    has_distribution: bool
    are_probabilities: tuple[bool, bool] = (False, False)
    spread: tuple[float, ...] = ()


def figures(teacher: Outputs, student: Outputs, comparison: Comparison) -> dict[str, Numbers]:
    """The figures (N,) of outputs (N, …) of two models.

    Of distributions the share of them whose likeliest outcome differs; how far they are apart (see
    `distance`); the student's lead of its likeliest outcome over the next, less the teacher's lead
    of its own, in nats; and the probability of the student's likeliest outcome; each a mean over a
    sample's distributions. Of numbers the root mean square of their differences, each as a share of
    its spread.
    """
    if not comparison.has_distribution:
        count = len(teacher)
        apart = teacher.astype(np.float64).reshape(count, -1) - student.reshape(count, -1)
        return {DISTANCE: np.sqrt(np.square(apart / np.array(comparison.spread)).mean(1))}
    one, other = (
        _logarithms(outputs, are_probabilities)
        for outputs, are_probabilities in zip(
            (teacher, student), comparison.are_probabilities, strict=True
        )
    )
    found = {
        ANSWERS: (one.argmax(-1) != other.argmax(-1)).astype(np.float64),
        DISTANCE: distance(np.exp(one), np.exp(other)),
        GAP: _lead(other) - _lead(one),
        CONFIDENCE: np.exp(other.max(-1)),
    }
    return {name: each.reshape(len(teacher), -1).mean(1) for name, each in found.items()}


def _logarithms(outputs: Outputs, are_probabilities: bool) -> NDArray[np.float64]:
    """Of the probabilities, -700 where one is 0 or nearly so."""
    exact = outputs.astype(np.float64)
    if not are_probabilities:
        return np.maximum(special.log_softmax(exact, axis=-1), _LEAST)
    whole = exact.sum(-1, keepdims=True)
    return np.log(np.maximum(exact / whole, np.exp(_LEAST)))


def _lead(logarithms: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much likelier the likeliest outcome is than the next, in nats."""
    ordered = np.partition(logarithms, -2, axis=-1)
    return ordered[..., -1] - ordered[..., -2]


def distance(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """The Jensen-Shannon distance of distributions (…, K), 0 to 1, (…): 1 where they share nothing.

    The root of their divergence in bits (J. Lin, IEEE Transactions on Information Theory 37, 1991),
    which is a metric (D. M. Endres and J. E. Schindelin, the same 49, 2003).
    """
    middle = (one + other) / 2
    found = (special.rel_entr(one, middle) + special.rel_entr(other, middle)).sum(-1) / 2
    found /= np.log(2)
    return np.sqrt(np.where(found < _ROUNDING, 0.0, np.minimum(found, 1.0)))
