"""Taught variants beside their teachers, assistants and controls; pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from compbench.contracts import Recipe
from compbench.results.record import Run
from compbench.results.row_index import Rows
from compbench.statistics.lineage import teacher
from compbench.statistics.quality_change import QualityChange, between, by_seed, corrected

_LIKELIEST = 3  # classes that a table's cell names


@dataclass(frozen=True)
class Example:
    """A test image, its class, and each model's logits (K,) by variant."""

    index: int  # in the test split
    label: int
    pixels: NDArray[np.uint8]  # (C, H, W)
    logits: dict[str, NDArray[np.float32]]

    def probabilities(self, variant: str, temperature: float) -> NDArray[np.float64]:
        """softmax(logits / T)."""
        return softmax(self.logits[variant].astype(float) / temperature)


@dataclass(frozen=True)
class SoftLabels:
    """A teacher, its student, and the same net trained without it, on the example images."""

    teacher: str
    control: str
    student: str
    seed: int
    temperature: float  # at which the student was taught
    examples: tuple[Example, ...]

    @property
    def models(self) -> dict[str, str]:
        """Variant -> its part."""
        return {
            self.teacher: "teacher",
            self.control: "student without a teacher",
            self.student: "taught student",
        }

    def table(self) -> list[dict[str, str]]:
        """A row for each image: its class, and each model's likeliest classes at T = 1 and at T."""
        temperatures = list(dict.fromkeys((1.0, self.temperature)))
        return [
            {"test image": f"{example.index:,}", "class": str(example.label)}
            | {
                f"{variant}, T = {t:g}": _likeliest(example.probabilities(variant, t))
                for t in temperatures
                for variant in self.models
            }
            for example in self.examples
        ]


def soft_labels(run: Run, rows: Rows, target: str) -> SoftLabels | None:
    """Of the first taught student with a control, at the first seed that all three have.

    None where the suite has no such pair, or the run no such rows.
    """
    labels, shown = rows.of("", "labels"), rows.of("", "examples")
    if not labels or not shown:
        return None
    for student, variant in run.variants.items():
        parent, control = teacher(run, student), untaught(run, student)
        if parent is None or control is None:
            continue
        names = (parent, control, student)
        found = [{r.seed: r for r in rows.of(v, "soft_labels", target)} for v in names]
        seeds = [s for s in run.seeds if all(s in each for each in found)]
        if seeds:
            rows_of_seed = [by_seed[seeds[0]] for by_seed in found]
            logits = {r.variant: r.samples["logit"] for r in rows_of_seed}
            examples = _examples(run, rows, logits)
            temperature = float(variant["options"].get("temperature", 1))
            return SoftLabels(*names, seeds[0], temperature, examples)
    return None


def _examples(run: Run, rows: Rows, logits: dict[str, NDArray[np.float32]]) -> tuple[Example, ...]:
    image = next(one for one in run.dataset["inputs"].values() if len(one["shape"]) == 3)
    shown, labels = rows.of("", "examples")[0].samples, rows.of("", "labels")[0].samples["label"]
    places = list(dict.fromkeys(shown["index"].tolist()))
    images = shown["pixel"].reshape(len(places), *image["shape"])
    by_image = {v: values.reshape(len(places), -1) for v, values in logits.items()}
    return tuple(
        Example(place, int(labels[place]), images[i], {v: z[i] for v, z in by_image.items()})
        for i, place in enumerate(places)
    )


def _likeliest(probabilities: NDArray[np.float64]) -> str:
    """4: 62 %, 9: 35 %: those of at least half a percent."""
    first = np.argsort(-probabilities, kind="stable")[:_LIKELIEST]
    return ", ".join(f"{i}: {probabilities[i]:.0%}" for i in first if probabilities[i] >= 0.005)


@dataclass(frozen=True)
class Pair:
    """A taught student beside the same net trained without a teacher."""

    student: str
    control: str
    parent: str  # or several, with a plus between them, or "itself"
    change: QualityChange  # the student's metric less the control's


@dataclass(frozen=True)
class Assisted:
    """A student taught by an assistant, and the same net taught by the teacher itself."""

    teacher: str
    assistant: str
    student: str
    direct: str | None  # where the suite has that comparison
    change: QualityChange | None  # the student's metric less that of `direct`


@dataclass(frozen=True)
class Helped:
    """What a teacher and what an assistant were worth on a target, corrected for all of these."""

    pairs: tuple[Pair, ...]
    assisted: tuple[Assisted, ...]

    @property
    def changes(self) -> list[QualityChange]:
        """Of all that is compared."""
        return [each.change for each in (*self.pairs, *self.assisted) if each.change]


def helped(run: Run, rows: Rows, target: str) -> Helped:
    """Each taught variant beside the same net from scratch, each assistant's beside the teacher's.

    Holm's correction is for all of them: the chance of any false word is below 5 % on a target.
    """
    found = Helped(tuple(_pairs(run, rows, target)), tuple(_assisted(run, rows, target)))
    adjusted = iter(corrected(found.changes))
    pairs = tuple(replace(pair, change=next(adjusted)) for pair in found.pairs)
    assisted = (replace(x, change=next(adjusted)) if x.change else x for x in found.assisted)
    return Helped(pairs, tuple(assisted))


def _pairs(run: Run, rows: Rows, target: str) -> Iterator[Pair]:
    for name in run.variants:
        by, control = _taught_by(run, name), untaught(run, name)
        if not by or control is None:
            continue
        change = _change(run, rows, name, control, target)
        if change:
            yield Pair(name, control, by, change)


def _taught_by(run: Run, name: str) -> str:
    """Who taught a variant, in words; nothing where nobody did."""
    variant = run.variants[name]
    if teacher(run, name) is not None:
        return " + ".join(variant["parents"])
    return "" if variant["parents"] else variant.get("taught_by", "")


def _assisted(run: Run, rows: Rows, target: str) -> Iterator[Assisted]:
    for name in run.variants:
        assistant = teacher(run, name)
        first = teacher(run, assistant) if assistant else None
        if assistant is None or first is None:
            continue
        direct = _taught_alike(run, name, first)
        change = _change(run, rows, name, direct, target) if direct else None
        yield Assisted(first, assistant, name, direct, change)


def _taught_alike(run: Run, student: str, teacher: str) -> str | None:
    """The variant of the same net and options that this teacher taught itself."""
    wanted = run.variants[student]
    for name, variant in run.variants.items():
        same = all(variant[field] == wanted[field] for field in ("technique", "model", "options"))
        if same and variant["parents"] == [teacher]:
            return name
    return None


def _change(run: Run, rows: Rows, variant: str, other: str, target: str) -> QualityChange | None:
    ours, theirs = (by_seed(rows.of(v, "score", target)) for v in (variant, other))
    return between(ours, theirs, headline=run.headline)


_FEWEST = 3  # temperatures that make a sweep


@dataclass(frozen=True)
class TemperatureSeries:
    """Taught variants by rising temperature; the same net without a teacher, if there is one."""

    points: tuple[tuple[float, str], ...]  # (temperature, variant)
    control: str | None

    @property
    def label(self) -> str:
        """Its first and last variant."""
        return f"{self.points[0][1]} … {self.points[-1][1]}"


def temperature_series(run: Run) -> list[TemperatureSeries]:
    """Groups of at least three taught variants equal in all but `temperature`."""
    groups: dict[str, dict[float, str]] = {}
    for name, variant in run.variants.items():
        if teacher(run, name) is None or "temperature" not in variant["options"]:
            continue
        if variant.get("sweep"):  # it has a table and a picture of its own
            continue
        others = {k: v for k, v in variant["options"].items() if k != "temperature"}
        equal = [variant["technique"], variant["parents"], variant["model"], others]
        same = json.dumps(equal, sort_keys=True)
        groups.setdefault(same, {}).setdefault(float(variant["options"]["temperature"]), name)
    return [
        TemperatureSeries(tuple(sorted(points.items())), untaught(run, next(iter(points.values()))))
        for points in groups.values()
        if len(points) >= _FEWEST
    ]


def untaught(run: Run, student: str) -> str | None:
    """The first variant that trains the same net from scratch by the same recipe, untaught.

    Each of its options is the student's too, and what the student has besides is of the teaching:
    loaded weights are no control, nor is a net that was trained longer. Where the student knows a
    part of the targets, the control has seen those samples.
    """
    taught = run.variants[student]
    known = taught["options"].get("label_share", 1)
    for name, variant in run.variants.items():
        is_same_net = not variant["parents"] and variant["model"] == taught["model"]
        options, wanted = variant["options"], dict(taught["options"])
        if known < 1:
            wanted["data_share"] = min(known, wanted["data_share"])
        recipe = {option: wanted[option] for option in Recipe.model_fields if option in wanted}
        if is_same_net and recipe.items() <= options.items() <= wanted.items():
            return name
    return None
