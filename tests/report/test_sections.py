"""Every file of `report/sections/` is a section, and one that fails loses only itself."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from shutil import copyfile
from typing import Any

import numpy as np
import pytest

from compbench import safe_markdown
from compbench.report import page, sections, write
from compbench.report.gallery import gallery
from compbench.report.section import Page, SectionBase
from compbench.report.section_list import places
from compbench.results.folder import new_folder, write_rows
from compbench.results.record import Run, write_run
from compbench.results.row import Row
from compbench.results.row_index import Rows
from compbench.runtime.target import LoadGen, Target
from compbench.statistics.summarise import summarise
from compbench.table.stored_run import StoredRun
from tests.factory import (
    SHIFTS,
    TARGET,
    lineage,
    make_row,
    make_run,
    shifted_rows,
    variant_rows,
)
from tests.picture_rows import dataset_rows, errors_row, soft_row

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "adding" / "section.py"
NAMES = sorted(p.stem for p in Path(sections.__file__).parent.glob("*.py") if p.stem[0] != "_")


def full() -> tuple[Run, list[Row]]:
    """A run in which every section has something to say, on two targets."""

    def taught(parent: str, temperature: float, model: str = "mlp") -> dict[str, Any]:
        return lineage("distill", parent, model=model) | {"options": {"temperature": temperature}}

    variants = {
        "teacher": lineage(),
        "student": lineage(model="mlp"),
        **{f"taught_{t}": taught("teacher", t) for t in (1, 4, 9)},
        "assistant": taught("teacher", 4, "small"),
        "assisted": taught("assistant", 4),
        "int8": lineage("quantize_static", "teacher"),
        "lost": lineage("prune_channels", "teacher"),
    }
    cpu = Target(loadgen=LoadGen(scenarios=("server",))).model_dump(mode="json")
    references = {"student": {"value": 0.9, "source": "Somebody 2015"}}
    targets = {TARGET: cpu, "other": cpu}
    run = make_run(variants, targets=targets, references=references, shifts=SHIFTS)
    rows = dataset_rows()
    for index, variant in enumerate(variants):
        if variant == "lost":
            rows.append(make_row(variant, "status", status="failed", reason="out of memory"))
            continue
        right, size = 90 - index, 4_000 - 300 * index
        figures: dict[str, Any] = {
            "right": right,
            "validation": right,
            "ns": 4 * size,
            "size_bytes": size,
        }
        rows += variant_rows(run, variant, **figures, weight_type="int8")
        rows += shifted_rows(run, variant, right)
        rows += [
            make_row(variant, "notes", samples={"text": np.array(["one layer stays dense"])}),
            soft_row(variant),
            errors_row(variant, [(i, 9 - i % 3) for i in range(right, 100)]),
        ]
    for target in run.targets:
        absent: dict[str, Any] = {"target": target, "status": "skipped", "reason": "absent"}
        rows.append(make_row("teacher", "loadgen_server", **absent))
    busy = {"other_load": np.array([0.9])}
    rows = [replace(r, samples={**r.samples, **busy}) if r.metric == "machine" else r for r in rows]
    return run.model_copy(update={"finished": None}), rows


RUN, ROWS = full()
SUMMARIES = summarise(RUN, ROWS)
PLACES = places(Page(RUN, Rows(ROWS), SUMMARIES))
PICTURES = [picture.name for picture in gallery(PLACES).pictures]
DECLARING = sorted({p.name for p in PLACES if type(p.section).pictures is not SectionBase.pictures})


def raises(*_: object) -> Any:
    raise TypeError("no such\nthing <object at 0x7f01>")


def a_block(*_: object) -> Sequence[str]:
    return ["A BLOCK."]


def section_class(name: str) -> type[SectionBase]:
    return importlib.import_module(f"{sections.__name__}.{name}").Section


def render() -> page.Report:
    return page.render(RUN, ROWS, SUMMARIES)


def lines(name: str) -> list[str]:
    """What stands in the places of a failed section."""
    where = [f" on {p.page.target}" if p.page.target else "" for p in PLACES if p.name == name]
    error = "could not be written: TypeError: no such thing <object>"
    return [f"**The section `{name}`{on} {error}**" for on in where]


def test_every_section_is_shown_of_such_a_run() -> None:
    shown = {(p.kind, p.target): p.markdown for p in gallery(PLACES).pictures}
    said = {p.name for p in PLACES if any(p.section.content(replace(p.page, shown=shown)))}
    # of metrics that a user adds, and of sweeps: test_metrics.py and test_sweeps.py have some
    further = {"further_metrics", "sweeps"}
    assert said == set(NAMES) - further


def test_no_two_sections_have_the_same_place() -> None:
    orders = [section_class(name).order for name in NAMES]
    assert len(set(orders)) == len(orders)


@pytest.mark.parametrize("name", NAMES)
def test_a_section_that_fails_is_a_line_in_its_place_and_all_others_stand(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    section = section_class(name)
    with monkeypatch.context() as patch:
        patch.setattr(section, "content", a_block)
        expected = render().text
    monkeypatch.setattr(section, "content", raises)
    report = render()
    for line in lines(name):
        expected = expected.replace("A BLOCK.", safe_markdown.page(line), 1)
    assert report.text == expected
    assert [f.markdown for f in report.failures] == lines(name)
    assert "raises" in report.failures[0].traceback


@pytest.mark.parametrize("name", DECLARING)
def test_so_does_one_that_can_not_say_its_pictures(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(section_class(name), "pictures", raises)
    report = render()
    assert [f.markdown for f in report.failures] == lines(name)
    headings = [line for line in render().text.splitlines() if line.startswith("#")]
    assert set(headings) >= {f"## Results on {TARGET}", "### Could it be chance?", "## Training"}
    assert all(safe_markdown.page(line) in report.text for line in lines(name))


@pytest.mark.parametrize("name", NAMES)
def test_a_heading_that_fails_is_a_line_too(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(section_class(name), "content", a_block)
    monkeypatch.setattr(section_class(name), "heading", raises)
    report = render()
    assert [f.markdown for f in report.failures] == lines(name)
    assert "A BLOCK." not in report.text
    assert all(safe_markdown.page(line) in report.text for line in lines(name))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = new_folder(tmp_path / "results", RUN.suite, RUN.started)
    write_run(made, RUN)
    write_rows(made, "all", ROWS)
    return made


def test_tracebacks_lie_beside_the_report_until_all_can_be_written(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("compbench.report.pictures.draw.png", lambda figure: b"png")
    with monkeypatch.context() as patch:
        patch.setattr(section_class("cost"), "content", raises)
        first = write.write(StoredRun(folder), tmp_path)
        failed = first.path.with_name(write.FAILED)
        assert "in raises\n" in failed.read_text()
        text = first.path.read_bytes()
        again = write.write(StoredRun(folder), tmp_path)
    said = "the section `cost` could not be written: TypeError: no such thing <object>"
    assert first.failures == again.failures == (f"{said}; see {failed}",)
    assert again.path.read_bytes() == text
    assert write.write(StoredRun(folder), tmp_path).failures == ()
    assert not failed.exists()


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_that_fails_is_a_line_and_all_others_are_drawn(
    name: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Drawing is replaced; `test_plots` draws."""
    monkeypatch.setattr("compbench.report.pictures.draw.png", lambda figure: b"png")
    kind, _, target = name.removesuffix(".png").rpartition("-")
    for place in PLACES:
        if type(place.section).pictures is not SectionBase.pictures:
            _draw_nothing(type(place.section), monkeypatch, name)
    written = write.write(StoredRun(folder), tmp_path)
    text = written.path.read_text()
    on = f" on {target}" if kind else ""
    line = f"**The picture `{kind or 'training'}`{on} could not be written: ValueError: odd**"
    assert line in text
    assert f"]({name})" not in text
    drawn = {path.name for path in written.path.parent.glob("*.png")}
    assert drawn == {*PICTURES} - {name}
    assert len(written.failures) == 1


def _draw_nothing(section: type, monkeypatch: pytest.MonkeyPatch, fails: str) -> None:
    """Pictures of this class are not drawn; one of them raises."""
    original: Callable[..., Sequence[Any]] = section.pictures

    def fail() -> None:
        raise ValueError("odd")

    def pictures(self: SectionBase, on: Page) -> list[Any]:
        return [
            replace(picture, draw=fail if picture.name == fails else lambda: None)
            for picture in original(self, on)
        ]

    monkeypatch.setattr(section, "pictures", pictures)


@pytest.fixture
def added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose files are sections too."""
    place = tmp_path / "added"
    place.mkdir()
    monkeypatch.setattr(sections, "__path__", [*sections.__path__, str(place)])
    before = {*sys.modules}
    importlib.invalidate_caches()
    yield place
    for module in {*sys.modules} - before:
        if module.startswith(f"{sections.__name__}."):
            del sys.modules[module]
            delattr(sections, module.rpartition(".")[2])


def test_a_section_is_added_by_one_file(added: Path) -> None:
    before = render().text
    copyfile(EXAMPLE, added / "kept_epoch.py")
    report = render()
    assert report.failures == ()
    start, end = (
        report.text.index("### Which epoch was kept"),
        report.text.index("### What it cost"),
    )
    assert report.text[:start] + report.text[end:] == before
    assert "| teacher   | 2       |" in report.text[start:end]
    assert report.text[start:end].endswith("; the mean over seeds.\n\n")


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("Section = 3", "TypeError: compbench.report.sections.odd has no class 'Section'"),
        (
            "from compbench.report.section import SectionBase\n"
            "class Section(SectionBase):\n    def content(self, page): return []\n",
            "TypeError: compbench.report.sections.odd says no number as its 'order'",
        ),
        (
            "from compbench.report.section import SectionBase\n"
            "class Section(SectionBase):\n    order = 3\n",
            "TypeError: Can't instantiate abstract class Section",
        ),
        ("1 +", "SyntaxError: "),
    ],
    ids=["import", "no class", "no order", "no content", "syntax"],
)
def test_a_file_that_gives_no_section_is_a_line_at_the_end(
    added: Path, content: str, error: str
) -> None:
    before = render().text
    (added / "odd.py").write_text(content)
    text = render().text
    assert text.startswith(before)
    line = text.removeprefix(before).strip()
    assert line.startswith(f"**The section `odd` could not be written: {error}")


def test_two_sections_do_not_overwrite_each_others_pictures(added: Path) -> None:
    copyfile(Path(sections.__path__[0]) / "training.py", added / "training_again.py")
    report = render()
    (failed,) = report.failures
    assert failed.said == (
        "the section `training_again` could not be written: "
        "ValueError: another section has the picture training.png"
    )
    assert report.text.count("(training.png)") == 1
