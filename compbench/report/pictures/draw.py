"""Rows and summaries -> pictures (PNG bytes): the gallery, drawn. What there is, `gallery` says."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from matplotlib import rc_context
from matplotlib.figure import Figure

from compbench.report.pictures.classes import class_heat_map, confusion_bars
from compbench.report.pictures.gallery import MOST_CONFUSED, Picture, gallery
from compbench.report.pictures.scatter import pareto_scatter
from compbench.report.pictures.speed import latency_hills, size_and_speed
from compbench.report.pictures.style import STYLE, png
from compbench.report.pictures.teaching import soft_label_bars, temperature_curves
from compbench.report.pictures.training import training_curves
from compbench.results.record import Run
from compbench.results.rows import Rows
from compbench.statistics.summary import Summaries


def pictures(run: Run, rows: Rows, summaries: Summaries) -> dict[str, bytes]:
    """File name -> PNG bytes, the same bytes for the same rows; in the gallery's order."""
    with rc_context(STYLE):
        return {
            picture.name: png(figure(picture, run, rows, summaries))
            for picture in gallery(run, rows, summaries)
        }


def figure(picture: Picture, run: Run, rows: Rows, summaries: Summaries) -> Figure:
    """One picture of the gallery, drawn in the style that holds now."""
    target = picture.target
    draw: dict[str, Callable[[], Figure]] = {
        "training": partial(training_curves, run, rows),
        "pareto": partial(pareto_scatter, run, summaries, target),
        "latency": partial(latency_hills, run, rows, summaries, target),
        "speed": partial(size_and_speed, run, summaries, target),
        "classes": partial(class_heat_map, run, rows, summaries, target),
        "confusions": partial(confusion_bars, run, rows, summaries, target, MOST_CONFUSED),
        "soft-labels": partial(soft_label_bars, run, rows, target),
        "temperature": partial(temperature_curves, run, rows, target),
    }
    return draw[picture.kind]()
