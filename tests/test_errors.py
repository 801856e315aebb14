"""Messages of a user's mistakes: one line of a length that can be read."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from compbench.errors import LONGEST, UserError

LONG = "/a-folder-of-a-very-long-name" * 9
SAID = "the table [pick] has no option 'max_dorp'; did you mean 'max_drop'?"


def test_of_long_paths_the_last_names_stay_and_all_words() -> None:
    line = str(UserError(f"{LONG}/suites/mine.toml: {SAID} (see https://example.org/a/b/c/d)"))
    assert line == f"…/suites/mine.toml: {SAID} (see https://example.org/a/b/c/d)"


def test_of_several_the_longest_are_cut_first_and_no_more_than_needed() -> None:
    line = str(UserError(f"{LONG}/mine.toml and /data/of/mine/too.csv: {SAID}"))
    assert line == f"…/a-folder-of-a-very-long-name/mine.toml and /data/of/mine/too.csv: {SAID}"


def test_a_short_message_is_left_as_it_is() -> None:
    assert str(UserError(f"/a/b/c/d.toml: {SAID}")) == f"/a/b/c/d.toml: {SAID}"


@given(st.text(max_size=900))
def test_no_message_is_longer_or_of_several_lines(text: str) -> None:
    line = str(UserError(text))
    assert len(line) <= LONGEST
    assert line.isprintable()
