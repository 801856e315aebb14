"""Two techniques equally good in truth, whose trainings vary: how often are they called different?

Each training of either has an accuracy of its own, and an image that is hard for one is mostly hard
for the other.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from compbench.statistics.quality_change import between
from tests.simulations.rate import Rate

ACCURACY, SHARED = 0.97, 0.7  # SHARED: of an answer's variance, what the image decides
PLACE = float(ndtri(ACCURACY))
SLOPE = float(np.exp(-(PLACE**2) / 2) / np.sqrt(2 * np.pi))  # accuracy gained by moving PLACE
DEVIATIONS = (0.002, 0.005)  # of accuracy, between trainings


def answers(
    random: np.random.Generator, *, seeds: int, images: int, sd: float, better: float = 0
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Of two techniques, `better` is the first's lead in truth: 0/1 by seed and image."""
    hard = np.sqrt(SHARED) * random.standard_normal(images, dtype=np.float32)
    own = random.standard_normal((2, seeds, images), dtype=np.float32)
    places = PLACE + random.normal(0, sd, (2, seeds, 1)) / SLOPE
    places[0] += better / SLOPE
    own *= np.sqrt(1 - SHARED)
    own += hard
    right = (own < places.astype(np.float32)).view(np.uint8)
    return right[0], right[1]


def rates(trials: int) -> Sequence[Rate]:
    """Of techniques and, in the same trials, of files: what the files' interval alone would say."""
    found = []
    for seeds, images, sd, better in [
        (seeds, images, sd, better)
        for better in (0, 0.01)
        for images in (360, 10_000)
        for seeds in (3, 5)
        for sd in DEVIATIONS
    ]:
        random = np.random.default_rng([seeds, images, round(1e4 * sd), round(1e3 * better)])
        techniques = files = 0
        for _ in range(trials):
            ours, theirs = answers(random, seeds=seeds, images=images, sd=sd, better=better)
            change = between(dict(enumerate(ours)), dict(enumerate(theirs)))
            assert change is not None
            techniques += change.side != 0
            files += change.files_side != 0
        where = f"{seeds} seeds ± {100 * sd:.1f} pp, {images:,} images"
        if better:
            lead = f"a technique better by {100 * better:g} pp is called different"
            found.append(Rate(lead, where, techniques, trials))
        else:
            equal = "techniques equally good are called different"
            found.append(Rate(equal, where, techniques, trials, 0.05))
            found.append(Rate("the same by their files alone", where, files, trials))
    return found
