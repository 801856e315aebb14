"""The reports that are shown are of the suites beside them, and what pages quote is in them."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.checkout import ROOT, tracked

EXAMPLES = sorted({p.parent.parent for p in tracked("examples") if p.parent.name == "report"})
SUITES = {  # the suite of each report
    **{folder / "report": folder / f"{folder.name}.toml" for folder in EXAMPLES},
    **{p.parent: ROOT / "suites" / f"{p.parent.name}.toml" for p in tracked("reports")},
}
FIGURE = re.compile(r"(\d+(?:,\d{3})*\.\d+|\d+(?:,\d{3})+)\s?(%|×|times|pp|points)?")
UNITS = {"times": "×", "points": "pp"}  # words of pages -> those of reports
FOUND = re.compile(
    r"^What it f.*?(?=^How it works|^- \*\*The (?:task|data|root|weights))", re.M | re.S
)
OF_EACH_OTHER = re.compile(r"([\d.]+) % \(([\d.]+) of ([\d.]+)\)")
RESULTS = re.compile(r"^## Results on .*?$(.*?)^#", re.MULTILINE | re.DOTALL)


def variants(report: str) -> dict[str, str]:
    """Each variant in a report's tables of results, and the technique its lineage ends with."""
    found: dict[str, str] = {}
    for table in RESULTS.findall(report):
        rows = [[c.strip(" *~") for c in x.split("|")] for x in table.splitlines() if "|" in x]
        place = rows[0].index("lineage")
        found |= {row[1]: row[place].split(" → ")[-1] for row in rows[2:]}
    return found


def test_something_is_shown() -> None:
    assert {folder.name for folder in EXAMPLES} >= {"characters", "cifar10", "own_onnx", "sst2"}
    assert all(suite.is_file() for suite in SUITES.values())


@pytest.mark.parametrize("report", SUITES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_report_is_of_the_suite_beside_it(report: Path) -> None:
    """By what the file says: to read it whole, sst2 would need its weights."""
    suite = tomllib.loads(SUITES[report].read_text("utf-8"))
    text = (report / "README.md").read_text("utf-8")
    assert variants(text) == {name: one["technique"] for name, one in suite["variants"].items()}
    assert text.startswith(f"# {SUITES[report].stem}: ")
    assert re.search(rf"results/runs/{SUITES[report].stem}/", text)


def figures(text: str) -> list[tuple[float, int, str]]:
    """Numbers that are not whole, or have thousands: each with its decimals and its unit."""
    found = [(m[1].replace(",", ""), m[2] or "") for m in FIGURE.finditer(text)]
    return [(float(n), len(n.partition(".")[2]), UNITS.get(unit, unit)) for n, unit in found]


def unfounded(page: str, report: str) -> list[tuple[float, str]]:
    """What a page says was found, and no figure of the report in the same unit rounds to."""
    (found,) = FOUND.findall(page)
    for share, part, whole in OF_EACH_OTHER.findall(found):
        assert 100 * float(part) / float(whole) == pytest.approx(float(share), abs=0.05)
    known = figures(report)
    wrong = []
    for value, decimals, unit in figures(OF_EACH_OTHER.sub(r"\2 % of \3 %", found)):
        near = 0.5 * 10**-decimals + 1e-9
        if not any(abs(v - value) <= near and (not unit or u in ("", unit)) for v, _, u in known):
            wrong.append((value, unit))
    return wrong


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda path: path.name)
def test_what_a_page_quotes_is_in_its_report(folder: Path) -> None:
    page = (folder / "README.md").read_text("utf-8")
    assert unfounded(page, (folder / "report" / "README.md").read_text("utf-8")) == []


def test_a_figure_of_another_run_is_found() -> None:
    report = "| teacher | 85.32 % | 2.76× |\n| half | −1.32 pp | 1,821 |\n"
    page = "What it found: {} of 1,821.\nHow it works:"
    for right in ("85.3 %", "2.8 times as fast", "1.3 points below", "2.76"):
        assert unfounded(page.format(right), report) == []
    for wrong, value in (("85.4 %", 85.4), ("2.9 times", 2.9), ("2.8 %", 2.8), ("1.4 points", 1.4)):
        assert [found for found, _ in unfounded(page.format(wrong), report)] == [value]
