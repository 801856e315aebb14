"""What a technique says of itself reaches tables and pictures, whatever it is called."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from matplotlib.colors import to_hex

import compbench
from compbench import seal
from compbench.contracts import TechniqueBase
from compbench.data import digest
from compbench.data.splits import Data
from compbench.registry import registry
from compbench.report import page
from compbench.report.pictures import style
from compbench.report.pictures.scatter import pareto_scatter
from compbench.results import record, upgrade
from compbench.results.record import Run
from compbench.results.row import Row
from compbench.run import run as compbench_run
from compbench.statistics.lineage import descent, family, kind, made_from, teacher
from compbench.statistics.summarise import summarise
from compbench.suite import read
from tests.factory import TARGET, lineage, make_run, variant_rows

PLUGIN = '''"""Coaching."""
from collections.abc import Sequence
from typing import ClassVar

from compbench.contracts import ModelOption, NullCase, Teaching, TorchTechnique


class Coaching(Teaching, TorchTechnique):
    """Learn beside the parent."""

    null_case = NullCase({}, "train", {})
    family: ClassVar[str] = "coached"
    teaches: ClassVar[bool] = True
    model: ModelOption

    def build(self, parents, data, fit):
        """The trained module."""


class Other(Teaching, TorchTechnique):
    """It says nothing of itself."""

    null_case = NullCase({}, "train", {})

    def build(self, parents, data, fit):
        """The trained module."""
'''


SUITE = """
dataset = "digits"
baseline = "teacher"
[variants.teacher]
technique = "train"
model = "mlp"
[variants.pupil]
technique = "toyclub.coach:Coaching"
parent = "teacher"
model = "mlp"
[variants.half]
technique = "float16"
parent = "pupil"
[targets.cpu]
"""


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> type[TechniqueBase]:
    folder = tmp_path / "toyclub"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "coach.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "toyclub"]:
        monkeypatch.delitem(sys.modules, name)  # another test's
    return registry.find("technique", "toyclub.coach:Coaching")


def coached(plugin: type[TechniqueBase]) -> tuple[Run, list[Row]]:
    variants = {
        "teacher": lineage(),
        "student": lineage(model="mlp"),
        "pupil": lineage("toyclub.coach:Coaching", "teacher", model="mlp") | plugin.says(),
        "int8": lineage("quantize_static", "pupil", model="mlp"),
    }
    run = make_run(variants)
    return run, [
        row
        for index, variant in enumerate(variants)
        for row in variant_rows(run, variant, ns=20_000 - 2_000 * index, right=80 + index)
    ]


def test_a_foreign_technique_that_teaches_gets_the_teacher_tables(
    plugin: type[TechniqueBase],
) -> None:
    run, rows = coached(plugin)
    text = page.render(run, rows, summarise(run, rows)).text
    table = text.partition("### Did a teacher help?")[2].partition("###")[0]
    assert re.search(r"\| pupil +\| teacher +\| student +\|", table)
    assert (teacher(run, "pupil"), made_from(run, "pupil")) == ("teacher", None)
    assert (teacher(run, "int8"), made_from(run, "int8")) == (None, "pupil")


def test_it_is_a_family_of_its_own_in_tables_and_pictures(plugin: type[TechniqueBase]) -> None:
    run, rows = coached(plugin)
    summaries = summarise(run, rows)
    assert kind(run, "int8") == "coached → quantized"
    assert (family(run, "pupil"), family(run, "int8")) == ("coached", "chains")
    table = page.render(run, rows, summaries).text.partition("### By family")[2]
    assert table.partition("###")[0].count("| coached ") == 1
    figure = pareto_scatter(run, summaries, TARGET)
    named = {text.get_text() for legend in figure.legends for text in legend.get_texts()}
    assert {"trained", "coached", "quantized"} <= named


def test_a_technique_that_says_no_family_is_one_by_its_module(plugin: type) -> None:
    says = registry.find("technique", "toyclub.coach:Other").says()
    assert says == {"family": "coach", "teaches": False, "scheme": ""}


def test_a_run_records_what_its_techniques_say(
    plugin: type, tiny: Data, write_suite: Callable[[str], Path]
) -> None:
    path = write_suite(SUITE)
    run = compbench_run._describe(read.load(path), (), digest.record("tiny", tiny), path.parent)
    described = run.variants
    fields = ("family", "teaches", "scheme")
    assert {name: [v[f] for f in fields] for name, v in described.items()} == {
        "teacher": ["trained", False, ""],
        "pupil": ["coached", True, ""],
        "half": ["half precision", False, "in float16"],
    }


def test_families_of_other_words_look_different_and_ours_always_the_same() -> None:
    words = [f"family_{i}" for i in range(5)]
    run = make_run({w: lineage(w) for w in (*words, "quantize_static", "train")})
    looks = style.looks(run)
    assert list(looks) == ["trained", "quantized", *words]
    assert len({(to_hex(look.colour), look.marker) for look in looks.values()}) == len(looks)
    assert (
        looks["quantized"] == style.looks(make_run({"a": lineage("quantize_aware")}))["quantized"]
    )
    many = make_run({f"f{i}": lineage(f"f{i}") for i in range(30)})
    assert len(style.looks(many)) == 30


def test_old_records_say_what_the_techniques_say_today() -> None:
    """All the names that there were: a run of before and one of now are read alike."""
    for name in registry.names("technique"):
        if name not in upgrade.TECHNIQUES:
            continue  # came later: it has always been recorded
        said = registry.find("technique", name).says()
        assert upgrade.variant(lineage(name)) == lineage(name) | said, name
    assert len(upgrade.TECHNIQUES) == 11


def test_what_a_record_says_is_left_as_it_is(tmp_path: Path) -> None:
    said = lineage("distill", "teacher") | {"family": "mine", "teaches": False, "scheme": "odd"}
    run = make_run({"teacher": lineage(), "mine": said})
    record.write_run(tmp_path, run)
    assert record.read_run(tmp_path).variants["mine"] == said
    content = json.loads((tmp_path / "run.json").read_text())
    for described in content["variants"].values():
        for field in ("family", "teaches", "scheme"):
            del described[field]
    del content[seal.SUM]
    (tmp_path / "run.json").write_bytes(seal.json_text(content))
    found = record.read_run(tmp_path).variants
    assert (found["mine"]["family"], found["mine"]["teaches"]) == ("distilled", True)


def test_no_techniques_name_stands_in_statistics_and_reports() -> None:
    """What others must know of a technique is what it says of itself."""
    root = Path(compbench.__file__).parent
    for room in ("statistics", "report", "table", "compare", "history", "cli"):
        for path in (root / room).rglob("*.py"):
            text = path.read_text()
            for name in registry.names("technique"):
                assert f'"{name}"' not in text and f"'{name}'" not in text, path


def test_a_descent_names_every_parent() -> None:
    variants = {
        "a": lineage(),
        "b": lineage(),
        "c": lineage("distill", "a", "b"),
        "d": lineage("distill", "c", "b"),
    }
    run = make_run(variants)
    assert descent(run, "a", "a") == "a"
    assert descent(run, "c", "distill") == "a + b → distill"
    assert descent(run, "d", "d") == "(a + b → c) + b → d"
