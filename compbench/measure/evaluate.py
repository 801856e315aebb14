"""One artifact on one target -> accuracy on both splits, and parity."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compbench.data.splits import Data
from compbench.errors import JobFailed
from compbench.make.store import LOGITS, MODEL, Artifact
from compbench.measure.rows import make_row
from compbench.onnxfile.parity import parity
from compbench.results.row import Row
from compbench.runtime import inference
from compbench.runtime.session import OrtSession
from compbench.runtime.target import Target
from compbench.suite.plan import Job


@dataclass(frozen=True)
class Seen:
    """What an artifact is evaluated on; `examples` are the places of test images to show."""

    data: Data
    examples: tuple[int, ...]


def target_rows(
    job: Job, artifact: Artifact, parent: Artifact | None, seen: Seen, name: str, target: Target
) -> list[Row]:
    """Accuracy on both splits, and parity on the test images, of the file on a target.

    The reference of parity is the torch module; where there is none, the parent's file on the same
    target. Raises JobFailed where a torch module and its file disagree, or nothing runs.
    """
    data = seen.data
    session = OrtSession(str(artifact.path(MODEL)), target)
    test = inference.logits(session, data.test.images)
    validation = inference.logits(session, data.training.validation.images)
    if job.variant.is_torch:
        reference = np.load(io.BytesIO(artifact.read(LOGITS)))
    elif parent is None:
        raise JobFailed("its parent's file is lost: there is nothing to compare it with")
    else:
        above = OrtSession(str(parent.path(MODEL)), target)
        reference = inference.logits(above, data.test.images)
    found = parity(reference, test)
    complaint = found.complaint(name, target.max_logit_difference)
    if job.variant.is_torch and complaint:
        raise JobFailed(complaint)
    right = {
        "accuracy": inference.correct(test, data.test),
        "validation_accuracy": inference.correct(validation, data.training.validation),
    }
    rows = [make_row(job, m, target=name, samples={"correct": r}) for m, r in right.items()]
    rows.append(make_row(job, "parity_max_abs", target=name, value=found.max_abs_difference))
    rows.append(make_row(job, "parity_agreement", target=name, value=found.agreement))
    rows.append(make_row(job, "placement", target=name, samples=_placement(session)))
    wrong = np.flatnonzero(right["accuracy"] == 0)
    errors = {
        "index": wrong.astype(np.int32),
        "predicted": test[wrong].argmax(1).astype(np.uint16),
    }
    rows.append(make_row(job, "errors", target=name, samples=errors))
    soft = {"logit": test[list(seen.examples)].astype(np.float32).ravel()}
    rows.append(make_row(job, "soft_labels", target=name, samples=soft))
    return rows


def _placement(session: OrtSession) -> dict[str, NDArray[Any]]:
    providers = list(session.placement)
    nodes = [len(session.placement[provider]) for provider in providers]
    return {"provider": np.array(providers, np.str_), "nodes": np.array(nodes, np.int32)}
