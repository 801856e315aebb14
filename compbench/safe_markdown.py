"""Markdown in which what others wrote is text: no HTML, no link out of the page, no torn table."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_BESIDE = r"[\w-][\w.-]*"  # a file beside the page
_LINK = re.compile(rf"\]\((?!(?:{_BESIDE}|https://[^\s()<>&]*)\))")
_IMAGE = re.compile(rf"!+(?=\[)(?!\[[^\[\]\\\n]*\]\({_BESIDE}\))")
_FENCE = re.compile(r"^([ \t>*+\-\d.)]*)(`{3,}|~{3,})", re.MULTILINE)


def page(text: str) -> str:
    """A page whose words may be a stranger's, as it is shown and no more.

    Left are links to files beside it and to https pages, and pictures beside it.
    """
    text = _TAG.sub("&lt;", text)
    text = _LINK.sub("] (", text)
    text = _IMAGE.sub("", text)
    return text.replace("]:", "] :")  # where a link's address could be given elsewhere


def unfenced(text: str) -> str:
    """A text that opens no block of code, which would take in all that stands below it."""
    return _FENCE.sub(r"\1\\\2", text)


def table(rows: Sequence[Mapping[str, str]]) -> str:
    """A table with a row for each, empty where there is none; a cell is one line of its own."""
    if not rows:
        return ""
    import pandas as pd  # which few commands need

    frame = pd.DataFrame([{_cell(n): _cell(x) for n, x in row.items()} for row in rows]).fillna("")
    return str(frame.to_markdown(index=False, disable_numparse=True))


def _cell(value: str) -> str:
    return " ".join(value.split("\n")).replace("\\|", "|").replace("|", "\\|")
