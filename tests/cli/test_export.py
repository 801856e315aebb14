"""A file goes out with a page of how to call it, by which alone it gets the run's accuracy."""
# ruff: noqa: F811, a fixture is an argument of its own name

from __future__ import annotations

import ast
import json
import re
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest

from compbench.cli import export as exports
from compbench.cli import usage
from compbench.data import digest, splits
from compbench.datasets import digits
from compbench.errors import UserError
from compbench.make import job as make_job
from compbench.make import rewrite
from compbench.make.store import MODEL, Store
from compbench.measure import evaluate
from compbench.onnxfile import metadata
from compbench.results.folder import new_folder, read_rows, write_companions, write_rows
from compbench.results.record import read_run, write_run
from compbench.runtime.process import Worker
from compbench.runtime.target import Target
from compbench.statistics.intervals import Interval
from compbench.suite import plan, read
from compbench.tasks import classification
from tests.cli.test_main import compbench, files, refused  # noqa: F401
from tests.factory import TARGET, lineage, make_run, status_row, with_keys

SUITE = """
dataset = "digits"
[variants.small]
technique = "train"
model = { name = "mlp", hidden = [16] }
epochs = 2
[variants.small_int8]
technique = "quantize_dynamic"
parent = "small"
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two variants on digits, with a third that failed, and its artifacts."""
    folder = tmp_path_factory.mktemp("export")
    path = folder / "mine.toml"
    path.write_text(SUITE)
    data, store = splits.load(digits.Dataset(), folder), Store(folder / "results")
    store.root.mkdir(parents=True)
    dataset, target = digest.record("digits", data), Target()
    rows, artifacts = [status_row("lost", "it did not converge")], {}
    suite = read.load(path)
    with Worker(rewrite.arrays(data)) as worker:
        seen = evaluate.Seen(data, (0,), evaluate.Inferences(worker))
        for job in plan.plan(suite, dataset["digest"]):
            above = [artifacts[key] for key in job.parent_keys]
            parents = [make_job.Parent(one, job.variant.root_model) for one in above]
            made = make_job.make(job, parents, data, lambda *_: None, worker)
            artifacts[job.key] = store.put(*made)
            parent = above[0] if above else None
            rows += evaluate.target_rows(job, artifacts[job.key], parent, seen, TARGET, target)
    variants = {
        "small": lineage(),
        "small_int8": lineage("quantize_dynamic", "small"),
        "lost": lineage(),
    }
    run = with_keys(make_run(variants, dataset=dataset), rows)
    place = new_folder(folder / "results", run.suite, run.started)
    write_run(place, run)
    write_rows(place, "all", rows)
    return folder / "results"


def accuracy(results: Path, variant: str) -> float:
    rows = read_rows(next(results.glob("runs/mine/*")))
    found = next(r for r in rows if (r.variant, r.metric) == (variant, "score"))
    return float(np.mean(found.samples["score"]))


@pytest.mark.parametrize("variant", ["small", "small_int8"])
def test_the_pages_own_code_gets_the_runs_accuracy_from_raw_pixels(
    compbench, results: Path, tmp_path: Path, variant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = compbench("export", "mine", variant, "out", "--results", str(results))
    assert said.out.splitlines() == [f"out/{variant}.onnx", "out/README.md"]
    page = (tmp_path / "out" / "README.md").read_text()
    found = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert found
    assert set(re.findall(r"^import (\w+)|^from (\w+)", found[1], re.MULTILINE)) == {
        ("numpy", ""),
        ("onnxruntime", ""),
    }
    monkeypatch.chdir(tmp_path / "out")
    names: dict = {}
    exec(found[1], names)
    raw = splits.load(digits.Dataset(), tmp_path).test
    assert raw.kinds["pixels"][0] == "uint8"
    right = float((names["infer"](raw.arrays["pixels"]).argmax(1) == raw.targets).mean())
    assert right == accuracy(results, variant)
    assert right > 0.5
    assert f"{100 * right:.2f} %" in page
    assert names["NAMES"] == [*"0123456789"]


def test_the_file_is_the_artifacts_and_says_the_same(
    compbench, results: Path, tmp_path: Path
) -> None:
    compbench("export", "mine", "small_int8", "x.onnx", "--results", str(results))
    content = (tmp_path / "x.onnx").read_bytes()
    told = metadata.read(content)
    assert content == (results / "artifacts" / told["key"] / MODEL).read_bytes()
    assert (tmp_path / "README.md").read_text().startswith("# small_int8\n")
    (feed,) = json.loads(told["feeds"])
    assert str(feed["normalisation"]["mean"]) in (tmp_path / "README.md").read_text()
    onnx.checker.check_model(onnx.load_model_from_string(content))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("smal_int8", "out"), "this run has no variant 'smal_int8'; did you mean 'small_int8'?"),
        (("lost", "out"), "'lost' (seed 0) has no file: it did not converge"),
        (("small", "out", "--seed", "7"), "--seed: this run has no seed 7; known: 0"),
        (("small", "there"), "there/README.md is there already"),
        (("small", "there/small.onnx"), "there/README.md is there already"),
        (("small", "a-file"), "a-file is a file, no folder"),
        (("small", "a-file/below/x.onnx"), "a-file is a file, no folder"),
        (("small", "old.onnx"), "old.onnx is there already; name another folder"),
    ],
)
def test_what_is_wrong_is_one_line_and_nothing_is_written(
    compbench, results: Path, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "README.md").write_text("mine")
    (tmp_path / "a-file").write_text("mine")
    (tmp_path / "old.onnx").write_text("mine")
    before = files(tmp_path)
    refused(compbench("export", "mine", *arguments, "--results", str(results)), said)
    assert files(tmp_path) == before
    assert (tmp_path / "old.onnx").read_text() == "mine"


def test_an_unknown_run_is_told_as_elsewhere(compbench, results: Path) -> None:
    refused(
        compbench("export", "mien", "small", "out", "--results", str(results)),
        "no run of 'mien'",
        "did you mean 'mine'?",
    )


def test_a_file_that_can_not_be_written_leaves_nothing(
    compbench, results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = exports.write_whole

    def full(path: Path, content: bytes) -> None:
        if path.suffix == ".onnx":
            raise OSError(28, "No space left on device", str(path))
        write(path, content)

    monkeypatch.setattr(exports, "write_whole", full)
    before = files(tmp_path)
    refused(compbench("export", "mine", "small", "new/out", "--results", str(results)), "No space")
    assert files(tmp_path) == before


def test_a_file_that_says_nothing_is_told_to_be_made_again(
    compbench, results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata, "read", lambda file: {})
    said = compbench("export", "mine", "small", "out", "--results", str(results))
    refused(said, "did not say how they are called; make it again: compbench run")


def test_what_the_model_needs_besides_goes_with_it(
    compbench, results: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "results"
    shutil.copytree(results, folder)
    (place,) = folder.glob("runs/mine/*")
    run = read_run(place)
    dataset = {**run.dataset, "companions": {"words.json": "it makes tokens of texts"}}
    write_run(place, run.model_copy(update={"dataset": dataset}))
    write_companions(place, {"words.json": b"{}"})
    said = compbench("export", "mine", "small", "out", "--results", str(folder))
    assert said.out.splitlines() == ["out/small.onnx", "out/README.md", "out/words.json"]
    assert (tmp_path / "out" / "words.json").read_bytes() == b"{}"
    page = (tmp_path / "out" / "README.md").read_text()
    assert "- Beside it: `words.json`: it makes tokens of texts.\n" in page
    (tmp_path / "out" / "small.onnx").unlink()
    (tmp_path / "out" / "README.md").unlink()
    before = files(tmp_path)
    refused(
        compbench("export", "mine", "small", "out", "--results", str(folder)),
        "out/words.json is there already",
    )
    assert files(tmp_path) == before
    (place / "companions" / "words.json").write_bytes(b"[]")
    damaged = ("export", "mine", "small", "other", "--results", str(folder))
    refused(compbench(*damaged), "companions/words.json is damaged: run the suite again")
    (place / "companions" / "words.json").unlink()
    refused(compbench(*damaged), "companions/words.json is missing: run the suite again")
    told = compbench("verify", "--results", str(folder))
    assert told.code == 1 and "companions/words.json is missing" in told.out


EVIL = "x`<img src=x onerror=alert(1)>[a](javascript:b)"


def hostile(**changes: str) -> dict[str, str]:
    """What a stranger's file may say of itself."""
    feed = {
        "name": EVIL,
        "source": changes.pop("source", "pixels"),
        "normalisation": None,
        "layout": "as is",
        "dtype": changes.pop("dtype", "float32"),
    }
    return {
        "outputs": json.dumps([EVIL]),
        "inputs": json.dumps({EVIL: {"dtype": EVIL, "shape": [EVIL, 3]}}),
        "feeds": json.dumps([feed]),
        "output": '"], {}); __import__("os").system("x") #' + EVIL,
        "key": EVIL,
        "version": EVIL,
        **changes,
    }


def test_a_stranger_s_words_are_no_code_and_no_markup_of_the_page() -> None:
    task = {**classification.Task().says()}
    task["headline"] = {**task["headline"], "unit": EVIL, "label": EVIL}
    run = make_run(suite=EVIL.replace("/", ""), task=task)
    measured = {"cpu": usage.Measured(Interval(0.9, 0.8, 1.0), 10)}
    about = usage.About("student", 0, run, EVIL, measured)
    page = usage.readme('a".onnx', hostile(), about)
    prose, _, rest = page.partition("```python\n")
    code, _, after = rest.partition("```")
    for text in (prose, after):
        assert "<img" not in text and "](javascript:" not in text and "x`<" not in text
    called = {ast.unparse(x.func) for x in ast.walk(ast.parse(code)) if isinstance(x, ast.Call)}
    assert not any("system" in name or "import" in name for name in called)
    for wrong in ({"source": "a); evil(b"}, {"source": "lambda"}, {"dtype": "float32); evil(b"}):
        with pytest.raises(UserError, match="the file is fed with"):
            usage.readme("a.onnx", hostile(**wrong), about)
