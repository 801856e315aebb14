"""A hostile run's report in a real browser: nothing runs, nothing is fetched, no link leads astray.

The page is given to the browser as the most careless reader of markdown makes it: HTML passes, and
so does every address. Skipped where no Chromium is installed.
"""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from markdown_it import MarkdownIt

from compbench.report import page
from compbench.statistics.summarise import summarise
from tests.factory import lineage, make_run, status_row, variant_rows
from tests.test_safe_markdown import HOSTILE

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
RUN = "document.documentElement.setAttribute('class','ran')"
FETCH = "/fetched.png"
PAYLOADS = [
    f'<img src="{FETCH}" onerror="{RUN}">',
    f'<script>{RUN}</script><svg onload="{RUN}"></svg>',
    f'<iframe src="{FETCH}"></iframe><object data="{FETCH}"></object>',
    f'</td></tr></table><details open ontoggle="{RUN}"><style>@import "{FETCH}";</style>',
    f"![seen]({FETCH})",
    f"![seen][far]\n\n[far]: {FETCH}",
    f"[x](javascript:{RUN})",
    f'<a href="javascript:{RUN}" autofocus onfocus="{RUN}">x</a>',
    "<meta http-equiv='refresh' content='0;url=/fetched.png'><base href='https://evil.example/'>",
]
OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-quic"),
    *("--virtual-time-budget=2000", "--dump-dom"),
)


class Seen(NamedTuple):
    """The page as it is once the browser has loaded it, and the paths that it asked for."""

    dom: str
    asked: list[str]


def hostile_page() -> str:
    """A report in which every word that a stranger may write is an attack."""
    texts = [*PAYLOADS, *HOSTILE]
    run = make_run(
        {"teacher": lineage(), "small": lineage("distill", "teacher", model="mlp")},
        description="\n\n".join(texts),
        references={"small": {"value": 0.9, "source": " ".join(texts)}},
    )
    rows = [
        *variant_rows(run, "teacher", ns=20_000, right=90),
        *variant_rows(run, "small", ns=5_000, right=90, size_bytes=500),
        *(status_row("teacher", text, target="cpu_1thread", launch=3) for text in texts),
    ]
    return page.render(run, rows, summarise(run, rows)).text


def as_html(text: str) -> str:
    reader = MarkdownIt("commonmark", {"html": True}).enable("table")
    reader.validateLink = lambda url: True
    return f"<!doctype html><meta charset=utf-8><title>x</title><body>{reader.render(text)}</body>"


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """An address at which the folder is, and the paths that were asked for there."""
    asked: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            asked.append(self.path)

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


def seen(text: str, folder: Path) -> Seen:
    """What a browser makes of a page of markdown."""
    assert BROWSER
    (folder / "page.html").write_text(as_html(text))
    with served(folder) as (address, asked):
        command = [BROWSER, *OPTIONS, f"--user-data-dir={folder / 'profile'}"]
        done = subprocess.run(
            [*command, f"{address}/page.html"], capture_output=True, text=True, timeout=120
        )
    assert done.returncode == 0, done.stderr
    assert "/page.html" in asked
    return Seen(done.stdout, [path for path in asked if path not in ("/page.html", "/favicon.ico")])


class Elements(HTMLParser):
    """All elements of a page, by name and attributes."""

    def __init__(self, dom: str):
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(dom)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")
def test_nothing_of_a_hostile_run_does_anything(tmp_path: Path) -> None:
    dom, asked = seen(hostile_page(), tmp_path)
    assert "onerror" in dom, "the attacks are on the page, as text"
    assert 'class="ran"' not in dom
    for tag, attributes in Elements(dom).found:
        assert tag not in ("script", "iframe", "object", "svg", "style", "base", "details"), tag
        assert not [name for name in attributes if name.startswith("on")], attributes
        place = attributes.get("href") or attributes.get("src") or ""
        assert ":" not in place or place.startswith("https://"), place
        assert tag != "img" or ":" not in place
    assert not [path for path in asked if "fetched" in path]


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")
@pytest.mark.parametrize("payload", PAYLOADS)
def test_each_attack_works_where_nobody_prevents_it(payload: str, tmp_path: Path) -> None:
    dom, asked = seen(payload, tmp_path)
    does_nothing = 'class="ran"' not in dom and FETCH not in asked
    is_link = 'href="javascript:' in dom
    assert is_link or not does_nothing
