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
from compbench.statistics.quality_change import QualityChange, between, by_seed, corrected

MOST_CLASSES = 20  # columns that stay readable


@dataclass(frozen=True)
class ClassChanges:
    """Accuracy by class: the baseline's, and each variant's paired change against it.

    The changes' p-values are corrected for the `cells` of all classes and variants.
    """

    classes: tuple[int, ...]
    counts: tuple[int, ...]  # test images of each class
    baseline: tuple[float, ...]
    changes: dict[str, tuple[QualityChange, ...]]
    cells: int
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
    """Of these variants; None where the task has no classes, its metric is no share, or the
    baseline has no scores.
    """
    labels, base = _labels(rows), by_seed(rows.of(run.baseline, "score", target))
    if labels is None or not base or not (run.has_classes and run.headline.is_share):
        return None
    places = {int(c): np.flatnonzero(labels == c) for c in np.unique(labels)}
    changes = _by_variant(run, rows, target, variants, list(places.values()))
    if not changes:
        return None
    largest = np.max([[abs(c.files.value) for c in row] for row in changes.values()], axis=0)
    kept = np.sort(np.argsort(-largest, kind="stable")[:MOST_CLASSES])
    names = list(places)
    return ClassChanges(
        tuple(names[i] for i in kept),
        tuple(len(places[names[i]]) for i in kept),
        tuple(float(np.mean([c[places[names[i]]] for c in base.values()])) for i in kept),
        {variant: tuple(row[i] for i in kept) for variant, row in changes.items()},
        len(changes) * len(names),
        len(names) - len(kept),
    )


def _by_variant(
    run: Run, rows: Rows, target: str, variants: Iterable[str], places: Sequence[NDArray[np.intp]]
) -> dict[str, list[QualityChange]]:
    """Each variant's changes by class, corrected for all of them."""
    base = by_seed(rows.of(run.baseline, "score", target))
    found: dict[str, list[QualityChange]] = {}
    for variant in variants:
        ours = by_seed(rows.of(variant, "score", target))
        if variant != run.baseline:
            each = [between(ours, base, at, run.headline) for at in places]
            found |= {variant: [c for c in each if c]} if any(each) else {}
    adjusted = iter(corrected([change for row in found.values() for change in row]))
    return {variant: [next(adjusted) for _ in row] for variant, row in found.items()}


def added_confusions(run: Run, rows: Rows, target: str, variants: Sequence[str]) -> list[Confusion]:
    """Class pairs that these variants confuse in more test images than the baseline does.

    Variants in the order given, of each the pairs with the most added images first. Empty where a
    run has no rows of errors.
    """
    labels = _labels(rows)
    base = {row.seed: row for row in rows.of(run.baseline, "errors", target)}
    found: list[Confusion] = []
    for variant in variants if labels is not None else ():
        ours = {row.seed: row for row in rows.of(variant, "errors", target)}
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


def _pairs(rows: Iterable[Row], labels: NDArray[np.uint16] | None) -> Counter[tuple[int, int]]:
    """(true class, predicted class) -> test images, summed over rows."""
    assert labels is not None
    found: Counter[tuple[int, int]] = Counter()
    for row in rows:
        true, predicted = labels[row.samples["index"]], row.samples["predicted"]
        found.update(zip(true.tolist(), predicted.tolist(), strict=True))
    return found
