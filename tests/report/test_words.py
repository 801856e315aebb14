"""Words on speed agree with their numbers, and every section says the same of a variant."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from matplotlib import rc_context
from rich.console import Console

from compbench.cli.overview import overview
from compbench.cli.pick import choose
from compbench.compare.compare import compare
from compbench.compare.match import side as side_of_run
from compbench.compare.render import render as render_comparison
from compbench.report.page import render
from compbench.report.pictures import style
from compbench.report.pictures.speed import size_and_speed
from compbench.report.section import Table
from compbench.report.sections.across_targets import across
from compbench.report.sections.caveats import findings
from compbench.report.sections.families import by_family
from compbench.report.sections.in_short import summary_table
from compbench.report.sections.main_table import main
from compbench.report.sections.significance import chance
from compbench.report.sections.speed_explained import explanations
from compbench.results.record import Run
from compbench.results.row import Row
from compbench.results.row_index import Rows
from compbench.statistics.summarise import summarise
from tests.factory import RUN, TARGET, latency_row, lineage, make_run, turns_ns, variant_rows

NOISY = (21_400, 28_090, 36_870)  # of three launches, beside 20,000: 0.712× (0.361–1.40)
VARIANTS = {
    "teacher": lineage(),
    "noisy": lineage("quantize_static", "teacher"),
    "slow": lineage("prune_weights", "teacher"),
    "fast": lineage("prune_channels", "teacher"),
    "of_fast": lineage("quantize_static", "fast"),
    "as_fast": lineage("quantize_static", "fast"),
    "faster": lineage("prune_weights", "fast"),
}
NS = {
    "teacher": (20_000, 20_000, 20_000),
    "noisy": NOISY,
    "slow": (28_000, 28_100, 28_200),
    "fast": (10_000, 10_010, 10_020),
    "of_fast": (16_000, 16_010, 16_050),
    "as_fast": (10_100, 9_900, 10_300),
    "faster": (4_000, 4_010, 4_020),
}
BESIDE_BASELINE = {"noisy": 0, "slow": -1, "fast": 1, "of_fast": 1, "as_fast": 1, "faster": 1}
BESIDE_PARENT = {"noisy": 0, "slow": -1, "fast": 1, "of_fast": -1, "as_fast": 0, "faster": 1}
# a number with ×, perhaps its interval, and the word that ends it
_FACTOR = re.compile(r"([\d.]+)×(?: \([^)]*\))? (faster|slower|smaller|larger)")


def made() -> tuple[Run, list[Row]]:
    both = {TARGET: RUN.targets[TARGET], "other": RUN.targets[TARGET]}
    run = make_run(VARIANTS, targets=both)
    rows = []
    for name, ns in NS.items():
        weights = "int8" if VARIANTS[name]["technique"].startswith("quantize") else "float32"
        is_sparse = VARIANTS[name]["technique"] == "prune_weights"
        nonzero = 100 if is_sparse else None
        rows += variant_rows(run, name, ns=ns, weight_type=weights, nonzero=nonzero)
    return run, rows


RUN_HERE, ROWS_HERE = made()
SUMMARIES = summarise(RUN_HERE, ROWS_HERE)


def shown(parts: Iterator[object]) -> str:
    console = Console(width=300, color_system=None, highlight=False)
    with console.capture() as captured:
        for part in parts:
            console.print(part)
    return captured.get()


def everything_said() -> dict[str, str]:
    """All that people read of this run, by where it stands."""
    run, rows = RUN_HERE, ROWS_HERE
    swapped = [r for v in NS for r in variant_rows(run, v, ns=[ns * 14 // 10 for ns in NS[v]])]
    base = [r for r in rows if r.variant == "teacher"]
    later = [*base, *(r for r in swapped if r.variant != "teacher")]
    a, b = (side_of_run(name, run, of) for name, of in (("a", rows), ("b", later)))
    chosen = choose(run, SUMMARIES, TARGET, {})
    with rc_context(style.STYLE):
        axes = size_and_speed(run, SUMMARIES, TARGET).axes
    return {
        "report": render(run, rows, SUMMARIES).text,
        "terminal": shown(overview(run, SUMMARIES)),
        "pick": shown(iter([chosen.sentence(), chosen.table()])),
        "compare": render_comparison(compare(a, b), "table"),
        "compare back": render_comparison(compare(b, a), "markdown"),
        "picture": "\n".join(t.get_text() for each in axes for t in each.texts),
    }


@pytest.mark.parametrize("where", everything_said())
def test_no_number_below_one_stands_before_faster_or_slower(where: str) -> None:
    said = everything_said()[where]
    found = _FACTOR.findall(" ".join(said.split()))
    assert found or where == "pick"
    assert [pair for pair in found if float(pair[0]) < 1] == []
    assert "0.712× (0.361–1.40) faster" not in said


def side(words: str) -> int:
    """What a cell or a sentence says: 1 faster, -1 slower, 0 as fast within noise."""
    if any(said in words for said in ("≈", "within noise", "not shown", "not distinguishable")):
        return 0
    return -1 if "slower" in words else 1


def column(table: Table, name: str, key: str = "variant") -> dict[str, int]:
    found = {row[key].strip("*`"): row.get(name, "") for row in table}
    return {v: side(cell) for v, cell in found.items() if v != "teacher"}


def test_every_section_says_the_same_of_a_variant_s_speed() -> None:
    run, rows, summaries = RUN_HERE, ROWS_HERE, SUMMARIES
    with rc_context(style.STYLE):
        names, bars = size_and_speed(run, summaries, TARGET).axes
    labels = [t.get_text() for t in names.get_yticklabels()]
    drawn = {v: t.get_text() for v, t in zip(labels, bars.texts, strict=True)}
    lines = shown(overview(run, summaries)).splitlines()[2:8]
    kept = compare(side_of_run("a", run, rows), side_of_run("b", run, rows))
    said = {
        "main table": column(main(run, summaries, TARGET), "speed-up"),
        "in short": column(summary_table(run, summaries, TARGET), "speed", "model"),
        "could it be chance": column(chance(run, summaries, TARGET), "it is"),
        "its figures": column(chance(run, summaries, TARGET), "speed-up"),
        "across targets": column(across(run, summaries), TARGET),
        "picture": {v: side(words) for v, words in drawn.items() if "teacher" not in v},
        "terminal": {line.split()[0]: side(line[70:]) for line in lines if "teacher" not in line},
        "compare": {x.variant: x.a.faster for x in kept.of(TARGET) if x.variant != "teacher"},
    }
    for where, words in said.items():
        assert words == {v: BESIDE_BASELINE[v] for v in words}, where
        assert len(words) >= 5, where
    for family in by_family(run, summaries, TARGET):
        name, _, words = family["fastest within it"].partition(" ")
        assert not words or side(words) == BESIDE_BASELINE[name.strip("`")]
    summary = {s.variant: s for s in summaries.of(TARGET)}
    told = findings(run, summaries, TARGET) + explanations(run, Rows(rows), summaries, TARGET)
    for sentence in told:
        name = sentence.split("`")[1]
        assert summary[name].faster_than_parent == BESIDE_PARENT[name]
        if "× (" in sentence or "within noise" in sentence or "not shown" in sentence:
            assert side(sentence.partition(": ")[0]) == BESIDE_PARENT[name], sentence


def test_who_is_slower_than_its_parent_is_told_in_both_places() -> None:
    told = [findings(RUN_HERE, SUMMARIES, TARGET)]
    told.append(explanations(RUN_HERE, Rows(ROWS_HERE), SUMMARIES, TARGET))
    for lines in told:
        slower = {x.split("`")[1] for x in lines if " slower than its parent" in x}
        assert slower == {"slow", "of_fast"}


@pytest.mark.parametrize(("kept", "expected"), [(2, 1), (20, 0)])
def test_a_median_that_says_the_opposite_takes_the_word_away(kept: int, expected: int) -> None:
    """Launches weigh alike in a ratio, runs in a median: one slow launch had most of these runs."""
    run = make_run({"teacher": lineage(), "odd": lineage("prune_channels", "teacher")})
    slow = latency_row("odd", turns_ns(45_000), kept=kept, launch=2)
    rows = [
        *variant_rows(run, "teacher", ns=(10_000, 10_000, 50_000)),
        *(
            r
            for r in variant_rows(run, "odd", ns=9_000)
            if (r.metric, r.launch) != ("latency_ns", 2)
        ),
        slow,
    ]
    base, found = summarise(run, rows).of(TARGET)
    assert found.p50_ns and base.p50_ns and found.faster == expected
    assert (found.p50_ns > base.p50_ns) is (expected == 0)
