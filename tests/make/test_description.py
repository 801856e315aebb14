"""What every made file says of itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import onnx
import pytest

from compbench.contracts import Feed
from compbench.data import digest
from compbench.data.splits import Data
from compbench.make import job as make_job
from compbench.make.store import MODEL, Artifact, Store
from compbench.onnxfile import metadata
from compbench.onnxfile.export import without_notes
from compbench.registry import registry
from compbench.suite import plan, read
from compbench.suite.key import unlike
from compbench.suite.plan import Job
from tests.nets import SCALING

SUITE = """
dataset = "digits"
[variants.teacher]
technique = "train"
model = { name = "mlp", hidden = [8] }
epochs = 1
[variants.student]
technique = "distill"
parent = "teacher"
model = { name = "mlp", hidden = [4] }
epochs = 1
[variants.int8]
technique = "quantize_static"
parent = "student"
[variants.again]
technique = "quantize_aware"
parent = "student"
epochs = 1
"""


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Job]:
    path = tmp_path_factory.mktemp("suite") / "mine.toml"
    path.write_text(SUITE)
    return {job.variant.name: job for job in plan.plan(read.load(path), "d")}


@pytest.fixture(scope="module")
def artifacts(
    jobs: dict[str, Job], tiny: Data, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Artifact]:
    some = {name: jobs[name] for name in ("teacher", "student", "int8")}
    return made(some, tiny, tmp_path_factory.mktemp("made"))


def made(jobs: dict[str, Job], data: Data, folder: Path) -> dict[str, Artifact]:
    store = Store(folder)
    store.root.mkdir(parents=True)
    artifacts: dict[str, Artifact] = {}
    for name, job in jobs.items():
        above = [artifacts[parent] for parent in job.variant.parents]
        parents = [make_job.Parent(one, job.variant.root_model) for one in above]
        artifacts[name] = store.put(*make_job.make(job, parents, data, lambda *_: None))
    return artifacts


LINEAGE = {
    "teacher": ["train"],
    "student": ["train", "distill"],
    "int8": ["train", "distill", "quantize_static"],
    "again": ["train", "distill", "quantize_aware"],
}


def complain(name: str, job: Job, artifact: Artifact) -> None:
    told = metadata.read(artifact.read(MODEL))
    steps = json.loads(told.pop("lineage"))
    assert [step["technique"] for step in steps] == LINEAGE[name]
    assert steps[-1]["key"] == job.key
    assert tuple(steps[-1]["parents"]) == job.parent_keys
    assert told == {
        "feeds": json.dumps([Feed("pixels", "pixels", "float32", SCALING).as_json()]),
        "inputs": '{"pixels": {"dtype": "float", "shape": ["batch", 1, 12, 12]}}',
        "key": job.key,
        "metric": "accuracy",
        "output": "logits",
        "outputs": "3",
        "preprocessing": "before the file",
        "version": registry.versions(("compbench",))["compbench"],
    }


def test_every_file_says_how_it_is_called_and_where_it_is_from(
    jobs: dict[str, Job], artifacts: dict[str, Artifact]
) -> None:
    for name, artifact in artifacts.items():
        complain(name, jobs[name], artifact)


@pytest.mark.slow
def test_so_does_one_that_was_lowered(jobs: dict[str, Job], tiny: Data, tmp_path: Path) -> None:
    some = {name: jobs[name] for name in ("teacher", "student", "again")}
    complain("again", jobs["again"], made(some, tiny, tmp_path)["again"])


def test_the_same_job_gives_the_same_bytes(
    jobs: dict[str, Job], artifacts: dict[str, Artifact], tiny: Data, tmp_path: Path
) -> None:
    for name in ("teacher", "int8"):
        parents = [artifacts[parent] for parent in jobs[name].variant.parents]
        roots = [make_job.Parent(one, jobs[name].variant.root_model) for one in parents]
        _, files = make_job.make(jobs[name], roots, tiny, lambda *_: None)
        assert files[MODEL] == artifacts[name].read(MODEL)


def test_the_names_of_classes_are_part_of_a_key(
    write_suite: Callable[[str], Path], tiny: Data
) -> None:
    """By the dataset's digest, of all that `described` says of it."""
    suite = read.load(write_suite(SUITE))
    named = replace(tiny, training=replace(tiny.training, class_names=("low", "middle", "high")))
    digests = [digest.record("digits", data)["digest"] for data in (tiny, named)]
    before, after = (plan.plan(suite, one)[0] for one in digests)
    assert before.key != after.key
    assert list(unlike(before.parts, after.parts)) == ["dataset"]


def test_what_a_file_says_is_written_over_and_can_be_removed() -> None:
    model = onnx.ModelProto()
    model.metadata_props.add(key="onnx.infer", value="onnxruntime.quant")
    plain = without_notes(model)
    told = metadata.written(plain, {"b": "é", "a": "1"})
    assert told == metadata.written(metadata.written(plain, {"a": "2"}), {"a": "1", "b": "é"})
    assert metadata.read(told) == {"a": "1", "b": "é"}
    assert without_notes(onnx.load_model_from_string(told)) == plain
    assert metadata.net_sha256(told) == hashlib.sha256(plain).hexdigest()
