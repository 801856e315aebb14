"""How far a run's variants and their teachers disagree on new data, beside held-out data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from compbench.contracts import Split
from compbench.data import cache
from compbench.data.splits import Data
from compbench.drift import inference, new_data, subject
from compbench.drift.figures import Comparison
from compbench.drift.new_data import NewData
from compbench.drift.subject import Pair, Subject
from compbench.errors import JobFailed, UserError
from compbench.onnxfile import metadata
from compbench.results.record import Run
from compbench.runtime.inference import packed
from compbench.runtime.process import Worker
from compbench.runtime.target import Target
from compbench.statistics.drift import LEAST, Case, Verdict, judged

ALPHA = 0.01  # of false alarms, unless one asks for others
NEW = "new"
SPLITS = ("validation", "test")  # what was held out when models were made


@dataclass(frozen=True)
class Drift:
    """What was found: a verdict for each variant, and how many samples there were of each kind.

    `distance` is what it is: of "distributions", or of "numbers".
    """

    folder: Path
    run: Run
    data: Path
    verdicts: tuple[Verdict, ...]
    alpha: float
    samples: dict[str, int]
    distance: Literal["distributions", "numbers"]
    names: tuple[str, ...] = ()  # of the new samples' files, where each has one
    notes: tuple[str, ...] = ()

    @property
    def is_alarm(self) -> bool:
        """Whether there is one of any variant."""
        return any(verdict.is_alarm for verdict in self.verdicts)


@dataclass(frozen=True)
class Places:
    """Where the artifacts are that do not lie beside the run, and where datasets are."""

    results: Path
    data: Path


def drift(
    folder: Path,
    path: Path,
    places: Places,
    tell: Callable[[str], None],
    variants: Sequence[str] = (),
    alpha: float = ALPHA,
) -> Drift:
    """Run the files of a recorded run on what lies at `path`, and on its held-out samples.

    Files run in ONNX Runtime on the CPU, in a process of their own. Raises UserError for what is
    wrong with the run, its files or the new data, and where a file can't run on them.
    """
    found = subject.subject(folder, places.results, variants)
    with cache.fallback(places.results):
        held_out, unsure = subject.held_out(found, places.data)
    _refuse_few(held_out)
    has_distribution = held_out.task.has_distribution
    with new_data.opened(path, held_out.signature.inputs) as new:
        cases = _cases(found, held_out, new, tell)
        return Drift(
            folder,
            found.run,
            path,
            judged(cases, alpha),
            alpha,
            {NEW: len(new.split), **{s: len(split) for s, split in _splits(held_out).items()}},
            "distributions" if has_distribution else "numbers",
            new.names,
            tuple(_notes(found, new, unsure)),
        )


def _splits(data: Data) -> dict[str, Split]:
    return dict(zip(SPLITS, (data.training.validation, data.test), strict=True))


def _refuse_few(data: Data) -> None:
    for name, split in _splits(data).items():
        if len(split) < LEAST:
            raise UserError(
                f"the run's {name} split has {len(split)} samples, of which nothing can be said: "
                f"a dataset with {LEAST} or more of them is needed"
            )


def _cases(
    found: Subject, data: Data, new: NewData, tell: Callable[[str], None]
) -> dict[str, Case]:
    splits = {NEW: new.split, **_splits(data)}
    arrays = {n: a for name, split in splits.items() for n, a in packed(name, split).items()}
    cases: dict[str, Case] = {}
    with Worker(arrays) as worker:
        for count, pair in enumerate(found.pairs, start=1):
            tell(f"  [{count}/{len(found.pairs)}] {pair.variant} beside {pair.beside}")
            try:
                cases[pair.variant] = _case(worker, pair, data.task.has_distribution)
            except JobFailed as error:
                raise UserError(f"{pair.variant} beside {pair.beside}: {error}") from error
    return cases


def _case(worker: Worker, pair: Pair, has_distribution: bool) -> Case:
    one, other = map(str, pair.files)
    target = Target()
    if has_distribution:
        comparison = Comparison(True, (_gives_probabilities(one), _gives_probabilities(other)))
    else:
        comparison = Comparison(False, spread=inference.spread(worker, one, SPLITS, target))
    then = {s: inference.apart(worker, (one, other), s, comparison, target) for s in SPLITS}
    now = inference.apart(worker, (one, other), NEW, comparison, target)
    return Case(pair.beside, then, now)


def _gives_probabilities(file: str) -> bool:
    said = metadata.read(Path(file).read_bytes())
    return said.get(metadata.OUTPUT_IS) == metadata.PROBABILITIES


def _notes(found: Subject, new: NewData, unsure: str) -> Sequence[str]:
    left = f"left out: {', '.join(found.left_out)}" if found.left_out else ""
    unused = f"no input, not used: {', '.join(new.unused)}" if new.unused else ""
    return [note for note in (left, unused, unsure) if note]
