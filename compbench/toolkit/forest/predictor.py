"""Options, data and what is wanted of each sample -> trees as a technique gives them."""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import NDArray

from compbench.contracts import Input, Inputs, Predictor, Signature, Split, Trainer
from compbench.toolkit.forest import trees
from compbench.toolkit.forest.file import to_file
from compbench.toolkit.forest.growth import Sample, grown
from compbench.toolkit.forest.means import Link, Wanted
from compbench.toolkit.forest.options import ForestOptions


def refuse_inputs(signature: Signature) -> None:
    """Raises ValueError where an input is no row of numbers, all of one length."""
    for name, one in signature.inputs.items():
        problem = _problem(one)
        if problem:
            raise ValueError(f"trees ask whether a number is larger than another: {name} {problem}")


def _problem(one: Input) -> str:
    if one.values is not None:
        return "stands for words or categories, by integers in no order"
    return "has samples of any length" if one.free_axes else ""


def predictor(
    split: Split,
    wanted: Wanted,
    by: ForestOptions,
    link: Link,
    signature: Signature,
    fit: Trainer,
) -> Predictor:
    """Trees on the raw samples of a split, seeded by torch's random state."""
    import torch

    seed = int(torch.randint(2**31 - 1, (1,)))
    sample = Sample(trees.table_of(split), *wanted)
    share = _feature_share(by, link, sample.rows.shape[1])
    found = grown(sample, by, share, seed, torch.get_num_threads(), fit.tell)

    def outputs(raw: Inputs) -> NDArray[np.float32]:
        given = {name: raw[name] for name in signature.inputs}
        return link.outputs(found.predict(trees.table(given)))

    return Predictor(to_file(found.ensemble, link, signature), outputs)


def _feature_share(by: ForestOptions, link: Link, features: int) -> float:
    if by.feature_share is not None:
        return by.feature_share
    if by.is_boosting:
        return 1.0
    return 1 / 3 if link.means == "values" else 1 / sqrt(features)
