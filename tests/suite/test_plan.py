from __future__ import annotations

import ast
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import compbench
from compbench.contracts import kinds, model_options
from compbench.registry import fingerprint, registry
from compbench.suite import conditions, plan
from compbench.suite import key as suite_key
from compbench.suite import read as suite_read

BASE = """
seeds = [0, 1]
[variants.teacher]
technique = "train"
model = "cnn"
[variants.kd]
technique = "distill"
parent = "teacher"
model = "mlp"
[variants.q]
technique = "quantize_static"
parent = "kd"
"""


def keys(path: Path, digest: str = "d") -> dict[tuple[str, int], str]:
    return {(j.variant.name, j.seed): j.key for j in plan.plan(suite_read.load(path), digest)}


def test_order_is_seed_by_seed_in_file_order(write_suite: Callable[[str], Path]) -> None:
    jobs = plan.plan(suite_read.load(write_suite(BASE)), "d")
    names = [(job.variant.name, job.seed) for job in jobs]
    assert names == [("teacher", 0), ("kd", 0), ("q", 0), ("teacher", 1), ("kd", 1), ("q", 1)]
    assert jobs[1].parent_keys == (jobs[0].key,)
    assert len({job.key for job in jobs}) == 6


def test_the_key_is_of_content_not_of_spelling(write_suite: Callable[[str], Path]) -> None:
    before = keys(write_suite(BASE))
    spelled_out = BASE.replace(
        'model = "mlp"', 'model = { name = "mlp", hidden = [128] }\nepochs = 10'
    )
    assert keys(write_suite(spelled_out)) == before


def test_a_change_reaches_all_descendants_and_nobody_else(
    write_suite: Callable[[str], Path],
) -> None:
    before = keys(write_suite(BASE))
    after = keys(write_suite(BASE.replace('parent = "teacher"', 'parent = "teacher"\nepochs = 3')))
    assert {name for name, key in after.items() if key != before[name]} == {
        ("kd", 0),
        ("q", 0),
        ("kd", 1),
        ("q", 1),
    }


def test_other_data_other_keys(write_suite: Callable[[str], Path]) -> None:
    path = write_suite(BASE)
    assert not set(keys(path, "d").values()) & set(keys(path, "e").values())


def test_the_key_is_that_of_the_parts_which_are_kept(write_suite: Callable[[str], Path]) -> None:
    for job in plan.plan(suite_read.load(write_suite(BASE)), "d"):
        kept = json.loads(json.dumps(job.parts))
        assert suite_key.key_of(kept) == job.key
        assert {"device", "threads", "precision", "code", "libraries", "dataset"} <= kept.keys()


def changed(path: Path, before: dict[tuple[str, int], str]) -> set[str]:
    """The variants whose keys are no longer what they were."""
    after = keys(path)
    names = {name for name, seed in after if after[name, seed] != before[name, seed]}
    assert all(after[n, s] != before[n, s] for n, s in after if n in names), "one seed of two"
    return names


def edited(monkeypatch: pytest.MonkeyPatch, edits: dict[str, Callable[[bytes], bytes]]) -> None:
    """Let files of compbench read otherwise than they are; "*" stands for all others."""
    read, root = Path.read_bytes, Path(compbench.__file__).parent

    def edited_bytes(file: Path) -> bytes:
        content = read(file)
        if not file.is_relative_to(root) or file.suffix != ".py":
            return content
        edit = edits.get(file.relative_to(root).as_posix(), edits.get("*"))
        return edit(content) if edit else content

    monkeypatch.setattr(Path, "read_bytes", edited_bytes)


ADDED = b"\nADDED = 1\n"


@pytest.mark.parametrize(
    ("file", "variants"),
    [
        ("training/loop.py", {"teacher", "kd", "q"}),
        ("make/job.py", {"teacher", "kd", "q"}),
        ("make/determinism.py", {"teacher", "kd", "q"}),
        ("models/cnn.py", {"teacher", "kd", "q"}),
        ("techniques/distill.py", {"kd", "q"}),
        ("training/losses.py", {"kd", "q"}),
        ("models/mlp.py", {"kd", "q"}),
        ("toolkit/quantize/onnxruntime.py", {"q"}),
        ("onnxfile/graph.py", {"q"}),
        ("report/page.py", set()),
        ("make/store.py", set()),
        ("contracts/technique.py", set()),
        ("runtime/session.py", set()),
        ("data/idx.py", set()),
    ],
)
def test_a_key_depends_on_what_makes_an_artifact_and_on_no_more(
    file: str, variants: set[str], write_suite: Callable[[str], Path], monkeypatch
) -> None:
    path = write_suite(BASE)
    before = keys(path)
    edited(monkeypatch, {file: lambda content: content + ADDED})
    assert changed(path, before) == variants


def commented(content: bytes) -> bytes:
    """The same code with a comment above and below, another docstring, and other blank lines."""
    tree = ast.parse(content)
    first = tree.body[0]
    is_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    lines = content.decode().splitlines()
    begin = first.end_lineno if is_docstring else 0
    return "\n".join(
        ["# above", '"""Another docstring."""', "", *lines[begin:], "# below"]
    ).encode()


def test_comments_and_docstrings_anywhere_change_no_key(
    write_suite: Callable[[str], Path], monkeypatch
) -> None:
    path = write_suite(every_plugin())
    before = keys(path)
    edited(monkeypatch, {"*": commented})
    assert changed(path, before) == set()


ONNX_FILE = Path(__file__).parents[2] / "examples" / "own_onnx" / "classifier.onnx"


OF_LIBRARIES = ("torchvision", "timm", "transformers")  # doors to nets: two may not be here


def every_plugin() -> str:
    """A suite with each built-in technique, and each built-in model; of a task for all of them."""
    tables = ['task = "next_token"\n[variants.teacher]\ntechnique = "train"\nmodel = "cnn"\n']
    for name in registry.names("model"):
        if name in OF_LIBRARIES:
            continue
        tables.append(f'[variants.m_{name}]\ntechnique = "train"\nmodel = "{name}"\n')
    library = f'model = "{OF_LIBRARIES[0]}:alexnet"'
    tables.append(f'[variants.m_library]\ntechnique = "train"\n{library}\n')
    for name in registry.names("technique"):
        if name == "load":
            tables.append(f'[variants.t_{name}]\ntechnique = "{name}"\npath = "{ONNX_FILE}"\n')
        elif name != "train":
            technique = kinds.technique(name)
            least, most = technique.parents
            more = 'parent = "teacher"\n' if most > 0 else ""
            if least > 0 and model_options(technique):
                more += 'model = "mlp"\n'
            tables.append(f'[variants.t_{name}]\ntechnique = "{name}"\n{more}')
    return "".join(tables)


def test_one_statement_in_any_module_that_a_plugin_reaches_changes_its_key(
    write_suite: Callable[[str], Path], monkeypatch
) -> None:
    path = write_suite(every_plugin())
    jobs = plan.plan(suite_read.load(path), "d")
    before = {(job.variant.name, job.seed): job.key for job in jobs}
    reached = {name for job in jobs for name in job.parts["code"]}
    assert len(reached) > len(registry.names("technique")) + len(registry.names("model"))
    for module in reached:
        with monkeypatch.context() as patch:
            file = module.partition(".")[2].replace(".", "/")
            edits = {f"{file}{end}": lambda text: text + ADDED for end in (".py", "/__init__.py")}
            edited(patch, edits)
            through = {job.variant.name for job in jobs if module in job.parts["code"]}
            assert through <= changed(path, before)


def test_other_builds_of_libraries_other_keys(
    write_suite: Callable[[str], Path], monkeypatch
) -> None:
    path = write_suite(BASE)
    before = keys(path)
    installed = fingerprint._installed

    def with_version(name: str, version: str) -> None:
        monkeypatch.setattr(
            fingerprint,
            "_installed",
            lambda place, top: tuple(
                (n, version if n == name else v) for n, v in installed(place, top)
            ),
        )

    version = dict(installed(Path(torch.__file__).parent.parent, "torch"))["torch"]
    assert version == torch.__version__, "the build, +cpu say, is part of it"
    with_version("torch", f"{version.partition('+')[0]}+cu999")
    assert changed(path, before) == {"teacher", "kd", "q"}
    with_version("torch", f"{version}.post1")
    assert changed(path, before) == {"teacher", "kd", "q"}


def test_another_onnx_runtime_remakes_what_it_quantized_and_no_more(
    write_suite: Callable[[str], Path], monkeypatch
) -> None:
    """What the README says of artifacts in several environments."""
    path = write_suite(every_plugin())
    before, installed = keys(path), fingerprint._installed
    others = (("onnxruntime-openvino", "1.24.1"),)
    monkeypatch.setattr(
        fingerprint,
        "_installed",
        lambda place, top: others if top == "onnxruntime" else installed(place, top),
    )
    by_runtime = {
        name
        for name, variant in suite_read.load(path).variants.items()
        if variant.technique.quantizes or variant.technique_name == "float16"
    }
    assert by_runtime
    assert changed(path, before) == by_runtime
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    assert "those that ONNX Runtime's quantizers made are made again" in " ".join(readme.split())


@pytest.mark.parametrize(
    ("name", "value"), [("device", lambda: "cuda"), ("threads", lambda: 7), ("PRECISION", "tf32")]
)
def test_device_threads_and_precision_are_part_of_the_key(
    name: str, value: object, write_suite: Callable[[str], Path], monkeypatch
) -> None:
    path = write_suite(BASE)
    before = keys(path)
    monkeypatch.setattr(conditions, name, value)
    assert changed(path, before) == {"teacher", "kd", "q"}


@pytest.mark.parametrize(
    ("said", "threads"), [("3", 3), ("4,2", 4), (" 5 ", 5), ("", None), ("0", None), ("x", None)]
)
def test_threads_are_those_that_openmp_is_told_else_the_cores(
    said: str, threads: int | None, monkeypatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    assert conditions.threads() == (threads or conditions._cores())


def test_the_plan_knows_the_device_that_training_uses() -> None:
    assert conditions.device() == ("cuda" if torch.cuda.is_available() else "cpu")
