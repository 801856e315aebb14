"""Is a model as sure as it is right? Pure."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 15  # of equal width, as Guo et al. have it


def calibration_error(confidence: NDArray[Any], correct: NDArray[Any], bins: int = BINS) -> float:
    """The expected calibration error of answers (N,) with their probabilities (N,), 0 to 1.

    The mean distance between the share that is right and the mean confidence, over bins of equal
    width (those at an edge are in the lower one), each weighted by its samples. Few samples make it
    larger, never smaller on average. Source: Guo et al. 2017, arXiv:1706.04599.
    """
    sure, right = np.asarray(confidence, np.float64), np.asarray(correct, np.float64)
    which = np.clip(np.ceil(sure * bins).astype(int) - 1, 0, bins - 1)
    gaps = np.bincount(which, right - sure, minlength=bins)
    return float(np.abs(gaps).sum() / len(sure))
