"""One of several artifacts, chosen by what each was worth on validation."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from compbench.contracts import ChoosingTechnique
from compbench.data.splits import Data
from compbench.errors import JobFailed
from compbench.make.store import HISTORY, MODEL, Artifact
from compbench.runtime import inference
from compbench.runtime.process import Worker
from compbench.runtime.target import Target
from compbench.suite.plan import Job


def chosen(
    job: Job,
    parents: Sequence[Artifact],
    data: Data,
    worker: Worker,
    note: Callable[[str], None],
) -> Artifact:
    """The parent that is taken, at this job's seed; which one it is, is noted.

    `parents` are those of all seeds, as `Job.parents` has them. Raises JobFailed where the
    technique's choice is none of them.
    """
    technique, names = job.variant.technique, job.variant.parents
    assert isinstance(technique, ChoosingTechnique)
    found = [validation(parent, data, worker) for parent in parents]
    by_parent = [found[place :: len(names)] for place in range(len(names))]
    place = technique.choose(by_parent, data.task.headline)
    if not 0 <= place < len(names):
        raise JobFailed(f"chose parent {place} of {len(names)}, counted from 0")
    value = sum(by_parent[place]) / len(by_parent[place])
    note(
        f"it is '{names[place]}', chosen of {len(names)} by validation: "
        f"{data.task.headline.text(value)}"
    )
    return next(p for p in parents[place :: len(names)] if p.manifest.seed == job.seed)


def validation(artifact: Artifact, data: Data, worker: Worker) -> float:
    """The metric on the validation split: of the epoch that was kept, or of the file."""
    kept = artifact.manifest.chosen_epoch
    if kept is not None and HISTORY in artifact.manifest.files:
        return float(json.loads(artifact.read(HISTORY))[kept - 1]["validation"])
    split, task = data.training.validation, data.task
    file = artifact.path(MODEL)
    outputs = inference.infer(worker, str(file), Target(), "validation").outputs["validation"]
    return float(task.headline.value(task.scores(outputs, split.targets)))
