"""Synthetic runs, rows and summaries whose every figure is known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compbench.headline import ACCURACY, Headline
from compbench.results import upgrade
from compbench.results.record import Run
from compbench.results.row import Row
from compbench.statistics.intervals import Interval
from compbench.statistics.summary import Summaries, Summary

TARGET = "cpu_1thread"
SAMPLES = 100  # of each split
TURNS = 5  # of a launch
KEPT = 2  # runs of a turn
DRIFT = 0.1  # every turn is slower than the first by this share more, for all arms alike

OPERATORS = {"Conv": 7_500.0, "Gemm": 2_500.0}  # ns of an inference
MEMORY = {  # of three processes
    "base_bytes": np.array([50, 51, 70]) * 10**6,
    "create_ns": np.array([3, 4, 9]) * 10**6,
    "loaded_bytes": np.array([60, 61, 80]) * 10**6,
    "first_run_ns": np.array([100, 110, 900]) * 10**3,
    "first_run_bytes": np.array([61, 62, 81]) * 10**6,
    "rest_bytes": np.array([62, 63, 82]) * 10**6,
    "peak_bytes": np.array([65, 66, 85]) * 10**6,
}
HISTORY = {
    "epoch": np.array([1, 2]),
    "train_loss": np.array([1.0, 0.5]),
    "validation": np.array([0.8, 0.9]),
}
RMSE = Headline(
    name="rmse", label="RMSE", unit="eV", better="lower", has_binary_scores=False, link="root"
)
ENVIRONMENT: dict[str, Any] = {
    "cpu": "Made-up CPU",
    "flags": ["avx2"],
    "cores": 2,
    "virtual": True,
    "governor": None,
    "memory_bytes": 8_000_000_000,
    "gpu": None,
    "system": "Linux 6.0 (x86_64)",
    "python": "3.12.0",
    "runtime": {"package": "onnxruntime", "build": "b", "providers": ["CPUExecutionProvider"]},
    "versions": {"compbench": "0.1.0", "numpy": "2.0.0"},
    "load_1min": 0.25,
    "git_commit": "0123456789ab",
}


def lineage(technique: str = "train", *parents: str, model: str = "cnn") -> dict[str, Any]:
    """A variant as `run.json` has it."""
    return {
        "technique": technique,
        "parents": list(parents),
        "torch": not technique.startswith("quantize"),
        "model": {"name": model},
        "options": {},
    }


VARIANTS = {
    "teacher": lineage(),
    "student": lineage(model="mlp"),
    "student_kd": lineage("distill", "teacher", model="mlp"),
    "pruned": lineage("prune_channels", "teacher"),
    "int8": lineage("quantize_static", "pruned"),
}


def make_run(variants: Mapping[str, dict[str, Any]] = VARIANTS, **changes: Any) -> Run:
    """A run of these variants, the first of which is the baseline."""
    splits = ("train", "validation", "test")
    content: dict[str, Any] = {
        "suite": "mine",
        "suite_path": "suites/mine.toml",
        "description": "A made-up suite.",
        "dataset": {
            "name": "digits",
            "digest": "d" * 64,
            "shape": [1, 8, 8],
            "mean": 0.5,
            "std": 0.25,
            "samples": dict.fromkeys(splits, SAMPLES),
        },
        "seeds": (0,),
        "baseline": next(iter(variants)),
        "variants": dict(variants),
        "targets": {TARGET: {"provider": "cpu", "threads": 1, "batch_sizes": [1, 32]}},
        "references": {},
        "measure": {"launches": 3, "seconds_per_arm": 0.4, "memory_processes": 3},
        "pick": {"max_drop": 0.01},
        "keys": tuple(f"{variant}-0" for variant in variants),
        "environment": ENVIRONMENT,
        "started": "2026-01-02T03:04:05+00:00",
        "finished": "2026-01-02T03:05:05+00:00",
    }
    content |= changes
    content["dataset"] = upgrade.dataset(content["dataset"])
    content["variants"] = {n: upgrade.variant(v) for n, v in content["variants"].items()}
    return Run(**content)


def with_keys(run: Run, rows: Iterable[Row]) -> Run:
    """A run that has made what these rows are of."""
    return run.model_copy(update={"keys": tuple(dict.fromkeys(row.key for row in rows))})


def task_of(headline: Headline) -> dict[str, Any]:
    """A task as `run.json` has it, judged by this metric."""
    return {"headline": headline.model_dump(), "has_classes": headline == ACCURACY}


def make_row(variant: str, metric: str, value: float | None = None, **fields: Any) -> Row:
    """A row of seed 0, if `fields` names no other."""
    seed = fields.pop("seed", 0)
    return Row(variant, seed, f"{variant}-{seed}", metric, value=value, **fields)


def accuracy_row(
    variant: str, right: int, *, metric: str = "score", target: str = TARGET, **fields: Any
) -> Row:
    """The first `right` of all samples are classified rightly, the others wrongly."""
    correct = (np.arange(SAMPLES) < right).astype(np.uint8)
    return make_row(variant, metric, target=target, samples={"score": correct}, **fields)


def number_rows(
    run: Run, variant: str, test: NDArray[Any], validation: NDArray[Any], **figures: Any
) -> list[Row]:
    """`variant_rows` with these scores, (N,) each, of a task whose scores are numbers."""
    scores = {"score": test, "validation_score": validation}
    return [
        replace(row, samples={"score": scores[row.metric]}) if row.metric in scores else row
        for row in variant_rows(run, variant, **figures)
    ]


SHIFTS = {
    "noise": {"shift": "noise", "severities": [1, 3, 5], "seed": 0},
    "fog": {"shift": "mine:Fog", "severities": [1, 2, 3, 4, 5], "seed": 0},
}


def shifted_rows(
    run: Run, variant: str, right: int = 90, lost: Mapping[str, float] = {"noise": 2, "fog": 4}
) -> list[Row]:
    """Of each seed: the first `right` are right as they are, by severity so many fewer shifted so.

    Who is right says what the reference says, and all are sure by 0.8, or, wrong, by 0.6.
    """
    rows = []
    for seed in run.seeds:
        for shift, severity in (("", 0), *run.conditions):
            first = round(right - severity * lost.get(shift, 0))
            scores = (np.arange(SAMPLES) < first).astype(np.uint8)
            samples = {"score": scores, "confidence": np.where(scores, 0.8, 0.6).astype("f4")}
            if run.reference(variant):
                samples["agreement"] = scores.astype(np.float32)
            where: dict[str, Any] = {"target": TARGET, "shift": shift, "severity": severity}
            rows.append(make_row(variant, "shifted_score", seed=seed, samples=samples, **where))
    return rows


def latency_row(
    variant: str,
    turns_ns: Sequence[float],
    *,
    kept: int = KEPT,
    target: str = TARGET,
    **fields: Any,
) -> Row:
    """In each turn one discarded run, a hundred times too slow, and `kept` equal ones.

    CPU time is that of two busy threads.
    """
    runs = 1 + kept
    durations = np.repeat(np.array(turns_ns, np.int64), runs).reshape(-1, runs)
    cpu = np.zeros_like(durations)
    cpu[:, -1] = 2 * kept * durations[:, -1]
    durations[:, 0] *= 100
    samples = {
        "duration_ns": durations.ravel(),
        "turn": np.repeat(np.arange(len(turns_ns), dtype=np.int32), runs),
        "order": np.zeros(durations.size, np.int16),
        "kept": np.tile(np.array([0] + kept * [1], np.uint8), len(turns_ns)),
        "cpu_ns": cpu.ravel(),
    }
    fields = {"metric": "latency_ns", "batch_size": 1, "launch": 0} | fields
    return make_row(variant, fields.pop("metric"), target=target, samples=samples, **fields)


def status_row(variant: str, reason: str, *, status: str = "failed", **fields: Any) -> Row:
    """Says why a variant has no figures."""
    return make_row(variant, "status", status=status, reason=reason, **fields)


def variant_rows(
    run: Run,
    variant: str,
    *,
    ns: int | Sequence[int] = 10_000,
    control_ns: int | Sequence[int] | None = None,
    right: int = 90,
    validation: int = 90,
    size_bytes: int = 4_000,
    parameters: int = 1_000,
    nonzero: int | None = None,
    macs: int = 50_000,
    seconds: float = 2.0,
    weight_type: str = "float32",
    operators: Mapping[str, float] = OPERATORS,
) -> list[Row]:
    """All rows of a variant with the same figures at every seed and on every target.

    `ns` is of the first turn (one for each launch, or for all): later ones drift, see `turns_ns`.
    Packing takes the zeros away and a tenth of the rest, coding a fifth.
    """
    nonzero = parameters if nonzero is None else nonzero
    rows = []
    for seed in run.seeds:
        rows += _artifact_rows(
            variant,
            seed,
            {
                "size_bytes": size_bytes,
                "packed_bytes": size_bytes * nonzero * 0.9 / parameters,
                "coded_bytes": size_bytes * nonzero * 0.8 / parameters,
                "parameters": parameters,
                "nonzero_parameters": nonzero,
                "macs": macs,
                "make_seconds": seconds,
            },
            weight_type,
        )
        for target in run.targets:
            rows += _target_rows(variant, seed, target, right, validation, operators)
            launches = _by_launch(run, ns)
            for launch, first in enumerate(launches):
                fields = {"seed": seed, "target": target, "launch": launch}
                rows.append(latency_row(variant, turns_ns(first), **fields))
                rows += [
                    make_row(
                        variant,
                        "throughput_per_s",
                        batch_size=size,
                        samples={"images_per_s": np.array([0.9, 1.1]) * size * 1e9 / first},
                        **fields,
                    )
                    for size in run.targets[target]["batch_sizes"]
                ]
    if variant == run.baseline:
        for target in run.targets:
            second = _by_launch(run, ns if control_ns is None else control_ns)
            rows += _control_rows(run, target, second)
    return rows


def turns_ns(first: float) -> list[float]:
    """A launch's turns, in which the whole machine slows down."""
    return [first * (1 + DRIFT * turn) for turn in range(TURNS)]


def _by_launch(run: Run, ns: int | Sequence[int]) -> Sequence[int]:
    return [ns] * run.measure["launches"] if isinstance(ns, int) else ns


def _artifact_rows(
    variant: str, seed: int, values: Mapping[str, float], weight_type: str
) -> list[Row]:
    samples = {
        "file": {"sha256": np.array(["a" * 64]), "opset": np.array([18])},
        "weights": {"type": np.array([weight_type]), "count": np.array([values["parameters"]])},
        "history": HISTORY,
    }
    values = {**values, "history": 2}
    metrics = [*values, "file", "weights"]
    return [
        make_row(variant, metric, values.get(metric), seed=seed, samples=samples.get(metric, {}))
        for metric in metrics
    ]


def _target_rows(
    variant: str,
    seed: int,
    target: str,
    right: int,
    validation: int,
    operators: Mapping[str, float],
) -> list[Row]:
    where: dict[str, Any] = {"seed": seed, "target": target}
    provider = "CPUExecutionProvider"
    profile = {
        "operator": np.array(list(operators)),
        "provider": np.array([provider] * len(operators)),
        "int8": np.array([name.startswith("QLinear") for name in operators], np.uint8),
        "nodes": np.ones(len(operators), np.int32),
        "ns": np.array(list(operators.values())),
    }
    placement = {"provider": np.array([provider]), "nodes": np.array([3], np.int32)}
    return [
        accuracy_row(variant, right, **where),
        accuracy_row(variant, validation, metric="validation_score", **where),
        make_row(variant, "parity_max_abs", 1e-6, **where),
        make_row(variant, "parity_agreement", 1.0, **where),
        make_row(variant, "placement", samples=placement, **where),
        make_row(variant, "memory_bytes", batch_size=1, samples=MEMORY, **where),
        make_row(variant, "operators", batch_size=1, samples=profile, **where),
    ]


def _control_rows(run: Run, target: str, ns: Sequence[int]) -> list[Row]:
    """The baseline's second arm and the machine, which are measured at the first seed only."""
    rows = []
    for launch, first in enumerate(ns):
        where: dict[str, Any] = {"seed": run.seeds[0], "target": target, "launch": launch}
        machine = {
            "other_load": np.array([0.02]),
            "steal": np.array([0.0]),
            "involuntary_switches": np.array([3]),
            "peak_macs_per_s": np.array([2e10 + launch * 1e10]),
        }
        control = latency_row(run.baseline, turns_ns(first), metric="control_latency_ns", **where)
        rows += [control, make_row(run.baseline, "machine", samples=machine, **where)]
    return rows


def exactly(value: float) -> Interval:
    """An interval without width."""
    return Interval(value, value, value)


def make_summaries(*summaries: Summary, control: Interval | None = None) -> Summaries:
    """Summaries on `TARGET`."""
    return Summaries(summaries, {TARGET: control or exactly(1)}, frozenset())


RUN = make_run()
RUN_ROWS = [
    *variant_rows(RUN, "teacher", ns=20_000, right=90, size_bytes=4000, seconds=8),
    *variant_rows(RUN, "student", ns=10_000, right=80, validation=70, size_bytes=1000, seconds=1),
    *variant_rows(RUN, "student_kd", ns=40_000, right=95, seconds=2),
    *variant_rows(RUN, "pruned", ns=(20_000, 10_000, 40_000), right=90, nonzero=600, seconds=4),
    status_row("int8", "out of memory"),
]
