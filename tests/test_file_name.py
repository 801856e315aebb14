"""Names that become part of a path stay in their folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compbench.file_name import MOST_BYTES, problem


@pytest.mark.parametrize("name", ["a", "my suite", "v1.2", "é-ü", "20260102T030405Z+", "x" * 200])
def test_names_of_files_are_names(name: str) -> None:
    assert problem(name) is None


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("", "no letter"),
        ("..", "no letter"),
        (". .", "no letter"),
        (".hidden", "begins with a dot"),
        ("../up", "begins with a dot"),
        ("a/b", "'/'"),
        ("/etc", "'/'"),
        ("a\\b", "has '\\\\' in it"),
        ("a\0b", "'\\x00'"),
        ("a\nb", "'\\n'"),
        ("a\x1b[31m", "'\\x1b'"),
        ("é" * 101, "more than 200 bytes"),
    ],
)
def test_what_is_none_says_why(name: str, part: str) -> None:
    assert part in (problem(name) or "")


@given(name=st.text(max_size=300))
def test_a_name_is_one_part_of_a_path_below_its_folder(name: str) -> None:
    if problem(name) is None:
        path = Path("/folder") / name
        assert path.parent == Path("/folder") and path.name == name
        assert len(name.encode(errors="replace")) <= MOST_BYTES
