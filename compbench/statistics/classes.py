"""Rows -> accuracy by class, and which classes a variant newly confuses; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compbench.results.record import Run
from compbench.results.row import Row
from compbench.results.row_index import Rows
from compbench.statistics.intervals import Interval, paired_change

MOST_CLASSES = 20  # columns that stay readable


@dataclass(frozen=True)
class ClassChanges:
    """Accuracy by class: the baseline's, and each variant's paired change against it."""

    classes: tuple[int, ...]
    counts: tuple[int, ...]  # test images of each class
    baseline: tuple[float, ...]
    changes: dict[str, tuple[Interval, ...]]
    left_out: int  # classes that change less than those shown


@dataclass(frozen=True)
class Confusion:
    """Test images of one class taken for another: the variant's and the baseline's, and more.

    Counts are means over the seeds that both have.
    """

    variant: str
    true_class: int
    predicted_class: int
    images: float
    baseline_images: float

    @property
    def added(self) -> float:
        """How many more than the baseline's."""
        return self.images - self.baseline_images


def class_changes(
    run: Run, rows: Rows, target: str, variants: Iterable[str]
) -> ClassChanges | None:
    """Of these variants; None where the run has no classes or the baseline no accuracy."""
    labels, base = _labels(rows), _by_seed(rows.of(run.baseline, "accuracy", target), "correct")
    if labels is None or not base:
        return None
    places = {int(c): np.flatnonzero(labels == c) for c in np.unique(labels)}
    changes: dict[str, tuple[Interval, ...]] = {}
    for variant in variants:
        ours = _by_seed(rows.of(variant, "accuracy", target), "correct")
        seeds = [seed for seed in ours if seed in base]
        if seeds and variant != run.baseline:
            changes[variant] = tuple(
                paired_change([ours[s][i] for s in seeds], [base[s][i] for s in seeds])
                for i in places.values()
            )
    if not changes:
        return None
    largest = np.max([[abs(c.value) for c in row] for row in changes.values()], axis=0)
    kept = np.sort(np.argsort(-largest, kind="stable")[:MOST_CLASSES])
    names = list(places)
    return ClassChanges(
        tuple(names[i] for i in kept),
        tuple(len(places[names[i]]) for i in kept),
        tuple(float(np.mean([c[places[names[i]]] for c in base.values()])) for i in kept),
        {variant: tuple(row[i] for i in kept) for variant, row in changes.items()},
        len(names) - len(kept),
    )


def added_confusions(run: Run, rows: Rows, target: str, variants: Sequence[str]) -> list[Confusion]:
    """Class pairs that these variants confuse in more test images than the baseline does.

    Variants in the order given, of each the pairs with the most added images first. Empty where a
    run has no rows of errors.
    """
    labels = _labels(rows)
    base = _by_seed(rows.of(run.baseline, "errors", target))
    found: list[Confusion] = []
    for variant in variants if labels is not None else ():
        ours = _by_seed(rows.of(variant, "errors", target))
        seeds = [seed for seed in ours if seed in base]
        if not seeds or variant == run.baseline:
            continue
        counts, theirs = (_pairs([r[s] for s in seeds], labels) for r in (ours, base))
        all_pairs = [
            Confusion(variant, *pair, count / len(seeds), theirs[pair] / len(seeds))
            for pair, count in counts.items()
        ]
        more = [c for c in all_pairs if c.added > 0]
        found += sorted(more, key=lambda c: (-c.added, c.true_class, c.predicted_class))
    return found


def _labels(rows: Rows) -> NDArray[np.uint16] | None:
    found = rows.of("", "labels")
    return found[0].samples["label"] if found else None


def _by_seed(rows: Iterable[Row], column: str = "") -> dict:
    return {row.seed: row.samples[column] if column else row for row in rows}


def _pairs(rows: Iterable[Row], labels: NDArray[np.uint16] | None) -> Counter[tuple[int, int]]:
    """(true class, predicted class) -> test images, summed over rows."""
    assert labels is not None
    found: Counter[tuple[int, int]] = Counter()
    for row in rows:
        true, predicted = labels[row.samples["index"]], row.samples["predicted"]
        found.update(zip(true.tolist(), predicted.tolist(), strict=True))
    return found
