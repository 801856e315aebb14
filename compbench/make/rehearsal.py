"""Whether a student can learn from its teachers, tried before these are trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from compbench.contracts import ModelFamily, TorchTechnique, TrainingData
from compbench.errors import JobFailed
from compbench.make import determinism
from compbench.training.loop import Fit

SAMPLES = 256  # of the training split


def refuse_hopeless(
    technique: TorchTechnique, teachers: Sequence[ModelFamily], data: TrainingData
) -> None:
    """Raises JobFailed where one that `rehearses` can't begin on teachers that learnt nothing yet.

    It is built without epochs on the first training samples: a layer that is not there, layers
    that can't be paired and classes that nobody knows are found so.
    """
    if not technique.rehearses:
        return
    few = np.arange(min(SAMPLES, len(data.train)))
    part = replace(data, train=data.train.part(few))
    unlearnt = technique.model_copy(update={"epochs": 0})
    try:
        parents = [teacher.build(data.signature).eval() for teacher in teachers]
        determinism.seed(0)
        unlearnt.build(parents, part, Fit(part, 0, lambda epoch, total: None))
    except ValueError as error:
        raise JobFailed(str(error)) from error
