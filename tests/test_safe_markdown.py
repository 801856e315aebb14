"""What others wrote is shown, and does nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compbench import safe_markdown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<img src=x onerror=alert(1)>", "&lt;img src=x onerror=alert(1)>"),
        ("</script><!-- x -->", "&lt;/script>&lt;!-- x -->"),
        ("<javascript:alert(1)>", "&lt;javascript:alert(1)>"),
        ("p <0.001 and a < b", "p <0.001 and a < b"),
        ("[x](javascript:alert(1))", "[x] (javascript:alert(1))"),
        ("[x](file:///etc/passwd)", "[x] (file:///etc/passwd)"),
        ("[x](../up.md)", "[x] (../up.md)"),
        ("[x](//evil.example)", "[x] (//evil.example)"),
        ("![x](https://evil.example/seen.png)", "[x](https://evil.example/seen.png)"),
        ("[x]: javascript:alert(1)", "\\[x]: javascript:alert(1)"),
        ("![Speed](speed-cpu.png)", "![Speed](speed-cpu.png)"),
        ("[page](https://example.org/a_b)", "[page](https://example.org/a_b)"),
    ],
)
def test_a_page_runs_nothing_and_leads_nowhere(text: str, shown: str) -> None:
    assert safe_markdown.page(text) == shown


def test_a_cell_is_one_cell() -> None:
    rows = [{"name": "A | B", "n": "1"}, {"name": "two\nlines"}, {"name": "a \\| b", "x|y": "z"}]
    head, _, *lines = safe_markdown.table(rows).splitlines()
    assert len(lines) == 3
    assert all(line.replace("\\|", "").count("|") == 4 for line in (head, *lines))
    assert safe_markdown.table([]) == ""


@given(text=st.text(alphabet="<>[]()!:/|ajs \n", max_size=40))
def test_a_second_pass_changes_nothing(text: str) -> None:
    once = safe_markdown.page(text)
    assert safe_markdown.page(once) == once
