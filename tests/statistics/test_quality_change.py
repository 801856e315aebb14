"""A difference of files and one of techniques: images alone, or images and trainings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from compbench.statistics import quality_change
from compbench.statistics.crossed_effects import CrossedMean
from compbench.statistics.quality_change import between, corrected
from compbench.statistics.scores import paired_interval
from compbench.statistics.significance import mcnemar_p
from compbench.statistics.summarise import summarise
from tests.factory import TARGET, accuracy_row, lineage, make_run
from tests.simulations.equal_techniques import answers


@st.composite
def trained(draw: st.DrawFn) -> tuple[list[NDArray[np.uint8]], list[NDArray[np.uint8]]]:
    seeds, samples = draw(st.integers(2, 5)), draw(st.integers(2, 60))
    random = np.random.default_rng(draw(st.integers(0, 1000)))
    both = random.random((2, seeds, samples)) < random.random()
    return list(both[0].astype(np.uint8)), list(both[1].astype(np.uint8))


@given(trained())
def test_a_technique_is_never_surer_than_its_files(
    arms: tuple[list[NDArray[np.uint8]], list[NDArray[np.uint8]]],
) -> None:
    found = between(dict(enumerate(arms[0])), dict(enumerate(arms[1])))
    assert found is not None and found.technique is not None and found.technique_p is not None
    files, technique = found.files, found.technique
    assert files == paired_interval(*arms)
    assert -1 <= technique.low <= files.low <= files.value == technique.value
    assert files.value <= files.high <= technique.high <= 1
    assert mcnemar_p(*arms) <= found.technique_p <= 1


def test_one_seed_tells_nothing_of_a_technique() -> None:
    one, other = [np.array([1, 1, 0], np.uint8)], [np.array([1, 0, 0], np.uint8)]
    found = between({0: one[0]}, {0: other[0]})
    assert found is not None
    assert (found.seeds, found.interval, found.technique) == (1, found.files, None)


def test_the_variance_is_that_of_the_mean_squares() -> None:
    """By hand: seeds' means 1/2 and 0, samples' means 1/2, 0, 1/2, 0; no rest."""
    ours = [np.array([1, 1, 1, 1], np.uint8), np.array([1, 0, 1, 0], np.uint8)]
    theirs = [np.array([0, 1, 0, 1], np.uint8), np.array([1, 0, 1, 0], np.uint8)]
    found = CrossedMean.of(ours, theirs)
    assert found is not None
    of_samples = 2 * 4 * 0.25**2 / 3 / 8
    of_seeds = 4 * 2 * 0.25**2 / 1 / 8
    of_rest = 8 * 0.25**2 / 3 / 8
    assert found.mean == 0.25
    assert found.variance == pytest.approx(of_samples + of_seeds - of_rest)
    assert found.freedom == 1


def test_trainings_that_vary_make_a_technique_less_sure() -> None:
    """Files that surely differ, of techniques that need not: seeds go one way and the other."""
    base = np.arange(4000) >= 400
    ours = {seed: np.arange(4000) >= lost for seed, lost in enumerate((280, 300, 500))}
    theirs = dict.fromkeys(ours, base.astype(np.uint8))
    found = between({s: c.astype(np.uint8) for s, c in ours.items()}, theirs)
    assert found is not None and found.technique is not None
    assert found.files_side == 1
    assert found.technique.low < 0 < found.technique.high
    assert found.side == 0


def test_seeds_that_agree_are_no_doubt() -> None:
    ours, theirs = answers(np.random.default_rng(0), seeds=3, images=10_000, sd=0, better=0.02)
    found = between(dict(enumerate(ours)), dict(enumerate(theirs)))
    assert found is not None
    assert (found.files_side, found.side) == (1, 1)


def test_each_is_corrected_for_all_that_is_said_beside_it() -> None:
    one = between({0: np.ones(20, np.uint8)}, {0: (np.arange(20) >= 6).astype(np.uint8)})
    assert one is not None and one.files_p == pytest.approx(2 / 2**6) and one.side == 1
    for each in corrected([one, one, one]):
        assert each.files_p == pytest.approx(6 / 2**6)
        assert (each.side, each.files_side) == (0, 0)
    assert corrected([]) == []


def test_places_choose_samples() -> None:
    ours, theirs = np.array([1, 1, 0, 0], np.uint8), np.array([0, 1, 0, 1], np.uint8)
    found = between({0: ours}, {0: theirs}, np.array([0, 1]))
    assert found is not None and found.files.value == 0.5
    assert quality_change.between({0: ours}, {1: theirs}) is None


def test_with_seeds_a_summary_is_of_the_technique() -> None:
    """Two of three trainings are better, one worse: these files are, the technique need not be."""
    run = make_run({"teacher": lineage(), "student": lineage(model="mlp")}, seeds=(0, 1, 2))
    rows = [accuracy_row("teacher", 70, seed=seed) for seed in run.seeds]
    rows += [accuracy_row("student", right, seed=seed) for seed, right in enumerate((95, 95, 62))]
    found = summarise(run, rows).find("student", TARGET)
    assert found.change is not None and found.technique_change is not None
    assert (found.change_seeds, found.file_better, found.better) == (3, 1, 0)
    assert found.judged_change == found.technique_change
    alone = summarise(run, [row for row in rows if row.seed == 0]).find("student", TARGET)
    assert (alone.technique_change, alone.judged_change) == (None, alone.change)
    assert (alone.change_seeds, alone.file_better, alone.better) == (1, 1, 1)
