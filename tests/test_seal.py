"""A file that carries its checksum is read as it was written, or not at all."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compbench import seal

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(max_size=5).filter(lambda name: name != seal.SUM), PLAIN)


@given(content=OBJECTS)
def test_an_object_comes_back(content: dict) -> None:
    text = seal.json_text(content)
    assert seal.json_object(text, is_sealed=True) == content
    assert json.loads(text)[seal.SUM]


@given(lines=st.lists(OBJECTS, max_size=4))
def test_lines_come_back(lines: list[dict]) -> None:
    text = seal.lines_text("".join(json.dumps(line) + "\n" for line in lines).encode())
    assert seal.json_lines(text, is_sealed=True) == lines


@given(content=OBJECTS, place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_is_told_or_changes_nothing(content: dict, place: float, bit: int) -> None:
    for text, read in (
        (seal.json_text(content), seal.json_object),
        (seal.lines_text(json.dumps(content).encode() + b"\n"), seal.json_lines),
    ):
        damaged = bytearray(text)
        damaged[int(place * len(text))] ^= 1 << bit
        try:
            found = read(bytes(damaged), is_sealed=True)
        except ValueError:
            continue
        assert found in (content, [content])


def test_a_file_that_ends_too_early_is_told() -> None:
    lines = seal.lines_text(b"".join(b'{"a": %d}\n' % i for i in range(20)))
    whole = seal.json_text({"a": 1, "b": [1, 2]})
    for size in random.Random(0).sample(range(len(lines) - 1), 60):
        with pytest.raises(ValueError, match=r".") as found:
            seal.json_lines(lines[:size], is_sealed=True)
        assert str(found.value)
    for size in range(len(whole) - 2):
        with pytest.raises(ValueError, match=r"."):
            seal.json_object(whole[:size], is_sealed=True)


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_number_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match=f"{word} is no number"):
        seal.loads(f'{{"a": {word}}}'.encode())


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        seal.loads(b"[" * 200_000)


def test_what_was_written_before_there_were_checksums_needs_none() -> None:
    assert seal.json_object(b'{"a": 1}', is_sealed=False) == {"a": 1}
    assert seal.json_lines(b'{"a": 1}\n{"a": 2}\n', is_sealed=False) == [{"a": 1}, {"a": 2}]
    with pytest.raises(ValueError, match="checksum, is missing"):
        seal.json_object(b'{"a": 1}', is_sealed=True)
    with pytest.raises(ValueError, match="checksum, is missing"):
        seal.json_lines(b'{"a": 1}\n', is_sealed=True)
