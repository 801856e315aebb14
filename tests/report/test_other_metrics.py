"""Pages and pictures of tasks whose metric is no accuracy, of samples that are no images."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from matplotlib import rc_context
from matplotlib.figure import Figure
from syrupy.assertion import SnapshotAssertion

from compbench.report import page
from compbench.report.gallery import gallery
from compbench.report.pictures import draw, style
from compbench.report.pictures.scatter import pareto_scatter
from compbench.report.pictures.teaching import temperature_curves
from compbench.report.pictures.training import training_curves
from compbench.report.section import Page
from compbench.report.section_list import places
from compbench.results.row_index import Rows
from compbench.statistics.summarise import summarise
from tests.factory import TARGET
from tests.golden import Markdown
from tests.metric_runs import KINDS, metric_run, with_r_squared

FOREIGN = re.compile(r"accura|\bimage|McNemar|Wilson|\bpp\b|\bclass(?:es)?\b|logit", re.IGNORECASE)


@pytest.fixture
def golden(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    return snapshot.use_extension(Markdown)


def rendered(kind: str, seeds: tuple[int, ...] = (0, 1)) -> str:
    run, rows = metric_run(kind, seeds)
    if kind == "regression":
        rows = with_r_squared(run, rows)
    return page.render(run, rows, summarise(run, rows)).text


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_page(kind: str, golden: SnapshotAssertion) -> None:
    assert rendered(kind) == golden


@pytest.mark.parametrize("seeds", [(0,), (0, 1)])
@pytest.mark.parametrize("kind", KINDS)
def test_no_word_of_another_metric_nor_of_images(kind: str, seeds: tuple[int, ...]) -> None:
    text = rendered(kind, seeds)
    found = [line for line in text.splitlines() if FOREIGN.search(line)]
    assert found == []
    assert "could not be written" not in text


def words_of(figure: Figure) -> list[str]:
    found = [text.get_text() for text in figure.texts]
    for axes in figure.axes:
        found += [axes.get_title(loc="left"), axes.get_title(), axes.get_xlabel()]
        found += [axes.get_ylabel(), *(text.get_text() for text in axes.texts)]
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_speak_of_the_metric_and_point_the_right_way(kind: str) -> None:
    run, rows = metric_run(kind)
    summaries, index = summarise(run, rows), Rows(rows)
    label = run.headline.label
    with rc_context(style.STYLE):
        scatter = pareto_scatter(run, summaries, TARGET)
        others = [training_curves(run, index), temperature_curves(run, index, TARGET)]
    axes = scatter.axes[0]
    bottom, top = axes.get_ylim()
    assert bottom > top, "lower is better, so that the best lies above"
    unit = "" if kind == "next_token" else "eV, "  # which the label says itself
    assert axes.get_ylabel() == f"test {label} ({unit}lower is better)"
    for figure in (scatter, *others):
        said = " ".join(words_of(figure))
        assert label in said and not FOREIGN.search(said)
    validation = others[0].axes[1]
    low, high = validation.get_ylim()
    assert low < high
    assert "%" not in validation.yaxis.get_major_formatter()(low, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_every_picture_is_drawn(kind: str) -> None:
    run, rows = metric_run(kind)
    found = gallery(places(Page(run, Rows(rows), summarise(run, rows))))
    assert not found.failures and not draw.pictures(found.pictures).failures
    assert {p.kind for p in found.pictures} >= {"pareto", "training", "temperature", "speed"}
    assert not {p.kind for p in found.pictures} & {"classes", "confusions", "soft-labels"}
    assert [p.caption for p in found.pictures if FOREIGN.search(p.caption + p.alt)] == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_single_sample_decides_nothing_and_is_drawn(kind: str) -> None:
    run, rows = metric_run(kind)
    rows = [
        replace(row, samples={"score": row.samples["score"][:1]}) if "score" in row.samples else row
        for row in rows
    ]
    summaries = summarise(run, rows)
    assert {s.better for s in summaries.all} == {0}
    text = page.render(run, rows, summaries).text
    assert "could not be written" not in text and "a single sample decides nothing" in text
    found = gallery(places(Page(run, Rows(rows), summaries)))
    assert not found.failures and not draw.pictures(found.pictures).failures
