"""docs/distillation.md is true: its suite can be read, and its table has every loss."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from pathlib import Path

from compbench.registry import registry
from compbench.suite import plan, read

PAGE = (Path(__file__).parents[2] / "docs" / "distillation.md").read_text(encoding="utf-8")
TEACHER = '[variants.teacher]\ntechnique = "train"\nmodel = "cnn"\n'
GENERATION = """
[variants.generation_{n}]
technique = "distill"
parent = "{parent}"
model = "cnn"
"""


def test_every_loss_has_a_row() -> None:
    named = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    assert sorted(named) == sorted(registry.names("loss"))


def test_its_suite_can_be_read(write_suite: Callable[[str], Path]) -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    suite = read.load(write_suite(TEACHER + block))
    losses = suite.variants["student"].technique.losses  # type: ignore[attr-defined]
    assert [(registry.name_of(type(loss)), loss.weight) for loss in losses] == [
        ("soft", 0.7),
        ("attention", 1000),
    ]


def test_born_again_generations_are_a_chain(write_suite: Callable[[str], Path]) -> None:
    """Furlanello et al., arXiv:1805.04770: each of equal nets teaches the next."""
    text, parent = TEACHER, "teacher"
    for n in (1, 2, 3):
        text += GENERATION.format(n=n, parent=parent)
        parent = f"generation_{n}"
    jobs = plan.plan(read.load(write_suite(text)), "d" * 64)
    assert all(job.parent_keys == (before.key,) for before, job in itertools.pairwise(jobs))
    assert len({job.key for job in jobs}) == 4
