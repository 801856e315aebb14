"""A job's artifact within a run: made of its parents', and told of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

from compbench.contracts import TorchTechnique, own_model
from compbench.data.splits import Data
from compbench.errors import JobFailed
from compbench.failure_boundary import boundary
from compbench.make.store import Artifact, Manifest, Store
from compbench.measure.latency_share import latency_share
from compbench.run.progress import Progress, Tell
from compbench.runtime.process import Worker
from compbench.suite.plan import Job
from compbench.suite.read import Suite

if TYPE_CHECKING:
    from compbench.contracts import Epoch


@dataclass(frozen=True)
class Maker:
    """Makes what a run lacks. It imports torch only then: a run without new jobs does without."""

    suite: Suite
    data: Data
    store: Store
    worker: Worker
    progress: Progress

    def tell_misfits(self, jobs: Sequence[Job], error_file: Callable[[Job], Path]) -> None:
        """Say of which jobs it is known that they will fail, before others are trained for long.

        By their nets, their teachers and the data; they fail at their turn, as everything does.
        """
        tried = set[str]()
        for job in jobs[1:]:  # the first is tried at once anyway
            try:
                with boundary(lambda _, job=job: error_file(job)):
                    self._refuse_misfit(job, tried)
            except JobFailed as error:
                self.progress.note(f"{job.label} will fail: {error}")

    def _refuse_misfit(self, job: Job, tried: set[str]) -> None:
        """Raises JobFailed where it will; `tried` has what was looked at for another job."""
        technique, training = job.variant.technique, self.data.training
        what = repr((type(technique), technique, job.variant.parents))
        if what in tried:
            return
        tried.add(what)
        problem = technique.problem_with(training)
        if problem:
            raise JobFailed(problem)
        net = own_model(technique)
        if net is None:
            return
        from compbench.make import module_check, rehearsal

        if repr((type(net), net)) not in tried:
            tried.add(repr((type(net), net)))
            module_check.refuse_misfit(net, training)
        parents = (self.suite.variants[name] for name in job.variant.parents)
        teachers = [own_model(parent.technique) for parent in parents]
        known = [teacher for teacher in teachers if teacher is not None]
        if known and len(known) == len(teachers) and isinstance(technique, TorchTechnique):
            rehearsal.refuse_hopeless(technique, known, training)

    def made(
        self, job: Job, artifacts: Mapping[str, Artifact], tell: Tell
    ) -> tuple[Manifest, dict[str, bytes]]:
        """What `make.job` makes of the parents among the artifacts, which are found by key.

        Raises JobFailed, also where a parent is not there.
        """
        from compbench.make import job as make_job

        parents = []
        for key, name in job.parents:
            if key not in artifacts:
                raise JobFailed(f"its parent {name} failed")
            parents.append(make_job.Parent(artifacts[key], self.suite.variants[name].root_model))

        said = self.data.task.headline.text

        def on_epoch(epoch: Epoch, total: int) -> None:
            news = f"epoch {epoch.epoch}/{total}, validation {said(epoch.validation)}"
            tell(news, epoch.epoch / total)

        def on_part(done: float, total: int) -> None:
            before = ceil(done) - 1
            tell(f"epoch {before + 1}/{total}, {done - before:.0%} of it", done / total)

        unfinished = self.store.unfinished(job.key)
        listeners = (unfinished, latency_share, on_part, tell)
        manifest, files = make_job.make(job, parents, self.data, on_epoch, self.worker, *listeners)
        for note in manifest.notes:
            self.progress.note(f"{job.label}: {note}")
        return manifest, files
