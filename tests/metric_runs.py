"""Synthetic runs of tasks whose metric is no accuracy and whose samples are no images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from compbench.headline import Headline
from compbench.results.record import Run
from compbench.results.row import Row
from tests.factory import RMSE, SAMPLES, TARGET, lineage, make_row, make_run, number_rows, task_of

BITS = Headline(
    name="bits_per_token",
    label="bits per token",
    unit="bits",
    better="lower",
    has_binary_scores=False,
)


class Kind(NamedTuple):
    """A task as a run records it, its dataset, and what a good and an untaught net score."""

    headline: Headline
    inputs: Mapping[str, Any]
    base: float
    spread: float


KINDS = {
    "regression": Kind(
        RMSE,
        {
            "features": {
                "dtype": "float32",
                "shape": [4],
                "normalisation": {"mean": [1.0, 0, 0, 2], "std": [2.0] * 4, "full": 1.0},
                "free_axes": [],
            }
        },
        0.09,
        0.03,
    ),
    "next_token": Kind(
        BITS,
        {
            "tokens": {
                "dtype": "int64",
                "shape": [16],
                "normalisation": None,
                "free_axes": [0],
            }
        },
        2.5,
        0.5,
    ),
}


def taught(parent: str, temperature: float) -> dict[str, Any]:
    """A student at this temperature."""
    options = {"temperature": temperature, "soft_weight": 0.7}
    return lineage("distill", parent, model="mlp") | {"options": options}


VARIANTS = {
    "teacher": lineage(),
    "student": lineage(model="mlp"),
    "taught_1": taught("teacher", 1.0),
    "taught_4": taught("teacher", 4.0),
    "taught_9": taught("teacher", 9.0),
    "pruned": lineage("prune_channels", "teacher"),
    "pruned_int8": lineage("quantize_static", "pruned"),
    "broken": lineage("prune_weights", "teacher"),
}
FACTORS = {
    "student": 1.3,
    "taught_1": 1.02,
    "taught_4": 0.9,
    "taught_9": 0.95,
    "pruned": 1.01,
    "broken": 9.0,
}
SIZES = {"teacher": 4_000, "pruned": 2_000, "pruned_int8": 600}


def metric_run(kind: str, seeds: tuple[int, ...] = (0, 1)) -> tuple[Run, list[Row]]:
    """A run of this task, with something in every section that such a task has."""
    told = KINDS[kind]
    dataset = {
        "name": kind,
        "digest": "d" * 64,
        "inputs": dict(told.inputs),
        "samples": dict.fromkeys(("train", "validation", "test"), SAMPLES),
    }
    run = make_run(
        VARIANTS, seeds=seeds, dataset=dataset, task=task_of(told.headline), pick={"max_drop": "5%"}
    )
    rows = []
    for place, variant in enumerate(VARIANTS):
        factor = FACTORS.get(variant, 1.0)
        size = SIZES.get(variant, 1_000)
        made = number_rows(
            run,
            variant,
            _scores(told, factor, 1, place),
            _scores(told, factor, 2, place),
            ns=4 * size + place,
            size_bytes=size,
        )
        rows += [_with_history(row, told.headline, _scores(told, factor, 2, place)) for row in made]
    return run, rows


def with_r_squared(run: Run, rows: list[Row]) -> list[Row]:
    """The same rows and R² of every variant."""
    return rows + [
        make_row(variant, "r_squared", 0.9 - place / 10, target=TARGET, seed=seed)
        for place, variant in enumerate(run.variants)
        for seed in run.seeds
    ]


def _scores(told: Kind, factor: float, split: int, place: int) -> NDArray[np.float64]:
    """The same samples for all, each variant's own errors beside them."""
    hard = np.random.default_rng(split).random(SAMPLES)
    own = np.random.default_rng(100 * split + place).normal(size=SAMPLES)
    return factor * (told.base + told.spread * (hard + 0.1 * own))


def _with_history(row: Row, headline: Headline, scores: NDArray[np.float64]) -> Row:
    if row.metric != "history":
        return row
    last = headline.value(scores)
    return replace(row, samples={**row.samples, "validation": np.array([1.4 * last, last])})
