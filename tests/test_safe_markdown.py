"""What others wrote is shown, and does nothing."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

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
        ("[x]: javascript:alert(1)", "[x] : javascript:alert(1)"),
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


def shown(text: str) -> list[Token]:
    """All tokens of a page as a reader of markdown that lets HTML pass sees it."""
    reader = MarkdownIt("commonmark").enable("table")
    reader.validateLink = lambda url: True
    found = reader.parse(text)
    return [*found, *(inner for token in found for inner in token.children or ())]


HOSTILE = [
    "[x\\]y](javascript:alert(1))",
    "[x]( javascript:alert(1))",
    "[x](<javascript:alert(1)>)",
    "[x](java&#115;cript:alert(1))",
    "[[x](javascript:alert(1))](javascript:alert(2))",
    "![[x]](https://evil.example/seen.png)",
    "![x\\]y](https://evil.example/seen.png)",
    "1. [x]: javascript:alert(1)\n\n[x]",
    "[x\\]y]: javascript:alert(1)\n\n[x\\]y]",
    "[x\ny]: javascript:alert(1)\n\n[x y]",
    "> - [x]:\njavascript:alert(1)\n\n[x]",
    "   [x]: /etc/passwd\n\n[x][] and ![x][x]",
    "<a href='https://evil.example'>x</a>",
    "<https://evil.example>",
    "<?php ?> <![CDATA[x]]> <!x>",
    "| <b>x</b> | [y](javascript:alert(1)) |\n|---|---|\n| ![z](https://evil.example/z) | <i> |",
]
PIECES = ["[", "]", "](", "]:", "!", "(", ")", "<", ">", "\\", "`", "|", "\n", " ", "x", "1.", "-"]
PIECES += ["javascript:a", "https://evil.example/x", "a.png", "//e", "/etc", "&#115;", "'t'", ":"]


def refuse_astray(text: str) -> None:
    """No HTML passes, and every address is a file beside the page, or an https page."""
    for token in shown(safe_markdown.page(text)):
        assert token.type not in ("html_block", "html_inline"), token
        place = str(token.attrs.get("href", token.attrs.get("src", "x")))
        is_ours = re.fullmatch(r"[\w-][\w.-]*", place)
        assert is_ours or (place.startswith("https://") and token.type == "link_open"), token


@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
def test_no_reader_of_markdown_is_led_astray(text: str) -> None:
    refuse_astray(text)


@pytest.mark.parametrize("text", HOSTILE)
def test_nor_by_what_was_thought_of(text: str) -> None:
    assert any(
        token.type.startswith("html") or {"href", "src"} & token.attrs.keys()
        for token in shown(text)
    )
    refuse_astray(text)


@pytest.mark.parametrize("fence", ["```", "~~~~", "> ```sh", "- ~~~", "1. ```", "  ```"])
def test_no_description_takes_in_what_stands_below_it(fence: str) -> None:
    kinds = [token.type for token in shown(f"{fence}\n\n# Results\n")]
    assert "fence" in kinds
    after = shown(f"{safe_markdown.unfenced(fence)}\n\n# Results\n")
    assert [token.type for token in after].count("heading_open") == 1
    assert "fence" not in [token.type for token in after]
