"""The pictures of a run: which there are, with their file names and captions; pure, nothing drawn.

A report can thus be written without drawing: `plots.pictures` draws just these.
"""

from __future__ import annotations

from dataclasses import dataclass

from compbench.report.pictures import choose
from compbench.results.record import Run
from compbench.results.rows import Rows
from compbench.statistics.classes import MOST_CLASSES, added_confusions, class_changes
from compbench.statistics.summary import Summaries
from compbench.statistics.teaching import soft_labels, sweeps

MOST_CONFUSED = 6  # variants whose confusions are shown


@dataclass(frozen=True)
class Picture:
    """One picture: what it is of (a kind, a target or none), and what a report says of it."""

    kind: str  # training, pareto, latency, speed, classes, confusions, soft-labels, temperature
    target: str
    title: str
    alt: str
    caption: str

    @property
    def name(self) -> str:
        """Its file name."""
        return f"{self.kind}-{self.target}.png" if self.target else f"{self.kind}.png"

    @property
    def markdown(self) -> str:
        """The picture and its caption."""
        return f"![{self.alt}]({self.name})\n\n{self.caption}"


def gallery(run: Run, rows: Rows, summaries: Summaries) -> tuple[Picture, ...]:
    """Every picture that the rows allow, in a report's order.

    What hardly depends on the target (soft labels, temperature) is of the first measured one only.
    """
    found: list[Picture] = []
    measured = [t for t in run.targets if any(s.accuracy for s in summaries.of(t))]
    for target in measured:
        found += _of_speed(run, summaries, target) + _of_classes(run, rows, summaries, target)
    for target in measured[:1]:
        found += _of_teaching(run, rows, target)
    if any(row.samples for variant in run.variants for row in rows.of(variant, "history")):
        found.append(Picture("training", "", "Training", *_TRAINING))
    return tuple(found)


_TRAINING = (
    "Training loss and validation accuracy by epoch",
    "Means over seeds; a dot marks the epoch that was kept, the best by validation accuracy. "
    "Losses are each technique's own and compare within a technique only.",
)


def _of_speed(run: Run, summaries: Summaries, target: str) -> list[Picture]:
    chosen = choose.shown(run, summaries, target)
    if not chosen.summaries:
        return []
    samples = run.dataset["samples"]["test"]
    pareto = (
        f"Test accuracy ({samples:,} images, with 95 % intervals) against the median latency; the "
        "area of a mark is the file's. Ringed, and named while there is room: the Pareto front, "
        "where nothing else is at least as accurate, fast and small and measurably better in one. "
        "A triangle on the lower edge stands for a variant far below."
    )
    latency = (
        "Every kept run of every launch and seed on a logarithmic axis, each hill as high as the "
        "others and drawn in square roots of counts, which show tails; percentiles only where "
        "there are runs enough to support them. The slowest run is in the last column, beyond the "
        "axis where it must be."
    )
    speed = (
        f"Bytes of the ONNX file and of the same file packed with zstd; speed-up against "
        f"`{run.baseline}` with its 95 % interval over launches."
    )
    return [
        Picture("pareto", target, "Accuracy against latency", _ALT["pareto"], pareto),
        *(
            Picture(kind, target, title, _ALT[kind], f"{caption} {chosen.note}".strip())
            for kind, title, caption in (
                ("latency", "Latency distributions", latency),
                ("speed", "Size and speed", speed),
            )
        ),
    ]


_ALT = {
    "pareto": "Accuracy against latency",
    "latency": "Distribution of latencies by variant",
    "speed": "File size and speed-up by variant",
    "classes": "Change of accuracy by class and variant",
    "confusions": "Classes that variants confuse more often than the baseline",
}


def _of_classes(run: Run, rows: Rows, summaries: Summaries, target: str) -> list[Picture]:
    chosen = choose.shown(run, summaries, target, choose.is_right_somewhere)
    changes = class_changes(run, rows, target, [s.variant for s in chosen.summaries])
    found: list[Picture] = []
    if changes:
        caption = (
            f"Change of accuracy in percentage points against `{run.baseline}` by true class, on "
            "the same test images. Bold: the 95 % interval excludes no change (not corrected for "
            "so many comparisons: of 40 cells two would be bold by chance)."
        )
        if changes.left_out:
            caption += f" The {MOST_CLASSES} classes that change most; {changes.left_out} are not."
        found.append(_class_picture("classes", target, f"{caption} {chosen.note}".strip()))
    ahead = choose.front(run, summaries, target, MOST_CONFUSED)
    if added_confusions(run, rows, target, ahead):
        caption = (
            f"Pairs “true → predicted” of which a variant on the Pareto front has more test images "
            f"than `{run.baseline}` (means over seeds); at most five pairs and {MOST_CONFUSED} "
            "variants are shown."
        )
        found.append(_class_picture("confusions", target, caption))
    return found


def _class_picture(kind: str, target: str, caption: str) -> Picture:
    title = {"classes": "Accuracy by class", "confusions": "What is newly confused"}[kind]
    return Picture(kind, target, title, _ALT[kind], caption)


def _of_teaching(run: Run, rows: Rows, target: str) -> list[Picture]:
    found: list[Picture] = []
    soft = soft_labels(run, rows, target)
    if soft:
        found.append(
            Picture(
                "soft-labels",
                target,
                "What the teacher taught",
                "Class probabilities of teacher and student for some test images",
                f"The {len(soft.examples)} test images that `{run.baseline}` doubts most (its two "
                f"likeliest classes are closest), with the probabilities of `{soft.teacher}`, of "
                f"`{soft.student}`, which it taught, and of `{soft.control}`, the same net trained "
                f"without it; seed {soft.seed}. Shaded: the true class.",
            )
        )
    if any(rows.of(v, "accuracy", target) for s in sweeps(run) for _, v in s.points):
        found.append(
            Picture(
                "temperature",
                target,
                "Which temperature?",
                "Accuracy of students by the temperature that they were taught at",
                "Accuracy by temperature, with 95 % intervals; dashed, with its interval as a "
                "band: the same net without a teacher. A temperature is to be chosen on the "
                "validation split; the test split only tells what it is worth.",
            )
        )
    return found
