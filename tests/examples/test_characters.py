"""The example of a language model: the next letter of a poem that lies beside the suite."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.examples import outside


@pytest.mark.slow
def test_the_next_letter_is_told_by_every_variant(tmp_path: Path) -> None:
    folder = outside.copied("characters", tmp_path)
    poem = folder / "paradise_lost.txt"
    poem.write_text(poem.read_text("utf-8")[:12_000], "utf-8")
    done = outside.run(folder, tmp_path)
    assert not done.failures()
    assert {*done.scores()} >= {"teacher", "narrow_kd", "half_deep", "half_deep_int8"}
    assert "bits per token" in done.report
    assert "accuracy" not in done.report


@pytest.mark.slow
def test_students_learn_from_what_the_teacher_wrote(tmp_path: Path) -> None:
    folder = outside.copied("characters", tmp_path, suite="sequences")
    poem = folder / "paradise_lost.txt"
    poem.write_text(poem.read_text("utf-8")[:12_000], "utf-8")
    done = outside.run(folder, tmp_path, "sequences")
    assert not done.failures()
    _, _, below = done.report.partition("Did a teacher help?")
    table, _, _ = below.partition("\n#")
    assert {"tokens", "sequences", "both", "half", "likeliest"} <= {
        cell.strip() for cell in table.split("|")
    }
    assert re.search(r"wrote \d+ sequences of 57 tokens, each after 8 of the text", done.report)
