"""One artifact on one target -> scores on both splits, and parity."""

from __future__ import annotations

import io
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from compbench.data.splits import Data
from compbench.errors import JobFailed
from compbench.make.store import LOGITS, MODEL, Artifact
from compbench.measure.rows import make_row
from compbench.onnxfile.parity import parity
from compbench.results.row import Row
from compbench.runtime import inference
from compbench.runtime.process import Worker
from compbench.runtime.target import Target
from compbench.suite.plan import Job

KEPT_BYTES = 64 << 20  # of logits that a child's may still be compared with


class Inferences:
    """What files give on targets, each run once: those asked for last, as long as there is room."""

    def __init__(self, worker: Worker, most_bytes: int = KEPT_BYTES):
        self._worker, self._most_bytes = worker, most_bytes
        self._kept: OrderedDict[tuple[str, str], inference.Inferred] = OrderedDict()

    def of(self, artifact: Artifact, name: str, target: Target, *images: str) -> inference.Inferred:
        """The logits of an artifact's file on a target, of sets of images that the worker has."""
        key = artifact.manifest.files[MODEL], name
        found = self._kept.pop(key, None)
        if found is None or not {*images} <= found.logits.keys():
            path = str(artifact.path(MODEL))
            found = inference.infer(self._worker, path, target, *images)
        self._kept[key] = found
        while self._bytes() > self._most_bytes:
            self._kept.popitem(last=False)
        return found

    def _bytes(self) -> int:
        kept = (each for found in self._kept.values() for each in found.logits.values())
        return sum(logits.nbytes for logits in kept)


@dataclass(frozen=True)
class Seen:
    """What an artifact is evaluated on; `examples` are the places of test images to show.

    The worker in which files run has the images of the splits "test" and "validation".
    """

    data: Data
    examples: tuple[int, ...]
    inferences: Inferences


def target_rows(
    job: Job, artifact: Artifact, parent: Artifact | None, seen: Seen, name: str, target: Target
) -> list[Row]:
    """Scores on both splits, and parity on the test images, of the file on a target.

    The reference of parity is the torch module; where there is none, the parent's file on the same
    target. Raises JobFailed where a torch module and its file disagree, or nothing runs.
    """
    data = seen.data
    inferred = seen.inferences.of(artifact, name, target, "test", "validation")
    test, validation = inferred.logits["test"], inferred.logits["validation"]
    if test.shape[1] != data.training.classes:
        raise JobFailed(
            f"the model gives {test.shape[1]} scores an image, "
            f"the dataset has {data.training.classes} classes"
        )
    if job.variant.is_torch:
        reference = np.load(io.BytesIO(artifact.read(LOGITS)))
    elif parent is None:
        raise JobFailed("its parent's file is lost: there is nothing to compare it with")
    else:
        try:
            above = seen.inferences.of(parent, name, target, "test")
        except JobFailed as error:
            error.args = (f"its parent's file, to compare it with: {error}",)
            raise
        reference = above.logits["test"]
    found = parity(reference, test)
    complaint = found.complaint(name, target.max_logit_difference)
    if job.variant.is_torch and complaint:
        raise JobFailed(complaint)
    right = {
        "score": inference.correct(test, data.test),
        "validation_score": inference.correct(validation, data.training.validation),
    }
    rows = [make_row(job, m, target=name, samples={"score": r}) for m, r in right.items()]
    rows.append(make_row(job, "parity_max_abs", target=name, value=found.max_abs_difference))
    rows.append(make_row(job, "parity_agreement", target=name, value=found.agreement))
    rows.append(make_row(job, "placement", target=name, samples=inferred.placement))
    wrong = np.flatnonzero(right["score"] == 0)
    errors = {
        "index": wrong.astype(np.int32),
        "predicted": test[wrong].argmax(1).astype(np.uint16),
    }
    rows.append(make_row(job, "errors", target=name, samples=errors))
    soft = {"logit": test[list(seen.examples)].astype(np.float32).ravel()}
    rows.append(make_row(job, "soft_labels", target=name, samples=soft))
    return rows


def failed_scenario_row(job: Job, name: str, kind: str, reason: str) -> Row:
    """Says why there is nothing of a scenario; the other figures of the artifact stand."""
    return make_row(job, f"loadgen_{kind}", target=name, status="failed", reason=reason)
