"""The best of several by validation: planned after them, made of their files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compbench.contracts import kinds
from compbench.errors import UserError
from compbench.headline import ACCURACY, Headline
from compbench.suite import plan, read
from compbench.techniques import best_of

SUITE = """
seeds = [3, 1]
[variants.teacher]
technique = "train"
model = "cnn"
[variants.student]
technique = "distill"
parent = "teacher"
model = "mlp"
temperature = { sweep = [1, 4] }
select = "validation"
[variants.int8]
technique = "quantize_static"
parent = "student"
[variants.pruned]
technique = "prune_weights"
parent = "student"
ratio = 0.5
[variants.alone]
technique = "train"
model = "mlp"
"""
ERROR = Headline(**{**ACCURACY.model_dump(), "name": "rmse", "label": "RMSE", "better": "lower"})


def test_it_is_planned_after_its_points_at_all_seeds(write_suite: Callable[[str], Path]) -> None:
    suite = read.load(write_suite(SUITE))
    jobs = plan.plan(suite, "digest")
    points = ["student-temperature1", "student-temperature4"]
    before = ["teacher", *points, "alone"]
    after = ["student", "int8", "pruned"]
    assert [(j.variant.name, j.seed) for j in jobs] == [
        (name, seed) for names in (before, after) for seed in (3, 1) for name in names
    ]
    chosen = [job for job in jobs if job.variant.name == "student"]
    keys = {(job.variant.name, job.seed): job.key for job in jobs}
    for job in chosen:
        assert job.parent_keys == tuple(keys[name, seed] for seed in (3, 1) for name in points)
        assert [name for _, name in job.parents] == points * 2
    assert chosen[0].key != chosen[1].key
    assert suite.variants["student"].is_torch and suite.variants["pruned"].is_torch


def test_a_point_more_is_another_choice(write_suite: Callable[[str], Path]) -> None:
    found = [
        {j.variant.name: j.key for j in plan.plan(read.load(write_suite(text)), "digest")}
        for text in (SUITE, SUITE.replace("[1, 4]", "[1, 4, 8]"))
    ]
    assert found[0]["student-temperature4"] == found[1]["student-temperature4"]
    for name in ("student", "int8", "pruned"):
        assert found[0][name] != found[1][name]


@given(st.lists(st.lists(st.floats(0, 1), min_size=3, max_size=3), min_size=1, max_size=6))
def test_the_best_mean_is_taken_and_the_first_of_equals(values: list[list[float]]) -> None:
    means = [float(np.mean(one)) for one in values]
    technique = best_of.Technique()
    assert technique.choose(values, ACCURACY) == means.index(max(means))
    assert technique.choose(values, ERROR) == means.index(min(means))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ('select = "validation"', 'select = "test"'),
            '''select = 'test' should be "validation"''',
        ),
        (("{ sweep = [1, 4] }", "4"), "has select, but none of its options has a sweep"),
        (('select = "validation"\n', ""), "is a sweep of 2 variants: give it select = "),
    ],
)
def test_what_chooses_nothing_is_told(
    write_suite: Callable[[str], Path], change: tuple[str, str], message: str
) -> None:
    with pytest.raises(UserError) as told:
        read.load(write_suite(SUITE.replace(*change)))
    assert message in str(told.value)


NETS = """
[variants.a]
technique = "train"
model = "cnn"
[variants.b]
technique = "{technique}"
{given}
[variants.best]
technique = "best_of"
parents = ["a", "b"]
[variants.next]
technique = "{after}"
parent = "best"
"""


@pytest.mark.parametrize(
    ("technique", "given", "after", "message"),
    [
        ("train", 'model = "mlp"', "prune_weights", "are of different nets: choose among equal"),
        ("float16", 'parent = "a"', "prune_weights", "works on a torch module, but its parent"),
        ("quantize_static", 'parent = "a"', "quantize_static", "quantizes what [variants.b]"),
    ],
)
def test_what_can_not_follow_is_told(
    write_suite: Callable[[str], Path], technique: str, given: str, after: str, message: str
) -> None:
    text = NETS.format(technique=technique, given=given, after=after)
    with pytest.raises(UserError) as told:
        read.load(write_suite(text))
    assert message in str(told.value)


def test_files_of_different_nets_can_be_quantized(write_suite: Callable[[str], Path]) -> None:
    text = NETS.format(technique="train", given='model = "mlp"', after="quantize_static")
    suite = read.load(write_suite(text))
    assert not suite.variants["best"].is_torch


def test_its_parents_are_one_or_more() -> None:
    plugin = kinds.technique("best_of")
    assert plugin().problem(0) == "needs 1 to 10000 parents, got 0"
    assert plugin().problem(1) is None
